#include "sim/arch/svm/specials.h"

#include "sim/base/bug.h"

namespace nptsim::svm {
namespace {

using K = isa::SpecialKind;
using N = Native;
namespace code = exit_code;

// Exit codes: APM vol. 2 rev. 3.45, appendix C.
constexpr SpecialRow kRows[] = {
    {K::kCpuid, code::kCpuid, N::kCpuidGap},
    {K::kIn, code::kIoio, N::kPortGap},
    {K::kOut, code::kIoio, N::kPortGap},
    {K::kIns, code::kIoio, N::kPortGap},
    {K::kOuts, code::kIoio, N::kPortGap},
    {K::kRdmsr, code::kMsr, N::kMsr},
    {K::kWrmsr, code::kMsr, N::kMsr},
    {K::kRdtsc, code::kRdtsc, N::kTsc},
    {K::kRdtscp, code::kRdtscp, N::kTsc},
    {K::kRdpid, kNoIntercept, N::kTsc},
    {K::kRdpmc, code::kRdpmc, N::kUnsupported},
    {K::kRdpru, code::kRdpru, N::kUnsupported},
    {K::kRdrand, kNoIntercept, N::kUnsupported},
    {K::kRdseed, kNoIntercept, N::kUnsupported},
    {K::kHlt, code::kHlt, N::kHalt},
    {K::kPause, code::kPause, N::kRegisters},
    {K::kMonitor, code::kMonitor, N::kUnsupported},
    {K::kMwait, code::kMwait, N::kUnsupported},
    {K::kMonitorx, code::kMonitor, N::kUnsupported},
    {K::kMwaitx, code::kMwait, N::kUnsupported},
    {K::kInvlpg, code::kInvlpg, N::kFlushPage},
    {K::kInvlpga, code::kInvlpga, N::kUnsupported},
    {K::kInvlpgb, code::kInvlpgb, N::kUnsupported},
    {K::kTlbsync, code::kTlbsync, N::kUnsupported},
    {K::kInvpcid, code::kInvpcid, N::kFlushAsid},
    {K::kInvd, code::kInvd, N::kRegisters},
    {K::kWbinvd, code::kWbinvd, N::kRegisters},
    {K::kWbnoinvd, code::kWbinvd, N::kRegisters},
    {K::kReadCr, code::kReadCr0, N::kRegisters},
    {K::kWriteCr, code::kWriteCr0, N::kControl},
    {K::kReadDr, code::kReadDr0, N::kRegisters},
    {K::kWriteDr, code::kWriteDr0, N::kRegisters},
    {K::kClts, code::kWriteCr0, N::kControl},
    {K::kSmsw, code::kReadCr0, N::kRegisters},
    {K::kLmsw, code::kWriteCr0, N::kControl},
    {K::kXgetbv, kNoIntercept, N::kXcr},
    {K::kXsetbv, code::kXsetbv, N::kXcr},
    {K::kLgdt, code::kWriteGdtr, N::kRegisters},
    {K::kLidt, code::kWriteIdtr, N::kRegisters},
    {K::kLldt, code::kWriteLdtr, N::kRegisters},
    {K::kLtr, code::kWriteTr, N::kRegisters},
    {K::kSgdt, code::kReadGdtr, N::kRegisters},
    {K::kSidt, code::kReadIdtr, N::kRegisters},
    {K::kSldt, code::kReadLdtr, N::kRegisters},
    {K::kStr, code::kReadTr, N::kRegisters},
    {K::kSwapgs, kNoIntercept, N::kSwapgs},
    {K::kInt, code::kSwint, N::kInterrupt},
    {K::kInt3, code::kException0 + isa::kBp, N::kInterrupt},
    {K::kInto, code::kException0 + isa::kOfv, N::kInterrupt},
    {K::kIcebp, code::kIcebp, N::kUnsupported},
    {K::kSyscall, kNoIntercept, N::kUnsupported},
    {K::kSysret, kNoIntercept, N::kUnsupported},
    {K::kSysenter, kNoIntercept, N::kUnsupported},
    {K::kSysexit, kNoIntercept, N::kUnsupported},
    {K::kVmmcall, code::kVmmcall, N::kUd},
    {K::kVmgexit, kNoIntercept, N::kVmgexit},
    {K::kVmrun, code::kVmrun, N::kUnsupported},
    {K::kVmload, code::kVmload, N::kUnsupported},
    {K::kVmsave, code::kVmsave, N::kUnsupported},
    {K::kStgi, code::kStgi, N::kUnsupported},
    {K::kClgi, code::kClgi, N::kUnsupported},
    {K::kSkinit, code::kSkinit, N::kUnsupported},
    {K::kRsm, code::kRsm, N::kUd},
    {K::kPvalidate, kNoIntercept, N::kRmp},
    {K::kRmpadjust, kNoIntercept, N::kRmp},
    {K::kRmpquery, kNoIntercept, N::kRmp},
    {K::kRmpupdate, kNoIntercept, N::kRmp},
    {K::kRmpread, kNoIntercept, N::kRmp},
    {K::kPsmash, kNoIntercept, N::kRmp},
};

// EXITINFO1 of IOIO (APM vol. 2 rev. 3.45, 15.10.2, figure 15-2).
constexpr unsigned kIoStringShift = 2, kIoRepShift = 3, kIoSizeShift = 4, kIoAddressShift = 7,
                   kIoSegmentShift = 10, kIoPortShift = 16;

// SZ8, SZ16, SZ32 are the size in bytes; A16, A32, A64 the address size in units of 16 bits. An IN
// or OUT that has no address has the latter, too: kvm_exit lines of real machines (AMD, "EXIT_IOIO
// rip 0xec08e info cf80140", "rip 0x6b43 info 920091"; oxidecomputer/propolis pull request 859,
// "b008 in 32b 64b").
u64 io_info(const isa::Special& s, const isa::Instruction& i) {
  const bool in = s.kind == K::kIn || s.kind == K::kIns;
  const bool string = s.kind == K::kIns || s.kind == K::kOuts;
  u64 info = (in ? 1 : 0) | u64{s.size} << kIoSizeShift | u64{s.port} << kIoPortShift |
             u64{i.address_size} / 2 << kIoAddressShift;
  if (string) {
    info |=
        bit(kIoStringShift) | u64{s.repeated} << kIoRepShift | u64{s.segment} << kIoSegmentShift;
  }
  return info;
}

}  // namespace

const SpecialRow& special_row(isa::SpecialKind kind) {
  for (const SpecialRow& row : kRows) {
    if (row.kind == kind) return row;
  }
  NPTSIM_BUG("a special instruction without a row");
}

u64 exit_code_of(const isa::Special& s) {
  const u64 first = special_row(s.kind).exit_code;
  const bool numbered = s.kind == K::kReadCr || s.kind == K::kWriteCr || s.kind == K::kReadDr ||
                        s.kind == K::kWriteDr;
  return numbered ? first + s.index : first;
}

Decision decide_special(const VmcbControl& control, u64 exit_code) {
  const GuestType type = static_cast<GuestType>(control.guest_type);
  const bool snp_always =
      type == GuestType::kSnp && (exit_code == code::kIoio || exit_code == code::kCpuid);
  const bool es_always = has_sev_es(type) && exit_code == code::kVmsave;
  if (!intercepts(control, exit_code) && !snp_always && !es_always) return {};
  if (!has_sev_es(type)) return {Verdict::kExit, RuleId::kIntercept};
  if (find_automatic_exit(exit_code)) return {Verdict::kExit, RuleId::kAutomaticExit};
  return {Verdict::kVc, snp_always ? RuleId::kSnpAlwaysIntercepted : RuleId::kNonAutomaticExit};
}

InterceptInfo intercept_info(const isa::Special& s, const isa::Instruction& i,
                             bool decode_assists) {
  switch (s.kind) {
    case K::kIn:
    case K::kOut:
    case K::kIns:
    case K::kOuts:
      return {io_info(s, i), s.next_rip};
    case K::kWrmsr:
      return {1, 0};
    case K::kReadCr:
    case K::kWriteCr:
      return {decode_assists ? bit(63) | s.gpr : 0, 0};  // bit 63: a MOV
    case K::kReadDr:
    case K::kWriteDr:
      return {decode_assists ? u64{s.gpr} : 0, 0};
    case K::kInt:
      return {decode_assists ? u64{s.vector} : 0, 0};
    case K::kInvlpg:
      return {decode_assists ? s.address.value : 0, 0};
    default:
      return {};
  }
}

}  // namespace nptsim::svm
