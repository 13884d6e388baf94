#include "sim/arch/svm/rmp_check.h"

namespace nptsim::svm {
namespace {

constexpr unsigned in(RmpUse use) { return 1u << static_cast<unsigned>(use); }
constexpr unsigned kReads = in(RmpUse::kRead) | in(RmpUse::kFetch);
constexpr unsigned kWrites = in(RmpUse::kWrite);
constexpr unsigned kTables = in(RmpUse::kTableRead) | in(RmpUse::kTableUpdate);
constexpr unsigned kAllUses = kReads | kWrites | kTables;

constexpr RmpTest kHostWrite[] = {RmpTest::kHvOwned, RmpTest::kNotInUse};
// The text counts the update of an A or D bit as a 4-KByte write.
constexpr RmpTest kHostTable[] = {RmpTest::kHvOwned4K, RmpTest::kNotInUse};
constexpr RmpTest kWriteShared[] = {RmpTest::kHvOwned};
constexpr RmpTest kTableShared[] = {RmpTest::kHvOwned4K};
constexpr RmpTest kPrivate[] = {RmpTest::kCovered, RmpTest::kGuestOwned, RmpTest::kReverseMap,
                                RmpTest::kMutable, RmpTest::kPageSize,   RmpTest::kValidated,
                                RmpTest::kVmpl};

constexpr RmpAccessRow kAccessRows[] = {
    {"host read or fetch", RmpAgent::kHost, false, kReads, {}},
    {"host write", RmpAgent::kHost, false, kWrites, kHostWrite},
    {"host page table", RmpAgent::kHost, false, kTables, kHostTable},
    {"guest without SNP: read or fetch", RmpAgent::kGuest, false, kReads, {}},
    {"guest without SNP: write", RmpAgent::kGuest, false, kWrites, kWriteShared},
    {"guest without SNP: page table", RmpAgent::kGuest, false, kTables, kTableShared},
    {"SNP guest: shared read", RmpAgent::kSnpGuest, false, in(RmpUse::kRead), {}},
    {"SNP guest: shared write", RmpAgent::kSnpGuest, false, kWrites, kWriteShared},
    {"SNP guest: private access", RmpAgent::kSnpGuest, true, kAllUses, kPrivate},
    {"device read", RmpAgent::kDevice, false, in(RmpUse::kRead), {}},
    {"device write", RmpAgent::kDevice, false, kWrites, kWriteShared},
};

bool hypervisor_owned(const Rmp& rmp, HostPhysAddr spa) {
  return !rmp.covers(spa) || !rmp.authoritative(spa).assigned;
}

bool not_in_use(const Rmp& rmp, const RmpAgentState& state, const RmpAccess& access) {
  if (state.hv_in_use_write_allowed || !rmp.covers(access.spa)) return true;
  return !rmp.own(access.spa).lock;
}

bool region_not_in_use(const Rmp& rmp, const RmpAgentState& state, const RmpAccess& access) {
  const HostPhysAddr region = access.spa.align_down(kSize2M);
  const bool large = access.leaf_size >= kSize2M;
  if (!large || !state.choices.in_use_2m_erratum || state.hv_in_use_write_allowed) return true;
  return !rmp.covers(region) || !rmp.own(region).lock;
}

u8 needed_permissions(const RmpAccess& access) {
  switch (access.use) {
    case RmpUse::kRead:
    case RmpUse::kTableRead:
      return kVmplRead;
    case RmpUse::kWrite:
      return kVmplWrite;
    case RmpUse::kTableUpdate:
      return kVmplRead | kVmplWrite;
    case RmpUse::kFetch:
      return access.privilege == Privilege::kUser ? kVmplExecuteUser : kVmplExecuteSupervisor;
  }
  NPTSIM_BUG("an RMP use that does not exist");
}

// None of these is asked for a page that is not covered: kCovered comes first.
bool passes_for_entry(RmpTest test, const RmpEntry& entry, const RmpAgentState& state,
                      const RmpAccess& access) {
  switch (test) {
    case RmpTest::kGuestOwned:
      // The text names the ASID alone; an entry that is not assigned has none (table 15-35).
      return entry.assigned && entry.asid == state.asid;
    case RmpTest::kReverseMap:
      return entry.gpa == access.gpa.align_down(bytes_of(entry.size));
    case RmpTest::kMutable:
      return !entry.immutable;
    case RmpTest::kPageSize:
      return (entry.size == RmpPageSize::k2M) == (access.leaf_size >= kSize2M);
    case RmpTest::kValidated:
      return entry.validated;
    case RmpTest::kVmpl: {
      const u8 needed = needed_permissions(access);
      return (entry.permissions.at(state.vmpl) & needed) == needed;
    }
    case RmpTest::kVmsa:
      return entry.vmsa;
    default:
      NPTSIM_BUG("no check of an entry");
  }
}

bool passes(RmpTest test, const Rmp& rmp, const RmpAgentState& state, const RmpAccess& access) {
  switch (test) {
    case RmpTest::kCovered:
      return rmp.covers(access.spa);
    case RmpTest::kHvOwned:
      if (access.leaf_size >= kSize2M) return rmp.hypervisor_owned_2m(access.spa);
      return hypervisor_owned(rmp, access.spa);
    case RmpTest::kHvOwned4K:
      return hypervisor_owned(rmp, access.spa);
    case RmpTest::kNotInUse:
      return not_in_use(rmp, state, access) && region_not_in_use(rmp, state, access);
    default:
      return passes_for_entry(test, rmp.authoritative(access.spa), state, access);
  }
}

RuleId rule_of_test(RmpTest test) {
  switch (test) {
    case RmpTest::kCovered:
      return RuleId::kRmpCovered;
    case RmpTest::kHvOwned:
    case RmpTest::kHvOwned4K:
      return RuleId::kRmpHvOwned;
    case RmpTest::kNotInUse:
      return RuleId::kRmpInUse;
    case RmpTest::kGuestOwned:
      return RuleId::kRmpGuestOwned;
    case RmpTest::kReverseMap:
      return RuleId::kRmpReverseMap;
    case RmpTest::kMutable:
      return RuleId::kRmpMutable;
    case RmpTest::kPageSize:
      return RuleId::kRmpPageSize;
    case RmpTest::kValidated:
      return RuleId::kRmpValidated;
    case RmpTest::kVmpl:
      return RuleId::kRmpVmpl;
    case RmpTest::kVmsa:
      return RuleId::kRmpVmsa;
  }
  NPTSIM_BUG("an RMP check that does not exist");
}

// As a translation that met no fault would report the access.
Failure as_failure(const RmpAccess& access) {
  Failure f;
  f.kind = FailureKind::kNestedRmp;
  f.stage = is_table(access.use) ? Stage::kTable : Stage::kFinal;
  f.nested_write = is_table(access.use) ? access.nested_write : access.use == RmpUse::kWrite;
  f.is_private = access.is_private;
  f.access.kind = access.use == RmpUse::kFetch ? AccessKind::kFetch : AccessKind::kRead;
  f.access.privilege = access.privilege;
  f.gpa = access.gpa;
  return f;
}

RmpVerdict host_fault(const RmpAccess& access, RuleId rule) {
  const u64 user = access.privilege == Privilege::kUser ? kErrorUs : 0;
  return {RmpOutcome::kPageFault, rule, kErrorP | kErrorRw | user | kErrorRmp, access.linear};
}

RuleId rule_of_host(RmpTest test, const Rmp& rmp, const RmpAgentState& state,
                    const RmpAccess& access) {
  if (is_table(access.use)) return RuleId::kRmpHostTable;
  if (test == RmpTest::kHvOwned) return RuleId::kRmpHostWrite;
  return not_in_use(rmp, state, access) ? RuleId::kRmpInUse2M : RuleId::kRmpInUse;
}

RmpVerdict failed(RmpTest test, const Rmp& rmp, const RmpAgentState& state,
                  const RmpAccess& access) {
  const RuleId rule = rule_of_test(test);
  switch (state.agent) {
    case RmpAgent::kHost:
      return host_fault(access, rule_of_host(test, rmp, state, access));
    case RmpAgent::kDevice:
      return {RmpOutcome::kDeviceFault, RuleId::kRmpDevice, 0, access.linear};
    case RmpAgent::kGuest:
    case RmpAgent::kSnpGuest:
      break;
  }
  if (test == RmpTest::kValidated) {
    return {RmpOutcome::kVc, rule, kVcPageNotValidated, access.linear};
  }
  return rmp_npf(state, access, rule, test == RmpTest::kVmpl ? kErrorVmpl : 0);
}

constexpr RmpTest kHypervisorPage[] = {RmpTest::kHvOwned4K};
// The reverse map check of table 15-40 is left out: the VMCB has no GPA to compare, so it passes.
constexpr RmpTest kSnpVmsaPage[] = {RmpTest::kCovered, RmpTest::kGuestOwned, RmpTest::kMutable,
                                    RmpTest::kVmsa};

constexpr HardwarePageRow kHardwarePageRows[] = {
    {HardwarePage::kVmcb, "VMCB", kHypervisorPage, RmpOutcome::kGeneralProtection, true},
    {HardwarePage::kHsave, "VM_HSAVE_PA", kHypervisorPage, RmpOutcome::kGeneralProtection, false},
    {HardwarePage::kVmsa, "VMSA without SNP", kHypervisorPage, RmpOutcome::kInvalidExit, true},
    {HardwarePage::kSnpVmsa, "VMSA", kSnpVmsaPage, RmpOutcome::kInvalidExit, true},
    {HardwarePage::kAvicBacking, "AVIC backing page", kHypervisorPage, RmpOutcome::kInvalidExit,
     true},
    {HardwarePage::kPmlBuffer, "PML buffer", kHypervisorPage, RmpOutcome::kInvalidExit, true},
    {HardwarePage::kIbsBuffer, "IBS buffer", kHypervisorPage, RmpOutcome::kInvalidExit, true},
    {HardwarePage::kVmsave, "VMSAVE", kHypervisorPage, RmpOutcome::kGeneralProtection, false},
    {HardwarePage::kVirtualVmsave, "virtual VMSAVE", kHypervisorPage, RmpOutcome::kNpf, false},
    {HardwarePage::kNestedUpdate, "nested table", kHypervisorPage, RmpOutcome::kNpf, false},
};
static_assert(std::size(kHardwarePageRows) == kHardwarePages);

RuleId rule_of_hardware_page(HardwarePage page, RmpTest test) {
  if (page == HardwarePage::kNestedUpdate) return RuleId::kRmpNestedUpdate;
  if (page == HardwarePage::kSnpVmsa) return rule_of_test(test);
  return RuleId::kRmpHardwarePage;
}

}  // namespace

std::string_view name_of(RmpOutcome outcome) {
  constexpr std::string_view kNames[] = {"allowed",    "npf",          "vc",
                                         "page-fault", "device-fault", "gp",
                                         "ud",         "invalid-exit", "unspecified"};
  return kNames[static_cast<unsigned>(outcome)];
}

std::span<const RmpAccessRow> rmp_access_rows() { return kAccessRows; }

const RmpAccessRow& access_row(RmpAgent agent, RmpUse use, bool is_private) {
  const bool c = agent == RmpAgent::kSnpGuest && is_private;
  for (const RmpAccessRow& row : kAccessRows) {
    if (row.agent == agent && row.is_private == c && (row.uses & in(use))) return row;
  }
  NPTSIM_BUG("an SNP guest fetches and walks with C=1, and a device has no page tables here");
}

RmpVerdict rmp_npf(const RmpAgentState& state, const RmpAccess& access, RuleId rule, u64 extra) {
  Failure f = as_failure(access);
  f.extra = kErrorRmp | extra;
  return {RmpOutcome::kNpf, rule, npf_exit_info_1(f, state.error), npf_exit_info_2(f)};
}

namespace {

constexpr u64 mask_of(const Field& field) { return bit_range(field.high, field.low); }

// All that the checks of a private access ask of an entry's first word, and what it must be.
constexpr u64 kAsked = mask_of(rmp_field::kAssigned) | mask_of(rmp_field::kPageSize) |
                       mask_of(rmp_field::kImmutable) | mask_of(rmp_field::kGpa) |
                       mask_of(rmp_field::kAsid) | mask_of(rmp_field::kValidated);
static_assert(rmp_field::kGpa.low == kPageShift);  // the field is the GPA in place

u64 wanted_entry(const RmpAgentState& state, const RmpAccess& access, bool large) {
  return mask_of(rmp_field::kAssigned) | (large ? mask_of(rmp_field::kPageSize) : 0) |
         access.gpa.align_down(large ? kSize2M : kPageSize).value |
         u64{state.asid} << rmp_field::kAsid.low | mask_of(rmp_field::kValidated);
}

bool private_plainly_allowed(const Rmp& rmp, const RmpAgentState& state, const RmpAccess& access) {
  const bool large = access.leaf_size >= kSize2M;
  const RmpWords words = rmp.words(large ? access.spa.align_down(kSize2M) : access.spa);
  if ((words.q1 & kAsked) != wanted_entry(state, access, large)) return false;
  // A 4-KByte entry of its own counts only where no 2-MByte entry speaks for it.
  if (!large && (rmp.first_word(access.spa.align_down(kSize2M)) & kSpeaksFor2M) == kSpeaksFor2M) {
    return false;
  }
  const u8 needed = needed_permissions(access);
  return (words.q2 >> (8 * state.vmpl) & needed) == needed;
}

}  // namespace

bool plainly_allowed(const Rmp& rmp, const RmpAgentState& state, const RmpAccess& access) {
  const bool reads = access.use == RmpUse::kRead || access.use == RmpUse::kFetch;
  if (state.agent == RmpAgent::kSnpGuest && access.is_private) {
    return rmp.covers(access.spa) && private_plainly_allowed(rmp, state, access);
  }
  if (reads) return true;
  if (state.agent == RmpAgent::kHost || access.leaf_size >= kSize2M) return false;
  if (!rmp.covers(access.spa)) return true;
  const u64 words = rmp.first_word(access.spa) | rmp.first_word(access.spa.align_down(kSize2M));
  return !(words & mask_of(rmp_field::kAssigned));
}

RmpVerdict check_access(const Rmp& rmp, const RmpAgentState& state, const RmpAccess& access) {
  for (const RmpTest test : access_row(state.agent, access.use, access.is_private).checks) {
    if (!passes(test, rmp, state, access)) return failed(test, rmp, state, access);
  }
  return {};
}

std::span<const HardwarePageRow> hardware_page_rows() { return kHardwarePageRows; }

const HardwarePageRow& row_of(HardwarePage page) {
  const HardwarePageRow& row = kHardwarePageRows[static_cast<unsigned>(page)];
  NPTSIM_CHECK(row.page == page);
  return row;
}

RmpVerdict check_hardware_page(const Rmp& rmp, const RmpAgentState& state, HardwarePage page,
                               const RmpAccess& access) {
  const HardwarePageRow& row = row_of(page);
  for (const RmpTest test : row.checks) {
    if (passes(test, rmp, state, access)) continue;
    const RuleId rule = rule_of_hardware_page(page, test);
    if (row.failure == RmpOutcome::kNpf) return rmp_npf(state, access, rule, 0);
    return {row.failure, rule, 0, 0};
  }
  return {};
}

bool hold_page(const Rmp& rmp, HostPhysAddr spa) {
  if (!rmp.covers(spa)) return true;
  RmpEntry entry = rmp.own(spa);
  if (entry.lock) return false;
  entry.lock = true;
  rmp.write(spa, entry);
  return true;
}

void release_page(const Rmp& rmp, HostPhysAddr spa) {
  if (!rmp.covers(spa)) return;
  RmpEntry entry = rmp.own(spa);
  NPTSIM_CHECK(entry.lock);
  entry.lock = false;
  rmp.write(spa, entry);
}

}  // namespace nptsim::svm
