#include "sim/arch/svm/vmrun.h"

#include "sim/arch/svm/sev.h"

namespace nptsim::svm {
namespace {

constexpr u64 kTypeExternal = 0, kTypeNmi = 2, kTypeException = 3, kTypeSoftware = 4;
constexpr unsigned kVectorHv = 28, kVectorNmi = 2, kVectorBp = 3, kVectorOf = 4;

// APM vol. 2 rev. 3.45, 15.20: reserved types, and an exception whose vector is none.
std::string_view event_refusal(const VcpuRecord& v) {
  const u64 inj = v.control.event_inj;
  if (!has_bit(inj, 31)) return {};
  const u64 type = get_bits(inj, 10, 8), vector = get_bits(inj, 7, 0);
  if (type != kTypeExternal && type != kTypeNmi && type != kTypeException &&
      type != kTypeSoftware) {
    return "EVENTINJ has a reserved type";
  }
  if (type == kTypeException && (vector == kVectorNmi || vector > 31)) {
    return "EVENTINJ injects an exception with a vector that is no exception";
  }
  if (!has_sev_es(guest_type(v))) return {};
  // 15.35.
  if (type == kTypeSoftware) return "EVENTINJ injects a software interrupt into an SEV-ES guest";
  if (type == kTypeException && (vector == kVectorBp || vector == kVectorOf)) {
    return "EVENTINJ injects #BP or #OF into an SEV-ES guest";
  }
  // 15.36.16.
  const bool hv = type == kTypeException && vector == kVectorHv && !has_bit(inj, 11);
  if ((v.state.sev_features & kRestrictedInjection) && !hv) {
    return "EVENTINJ injects something else than #HV with restricted injection";
  }
  return {};
}

// 15.34.3, 15.35, 15.36.
std::string_view sev_refusal(const CpuProfile& p, const VcpuRecord& v) {
  const GuestType type = guest_type(v);
  if (!has_sev(type)) return {};
  if (!p.features.sev || !p.memory_encryption) return "SEV without memory encryption";
  if (v.control.asid > p.encrypted_guests) return "the ASID is outside those of encrypted guests";
  if (!has_sev_es(type)) return {};
  if (!p.features.sev_es) return "SEV-ES on a part without it";
  const u64 features = v.state.sev_features;
  const u64 allowed = v.control.allowed_sev_features;
  if (has_bit(allowed, 63) && (features & ~allowed)) {
    return "SEV_FEATURES has a bit that the allowed features lack";
  }
  const bool snp = type == GuestType::kSnp;
  if (snp != ((features & kSnpActive) != 0))
    return "SEV_FEATURES.SNPActive and the guest type differ";
  if (snp && !p.features.snp) return "an SNP-active guest on a part without SNP";
  if (snp && !p.secure_nested_paging) return "an SNP-active guest on a host that has SNP off";
  if ((features & kVmplSss) && (v.control.nested_ctl & kNestedSssCheck)) {
    return "VmplSSS together with the SSS check";
  }
  if ((features & kRestrictedInjection) && (features & kAlternateInjection)) {
    return "restricted and alternate injection are both on";
  }
  return {};
}

}  // namespace

// APM vol. 2 rev. 3.45, 15.5.1, without the reserved bits of CR4 and EFER.
bool loaded_state_is_legal(const isa::Registers& r) {
  if (!(r.efer & isa::kEferSvme)) return false;
  if (!(r.cr0 & isa::kCr0Cd) && (r.cr0 & isa::kCr0Nw)) return false;
  if (((r.cr0 | r.dr6 | r.dr7) & bit_range(63, 32)) != 0) return false;
  if (!(r.efer & isa::kEferLme) || !(r.cr0 & isa::kCr0Pg)) return true;
  const u64 cs = r.segments[isa::kCs].attributes;
  return (r.cr4 & isa::kCr4Pae) && (r.cr0 & isa::kCr0Pe) &&
         !(has_bit(cs, isa::kAttrLong) && has_bit(cs, isa::kAttrBig));
}

std::string_view vmrun_refusal(const CpuProfile& p, const VcpuRecord& v) {
  const VmcbControl& c = v.control;
  if (c.asid == 0) return "ASID 0 is the host's";  // 15.16.1
  if (c.asid >= p.asids) return "the ASID is larger than the part has";
  // 15.25.4: "any MBZ bits of nCR3 are set".
  if (c.ncr3 & (bit_range(63, 52) | p.host_reserved_address()))
    return "nCR3 has a reserved bit set";
  // A VMSA has eight bits for it; what a fifth level would be nobody says.
  if (v.state.vmpl > 3) return "VMPL is larger than 3";
  if (const auto why = sev_refusal(p, v); !why.empty()) return why;
  return event_refusal(v);
}

}  // namespace nptsim::svm
