// Instructions that the CPU model above decides. Here only what faults before any intercept is
// asked: mode, privilege and I/O permission (APM vol. 2, 15.9: "exceptions ... take precedence").
#include "sim/isa/descriptors.h"
#include "sim/isa/flag_images.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

Outcome anyone(Execution& x) { return x.special(); }

Outcome supervisor_only(Execution& x) { return x.regs.cpl == 0 ? x.special() : x.raise_zero(kGp); }

// SVM instructions: #UD without EFER.SVME, then CPL 0 in protected mode (APM vol. 3, VMRUN).
Outcome svm(Execution& x) {
  if (!(x.regs.efer & kEferSvme) || !protected_mode(x.regs)) return x.raise(kUd);
  return supervisor_only(x);
}

// RDTSC, RDTSCP: CPL 0, or CR4.TSD = 0.
Outcome time_stamp(Execution& x) {
  return x.regs.cpl == 0 || !(x.regs.cr4 & kCr4Tsd) ? x.special() : x.raise_zero(kGp);
}

Outcome rdpmc(Execution& x) {
  return x.regs.cpl == 0 || (x.regs.cr4 & kCr4Pce) ? x.special() : x.raise_zero(kGp);
}

Outcome xgetbv(Execution& x) { return (x.regs.cr4 & kCr4Osxsave) ? x.special() : x.raise(kUd); }

Outcome xsetbv(Execution& x) {
  return (x.regs.cr4 & kCr4Osxsave) ? supervisor_only(x) : x.raise(kUd);
}

// SGDT, SIDT, SLDT, STR, SMSW: #GP(0) above CPL 0 with CR4.UMIP.
Outcome store_system_register(Execution& x) {
  return x.regs.cpl == 0 || !(x.regs.cr4 & kCr4Umip) ? x.special() : x.raise_zero(kGp);
}

// LLDT, LTR, SLDT, STR are not recognized in real and virtual-8086 mode.
Outcome load_system_segment(Execution& x) {
  return loads_descriptors(x.regs) ? supervisor_only(x) : x.raise(kUd);
}

Outcome store_system_segment(Execution& x) {
  return loads_descriptors(x.regs) ? store_system_register(x) : x.raise(kUd);
}

// INVLPGB, TLBSYNC, PVALIDATE, RMPADJUST and the like: features of the CPU profile, which the
// caller knows; all but one are for CPL 0.
Outcome supervisor_in_protected_mode(Execution& x) {
  return protected_mode(x.regs) ? supervisor_only(x) : x.raise(kUd);
}

Outcome swapgs(Execution& x) { return x.long_mode() ? supervisor_only(x) : x.raise(kUd); }

Outcome into(Execution& x) { return x.flag(kFlagOf) ? x.special() : x.retire(); }

// ----- I/O permission (APM vol. 2, 12.2.4 and 12.2.5) --------------------------------------------

constexpr u64 kBitmapBaseOffset = 0x66;  // of the 16-bit I/O map base in either TSS format

u16 port_number(const Execution& x) {
  for (const Operand& operand : x.insn.operands) {
    if (operand.kind == OperandKind::kImmediate) return static_cast<u16>(x.insn.immediate & 0xff);
  }
  return static_cast<u16>(x.regs.gpr[kRdx]);
}

// One bit a port; the processor always reads two bytes of the map.
bool bitmap_allows(Execution& x, u16 port, unsigned size) {
  const Segment& tss = x.regs.tr;
  u16 base = 0, bits = 0;
  if (tss.limit < kBitmapBaseOffset + 1) return x.fault(kGp, 0);
  if (!x.load_system(tss.base + kBitmapBaseOffset, 2, &base)) return false;
  const u64 at = u64{base} + port / 8;
  if (at + 1 > tss.limit) return x.fault(kGp, 0);
  if (!x.load_system(tss.base + at, 2, &bits)) return false;
  const unsigned wanted = static_cast<unsigned>(mask_of_size(1) >> (8 - size));  // `size` ones
  return (bits >> (port % 8) & wanted) == 0 ? true : x.fault(kGp, 0);
}

unsigned io_size(const Execution& x) { return x.size() > 4 ? 4 : x.size(); }

Outcome port_access(Execution& x) {
  const bool free =
      !protected_mode(x.regs) || (!virtual_8086(x.regs) && x.regs.cpl <= iopl_of(x.regs.rflags));
  if (!free && !bitmap_allows(x, port_number(x), io_size(x))) return x.failed();
  return x.special();
}

// With a count of 0 nothing happens, and nothing is asked.
Outcome string_port_access(Execution& x) {
  const bool repeated = x.insn.repeat != Repeat::kNone;
  if (repeated && x.gpr(kRcx, x.insn.address_size) == 0) return x.retire();
  return port_access(x);
}

using enum SpecialKind;

