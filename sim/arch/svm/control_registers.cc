#include "sim/arch/svm/control_registers.h"

#include "sim/arch/svm/sev.h"

namespace nptsim::svm {
namespace {

// SCE, LME, LMA, NXE, SVME, LMSLE, FFXSR, TCE, and bits 21:17 of newer parts.
constexpr u64 kEferKnown = bit(0) | bit(8) | bit_range(15, 10) | bit_range(21, 17);
constexpr u64 kCr4Known = bit_range(12, 0) | bit_range(18, 16) | bit_range(23, 20);

// Bit 63 of a value for CR3 is "do not flush" with CR4.PCIDE, and reserved without.
u64 no_flush_bit(const isa::Registers& r) {
  constexpr u64 kCr4Pcide = bit(17);
  return (r.cr4 & kCr4Pcide) ? bit(63) : 0;
}

bool cr0_allowed(const isa::Registers& r, u64 value) {
  if (value >> 32) return false;
  if ((value & isa::kCr0Pg) && !(value & isa::kCr0Pe)) return false;
  if ((value & isa::kCr0Nw) && !(value & isa::kCr0Cd)) return false;
  const bool enters_long =
      (value & isa::kCr0Pg) && !(r.cr0 & isa::kCr0Pg) && (r.efer & isa::kEferLme);
  if (enters_long && !(r.cr4 & isa::kCr4Pae)) return false;
  const bool leaves_64bit = !(value & isa::kCr0Pg) && (r.efer & isa::kEferLma) &&
                            has_bit(r.segments[isa::kCs].attributes, isa::kAttrLong);
  return !leaves_64bit;
}

// Bits 51:A are reserved in long mode, but for the C-bit of an SEV guest; 63:52 are as well.
bool cr3_allowed(const CpuProfile& profile, const VcpuRecord& v, u64 value) {
  if (!(v.registers.efer & isa::kEferLma)) return true;
  const u64 c = has_sev(guest_type(v)) ? profile.guest_c_mask() : 0;
  const u64 reserved = profile.guest_reserved_address(c) | bit_range(63, 52);
  return (value & reserved & ~no_flush_bit(v.registers)) == 0;
}

bool cr4_allowed(const CpuProfile& profile, const isa::Registers& r, u64 value) {
  if (value & ~kCr4Known) return false;
  if ((value & isa::kCr4La57) && !profile.features.la57) return false;
  if (!(r.efer & isa::kEferLma)) return true;
  return (value & isa::kCr4Pae) && ((value ^ r.cr4) & isa::kCr4La57) == 0;
}

MsrWrite write_efer(isa::Registers& r, u64 value) {
  if (value & ~kEferKnown) return MsrWrite::kRefused;
  if ((r.cr0 & isa::kCr0Pg) && ((value ^ r.efer) & isa::kEferLme)) return MsrWrite::kRefused;
  r.efer = (value & ~isa::kEferLma) | (r.efer & isa::kEferLma);  // LMA is the processor's
  return MsrWrite::kDone;
}

// The word of an MSR that is plain storage, or null.
u64* storage(VcpuRecord& v, u32 number) {
  switch (number) {
    case msr::kStar:
      return &v.state.star;
    case msr::kLstar:
      return &v.state.lstar;
    case msr::kCstar:
      return &v.state.cstar;
    case msr::kSfmask:
      return &v.state.sfmask;
    case msr::kFsBase:
      return &v.registers.segments[isa::kFs].base;
    case msr::kGsBase:
      return &v.registers.segments[isa::kGs].base;
    case msr::kKernelGsBase:
      return &v.state.kernel_gs_base;
    case msr::kTscAux:
      return &v.state.tsc_aux;
    case msr::kSysenterCs:
      return &v.state.sysenter_cs;
    case msr::kSysenterEsp:
      return &v.state.sysenter_esp;
    case msr::kSysenterEip:
      return &v.state.sysenter_eip;
    case msr::kPat:
      return &v.registers.pat;
    case msr::kTsc:
      return &v.state.tsc;
    case msr::kGhcb:
      return has_sev_es(guest_type(v)) ? &v.control.ghcb_msr : nullptr;
    default:
      return nullptr;
  }
}

bool holds_address(u32 number) {
  return number == msr::kLstar || number == msr::kCstar || number == msr::kFsBase ||
         number == msr::kGsBase || number == msr::kKernelGsBase;
}

}  // namespace

bool control_write_allowed(const CpuProfile& profile, const VcpuRecord& v, unsigned index,
                           u64 value) {
  switch (index) {
    case 0:
      return cr0_allowed(v.registers, value);
    case 3:
      return cr3_allowed(profile, v, value);
    case 4:
      return cr4_allowed(profile, v.registers, value);
    case 8:
      return (value >> 4) == 0;
    default:
      return true;
  }
}

u64 stored_cr3(const isa::Registers& registers) { return registers.cr3 & ~no_flush_bit(registers); }

bool selective_cr0_write(u64 before, u64 after) {
  return ((before ^ after) & ~(isa::kCr0Ts | isa::kCr0Mp)) != 0;
}

void flush_after_control_write(Tlb& tlb, const ControlRegisters& before, const VcpuRecord& v,
                               bool cr3_was_written) {
  if (!tlb.enabled()) return;
  const isa::Registers& r = v.registers;
  const bool paging_changed = ((before.cr0 ^ r.cr0) & (isa::kCr0Pg | isa::kCr0Pe)) != 0 ||
                              before.cr4 != r.cr4 || before.efer != r.efer;
  if (paging_changed) {
    tlb.flush_asid(v.control.asid);
  } else if (cr3_was_written && (r.cr4 & isa::kCr4Pge)) {
    tlb.flush_asid_non_global(v.control.asid);
  } else if (cr3_was_written) {
    tlb.flush_asid(v.control.asid);
  }
}

bool msr_is_direct(const VmcbControl& control, u32 number) {
  const auto type = static_cast<GuestType>(control.guest_type);
  if (number == msr::kGhcb && has_sev_es(type)) return true;
  if (number == msr::kSevStatus && has_sev(type)) return true;
  return (control.msr_direct & msr_direct_bit(number)) != 0;
}

bool read_msr(const VcpuRecord& v, u32 number, u64& value) {
  if (number == msr::kEfer) return value = v.registers.efer, true;
  if (number == msr::kSevStatus) {
    return value = sev_status(guest_type(v), v.state.sev_features), true;
  }
  const u64* word = storage(const_cast<VcpuRecord&>(v), number);
  if (word == nullptr) return false;
  value = *word;
  return true;
}

MsrWrite write_msr(const CpuProfile&, VcpuRecord& v, u32 number, u64 value) {
  if (number == msr::kEfer) return write_efer(v.registers, value);
  if (number == msr::kSevStatus) return MsrWrite::kRefused;  // read-only
  u64* word = storage(v, number);
  if (word == nullptr) return MsrWrite::kUnknown;
  if (holds_address(number) && !isa::canonical(v.registers, value)) return MsrWrite::kRefused;
  *word = value;
  return MsrWrite::kDone;
}

}  // namespace nptsim::svm
