// What no source settles about the RMP, as switches of a CPU profile: each has a name, a default
// and the values that it may have. A rule that follows a switch is marked "inferred".
#ifndef NPTSIM_SIM_ARCH_SVM_RMP_CHOICES_H_
#define NPTSIM_SIM_ARCH_SVM_RMP_CHOICES_H_

#include <span>
#include <string_view>

#include "sim/arch/svm/entry.h"

namespace nptsim::svm {

// How an instruction refuses where the way is not known.
enum class RmpRefusal : u8 { kUnspecified, kFailInput, kFailPermission, kGeneralProtection };
constexpr std::string_view name_of(RmpRefusal refusal) {
  constexpr std::string_view kNames[] = {"unspecified", "fail-input", "fail-permission", "gp"};
  return kNames[static_cast<unsigned>(refusal)];
}

inline constexpr unsigned kRmpRefusals = 4;

struct RmpChoices {
  RmpRefusal pvalidate_above_vmpl0 = RmpRefusal::kUnspecified;
  RmpRefusal rmpadjust_missing_vmpl = RmpRefusal::kFailInput;
  RmpRefusal rmpadjust_illegal_mask = RmpRefusal::kFailInput;
  bool guest_2m_needs_2m_nested = true;
  bool sizem_of_nested_mismatch = false;
  bool rmp_instruction_npf_write = false;
  bool rmpquery_size_in_rcx = true;
  bool rmpupdate_strict_operand = true;
  bool rmpupdate_aligned_overlaps = true;
  bool rmpupdate_contention = true;
  bool rmpread_region_status = true;
  bool in_use_2m_erratum = true;
  bool rmpupdate_flushes_tlb = true;
  bool guest_rmp_flushes_tlb = true;

  bool operator==(const RmpChoices&) const = default;
};

struct RmpRefusalChoice {
  std::string_view name;
  RmpRefusal RmpChoices::*member;
  std::string_view question;
};
inline constexpr RmpRefusalChoice kRmpRefusalChoices[] = {
    {"pvalidate_above_vmpl0", &RmpChoices::pvalidate_above_vmpl0,
     "what PVALIDATE does at a VMPL other than 0"},
    {"rmpadjust_missing_vmpl", &RmpChoices::rmpadjust_missing_vmpl,
     "how RMPADJUST and RMPQUERY refuse a target VMPL that the part does not have"},
    {"rmpadjust_illegal_mask", &RmpChoices::rmpadjust_illegal_mask,
     "how RMPADJUST refuses an illegal combination of rights"},
};

struct RmpSwitch {
  std::string_view name;
  bool RmpChoices::*member;
  std::string_view on;  // what it means
};
inline constexpr RmpSwitch kRmpSwitches[] = {
    {"guest_2m_needs_2m_nested", &RmpChoices::guest_2m_needs_2m_nested,
     "a guest's 2-MByte request through a 4-KByte nested page on a 2-MByte entry is "
     "FAIL_SIZEMISMATCH; off: it is done"},
    {"sizem_of_nested_mismatch", &RmpChoices::sizem_of_nested_mismatch,
     "a guest's 4-KByte request through a larger nested page on a 4-KByte entry sets SIZEM"},
    {"rmp_instruction_npf_write", &RmpChoices::rmp_instruction_npf_write,
     "the #NPF of a guest's RMP instruction has RW=1"},
    {"rmpquery_size_in_rcx", &RmpChoices::rmpquery_size_in_rcx,
     "RMPQUERY leaves the page size in RCX"},
    {"rmpupdate_strict_operand", &RmpChoices::rmpupdate_strict_operand,
     "RMPUPDATE refuses an operand that names no owner of table 15-35, and a GPA or ASID that the "
     "entry cannot hold; off: it writes what the entry can hold"},
    {"rmpupdate_aligned_overlaps", &RmpChoices::rmpupdate_aligned_overlaps,
     "the 2-MByte-aligned page itself counts for FAIL_OVERLAP; off: its entry changes its size"},
    {"rmpupdate_contention", &RmpChoices::rmpupdate_contention,
     "RMPUPDATE gives FAIL_OVERLAP while the aligned entry of the region is held"},
    {"rmpread_region_status", &RmpChoices::rmpread_region_status,
     "RMPREAD tells in bit 1 of Page_Size that pages of the region are assigned one by one"},
    {"in_use_2m_erratum", &RmpChoices::in_use_2m_erratum,
     "a 2-MByte-aligned page in use makes its whole region count as in use for large mappings"},
    {"rmpupdate_flushes_tlb", &RmpChoices::rmpupdate_flushes_tlb,
     "RMPUPDATE and PSMASH drop cached translations of the pages; off: a stale one still allows "
     "what the RMP allowed when it was made"},
    {"guest_rmp_flushes_tlb", &RmpChoices::guest_rmp_flushes_tlb,
     "PVALIDATE and RMPADJUST drop the vCPU's own cached translations of the page"},
};

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_RMP_CHOICES_H_
