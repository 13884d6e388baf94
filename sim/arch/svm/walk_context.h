// All that a translation depends on beside memory, worked out once from a CPU profile and a vCPU.
#ifndef NPTSIM_SIM_ARCH_SVM_WALK_CONTEXT_H_
#define NPTSIM_SIM_ARCH_SVM_WALK_CONTEXT_H_

#include "sim/arch/svm/cpu_profile.h"
#include "sim/arch/svm/entry.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/fault.h"
#include "sim/arch/svm/guest_tables.h"
#include "sim/arch/svm/keys.h"
#include "sim/arch/svm/rmp_check.h"
#include "sim/arch/svm/vcpu.h"

namespace nptsim::svm {

// What the C-bit position means in a guest's tables.
enum class CMeaning : u8 {
  kAddress,    // no SEV: an address bit, or reserved if above the address
  kAttribute,  // SEV: legal, and removed from the address
  kReserved,   // SNP with the virtual TOM feature (APM vol. 2 rev. 3.45, 15.36)
};

// The entry rules of one CPU, for every state that a guest or host can be in.
class EntryRuleSets {
 public:
  explicit EntryRuleSets(const CpuProfile& profile);

  const EntryRules& nested(bool host_nxe) const { return nested_[host_nxe]; }
  const EntryRules& guest(TableFormat format, bool nxe_or_pse, CMeaning c) const {
    return guest_[static_cast<unsigned>(format)][nxe_or_pse][static_cast<unsigned>(c)];
  }

 private:
  EntryRules nested_[2];
  EntryRules guest_[3][2][3];  // 32-bit tables have no NX: their second index is CR4.PSE
};

// A right is a bit of the accumulated entries that must be 1, or must not be 1. NX is accumulated
// inverted: bit 63 set means executable. A and D are asked for as rights too; when only they are
// missing the walk sets them.
struct RightsRule {
  u64 required = 0;
  u64 forbidden = 0;

  constexpr u64 missing(u64 rights) const { return (required & ~rights) | (forbidden & rights); }
};
inline constexpr u64 kRightX = kEntryNx;
inline constexpr u64 kRights = kEntryRw | kEntryUs | kRightX;

// What a nested translation is for.
enum class NestedUse : u8 { kTable, kTableRead, kRead, kWrite, kFetchSupervisor, kFetchUser };
inline constexpr unsigned kNestedUses = 6;
constexpr NestedUse nested_use(Access access) {
  switch (access.kind) {
    case AccessKind::kRead:
      return NestedUse::kRead;
    case AccessKind::kWrite:
      return NestedUse::kWrite;
    case AccessKind::kFetch:
      break;
  }
  return access.privilege == Privilege::kUser ? NestedUse::kFetchUser : NestedUse::kFetchSupervisor;
}
constexpr bool is_table(NestedUse use) { return use <= NestedUse::kTableRead; }

// In a cached translation: the RMP allowed this use of the page. Bits that no right has.
constexpr u64 rmp_right(NestedUse use) { return bit(52 + static_cast<unsigned>(use)); }
inline constexpr u64 kRmpRights = bit_range(52 + kNestedUses - 1, 52);

struct WalkContext {
  // The nested tables.
  const EntryRules* nested = nullptr;
  u64 nested_root = 0;
  u64 nested_c_mask = 0;
  unsigned nested_levels = 4;
  arch::KeyId nested_root_key;
  RightsRule nested_rights[kNestedUses];
  NestedErrorRules nested_error;
  bool gmet = false;
  bool sss_check = false;
  bool rogpt = false;
  VmcbControl* pml = nullptr;  // where the log is; null: PML is off

  // The guest's own tables.
  GuestPaging paging = GuestPaging::kOff;
  const EntryRules* guest = nullptr;
  u64 guest_root = 0;
  u64 guest_c_mask = 0;
  unsigned guest_levels = 0;
  unsigned linear_bits = 64;  // significant bits of a canonical address; 64: no such check
  RightsRule guest_rights[kPrivileges][kAccessKinds];
  GuestErrorRules guest_error;

  CRules c_rules;

  // SNP is on in the host: every result is asked for in the RMP. An instruction that changes an
  // entry makes its own checks of the final page.
  bool rmp_checked = false;
  bool rmp_final = true;
  RmpTable rmp;
  RmpAgentState rmp_agent;
  RightsRule tlb_rights[kNestedUses];  // nested_rights, and that the RMP was asked for this use

  const RightsRule& guest_rule(Access a) const {
    return guest_rights[static_cast<unsigned>(a.privilege)][static_cast<unsigned>(a.kind)];
  }
  const RightsRule& nested_rule(NestedUse use) const {
    return nested_rights[static_cast<unsigned>(use)];
  }
  const RightsRule& tlb_rule(NestedUse use) const { return tlb_rights[static_cast<unsigned>(use)]; }
};

// `vcpu` must stay in place while the context is used.
WalkContext make_walk_context(const CpuProfile& profile, const EntryRuleSets& rules,
                              VcpuRecord& vcpu);

// The rights that the guest's own tables must give (APM vol. 2 rev. 3.45, 5.6). Pure, for tests.
struct GuestRightsState {
  bool wp = true, smep = false, smap = false, ac = false;
};
RightsRule guest_rights_rule(const GuestRightsState& state, Access access);

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_WALK_CONTEXT_H_