constexpr Row kSystemRows[] = {
    {ZYDIS_MNEMONIC_CPUID, anyone, kCpuid},
    {ZYDIS_MNEMONIC_IN, port_access, kIn},
    {ZYDIS_MNEMONIC_OUT, port_access, kOut},
    {ZYDIS_MNEMONIC_INSB, string_port_access, kIns},
    {ZYDIS_MNEMONIC_INSW, string_port_access, kIns},
    {ZYDIS_MNEMONIC_INSD, string_port_access, kIns},
    {ZYDIS_MNEMONIC_OUTSB, string_port_access, kOuts},
    {ZYDIS_MNEMONIC_OUTSW, string_port_access, kOuts},
    {ZYDIS_MNEMONIC_OUTSD, string_port_access, kOuts},
    {ZYDIS_MNEMONIC_RDMSR, supervisor_only, kRdmsr},
    {ZYDIS_MNEMONIC_WRMSR, supervisor_only, kWrmsr},
    {ZYDIS_MNEMONIC_RDTSC, time_stamp, kRdtsc},
    {ZYDIS_MNEMONIC_RDTSCP, time_stamp, kRdtscp},
    {ZYDIS_MNEMONIC_RDPMC, rdpmc, kRdpmc},
    {ZYDIS_MNEMONIC_RDPRU, anyone, kRdpru},
    {ZYDIS_MNEMONIC_RDPID, anyone, kRdpid},
    {ZYDIS_MNEMONIC_RDRAND, anyone, kRdrand},
    {ZYDIS_MNEMONIC_RDSEED, anyone, kRdseed},
    {ZYDIS_MNEMONIC_HLT, supervisor_only, kHlt},
    {ZYDIS_MNEMONIC_PAUSE, anyone, kPause},
    {ZYDIS_MNEMONIC_MONITOR, supervisor_only, kMonitor},
    {ZYDIS_MNEMONIC_MWAIT, supervisor_only, kMwait},
    {ZYDIS_MNEMONIC_MONITORX, anyone, kMonitorx},
    {ZYDIS_MNEMONIC_MWAITX, anyone, kMwaitx},
    {ZYDIS_MNEMONIC_INVLPG, supervisor_only, kInvlpg},
    {ZYDIS_MNEMONIC_INVLPGA, svm, kInvlpga},
    {ZYDIS_MNEMONIC_INVLPGB, supervisor_in_protected_mode, kInvlpgb},
    {ZYDIS_MNEMONIC_TLBSYNC, supervisor_in_protected_mode, kTlbsync},
    {ZYDIS_MNEMONIC_INVPCID, supervisor_only, kInvpcid},
    {ZYDIS_MNEMONIC_INVD, supervisor_only, kInvd},
    {ZYDIS_MNEMONIC_WBINVD, supervisor_only, kWbinvd},
    {ZYDIS_MNEMONIC_CLTS, supervisor_only, kClts},
    {ZYDIS_MNEMONIC_SMSW, store_system_register, kSmsw},
    {ZYDIS_MNEMONIC_LMSW, supervisor_only, kLmsw},
    {ZYDIS_MNEMONIC_XGETBV, xgetbv, kXgetbv},
    {ZYDIS_MNEMONIC_XSETBV, xsetbv, kXsetbv},
    {ZYDIS_MNEMONIC_LGDT, supervisor_only, kLgdt},
    {ZYDIS_MNEMONIC_LIDT, supervisor_only, kLidt},
    {ZYDIS_MNEMONIC_LLDT, load_system_segment, kLldt},
    {ZYDIS_MNEMONIC_LTR, load_system_segment, kLtr},
    {ZYDIS_MNEMONIC_SGDT, store_system_register, kSgdt},
    {ZYDIS_MNEMONIC_SIDT, store_system_register, kSidt},
    {ZYDIS_MNEMONIC_SLDT, store_system_segment, kSldt},
    {ZYDIS_MNEMONIC_STR, store_system_segment, kStr},
    {ZYDIS_MNEMONIC_SWAPGS, swapgs, kSwapgs},
    {ZYDIS_MNEMONIC_INT, anyone, kInt},
    {ZYDIS_MNEMONIC_INT3, anyone, kInt3},
    {ZYDIS_MNEMONIC_INTO, into, kInto},
    {ZYDIS_MNEMONIC_INT1, anyone, kIcebp},
    {ZYDIS_MNEMONIC_SYSCALL, anyone, kSyscall},
    {ZYDIS_MNEMONIC_SYSRET, supervisor_in_protected_mode, kSysret},
    {ZYDIS_MNEMONIC_SYSENTER, anyone, kSysenter},
    {ZYDIS_MNEMONIC_SYSEXIT, supervisor_in_protected_mode, kSysexit},
    {ZYDIS_MNEMONIC_VMMCALL, anyone, kVmmcall},
    {ZYDIS_MNEMONIC_VMRUN, svm, kVmrun},
    {ZYDIS_MNEMONIC_VMLOAD, svm, kVmload},
    {ZYDIS_MNEMONIC_VMSAVE, svm, kVmsave},
    {ZYDIS_MNEMONIC_STGI, svm, kStgi},
    {ZYDIS_MNEMONIC_CLGI, svm, kClgi},
    {ZYDIS_MNEMONIC_SKINIT, supervisor_in_protected_mode, kSkinit},
    {ZYDIS_MNEMONIC_RSM, anyone, kRsm},
    {ZYDIS_MNEMONIC_PVALIDATE, supervisor_in_protected_mode, kPvalidate},
    {ZYDIS_MNEMONIC_RMPADJUST, supervisor_in_protected_mode, kRmpadjust},
    {ZYDIS_MNEMONIC_RMPUPDATE, supervisor_in_protected_mode, kRmpupdate},
    {ZYDIS_MNEMONIC_PSMASH, supervisor_in_protected_mode, kPsmash},
};

}  // namespace

std::span<const Row> system_rows() { return kSystemRows; }

}  // namespace nptsim::isa
