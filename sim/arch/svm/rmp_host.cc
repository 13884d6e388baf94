// RMPUPDATE, PSMASH and RMPREAD (APM vol. 2 rev. 3.45, 15.36; Microsoft C++ intrinsics; VeriSMo
// model of SNP). In which order several failures are looked at is not settled by any source.
#include "sim/arch/svm/rmp_instructions.h"
#include "sim/arch/svm/rmp_results.h"

namespace nptsim::svm {
namespace {

// Calls visit(page) for the pages of the 2 MByte around `spa` until one gives true.
template <class Visit>
bool any_page_of_2m(HostPhysAddr spa, Visit&& visit) {
  const HostPhysAddr region = spa.align_down(kSize2M);
  for (unsigned i = 0; i < kPagesIn2M; ++i) {
    if (visit(region + i * kPageSize)) return true;
  }
  return false;
}

bool covers_all(const Rmp& rmp, HostPhysAddr spa, RmpPageSize size) {
  return size == RmpPageSize::k2M ? rmp.table().covers_2m(spa) : rmp.covers(spa);
}

// The reverse map holds GPA bits of the raw physical width.
u64 gpa_mask(const RmpExecutor& by) { return kRmpGpaMask & bit_range(by.gpa_bits - 1, 0); }

// An owner of table 15-35, and values that the entry can hold.
bool can_be_written(const RmpExecutor& by, const RmpOperand& op) {
  const bool hypervisor = !op.assigned() && op.asid() == 0;
  const bool guest = op.assigned() && op.asid() != 0;
  const bool firmware = op.assigned() && op.asid() == 0 && op.immutable();
  const bool fits = (op.gpa().value & ~gpa_mask(by)) == 0 && op.asid() <= kRmpAsidMask;
  return (hypervisor || guest || firmware) && fits && op.gpa().aligned_to(bytes_of(op.size()));
}

std::optional<RmpResult> input_refusal(const Rmp& rmp, const RmpExecutor& by, HostPhysAddr spa,
                                       const RmpOperand& op) {
  if (!spa.aligned_to(bytes_of(op.size()))) {
    return ended(RmpCode::kFailInput, RuleId::kRmpMisaligned);
  }
  if (!covers_all(rmp, spa, op.size())) return ended(RmpCode::kFailInput, RuleId::kRmpNoEntry);
  if (op.reserved()) return ended(RmpCode::kFailInput, RuleId::kRmpReservedInput);
  if (by.agent.choices.rmpupdate_strict_operand && !can_be_written(by, op)) {
    return ended(RmpCode::kFailInput, RuleId::kRmpOperandInput);
  }
  return std::nullopt;
}

// Whose entry firmware keeps, or the request comes from a guest.
std::optional<RmpResult> permission_refusal(const RmpExecutor& by, const RmpEntry& entry) {
  if (by.agent.asid != 0) return ended(RmpCode::kFailPermission, RuleId::kRmpFromGuest);
  if (entry.immutable) return ended(RmpCode::kFailPermission, RuleId::kRmpImmutable);
  return std::nullopt;
}

std::optional<RmpResult> held_4k(const Rmp& rmp, const RmpExecutor& by, HostPhysAddr spa) {
  if (rmp.own(spa).lock) return held_by(RmpCode::kFailInuse, RuleId::kRmpHeld, spa);
  const HostPhysAddr region = spa.align_down(kSize2M);
  if (!by.agent.choices.rmpupdate_contention || !rmp.own(region).lock) return std::nullopt;
  return held_by(RmpCode::kFailOverlap, RuleId::kRmpContention, region);
}

std::optional<RmpResult> held_2m(const Rmp& rmp, HostPhysAddr spa) {
  HostPhysAddr holder;
  const bool held = any_page_of_2m(spa, [&](HostPhysAddr page) {
    holder = page;
    return rmp.own(page).lock;
  });
  if (!held) return std::nullopt;
  return held_by(RmpCode::kFailInuse, RuleId::kRmpHeld, holder);
}

// 4 KByte inside an assigned 2-MByte page.
bool overlaps_4k(const Rmp& rmp, const RmpExecutor& by, HostPhysAddr spa) {
  if (!rmp.aligned(spa).speaks_for_2m()) return false;
  return by.agent.choices.rmpupdate_aligned_overlaps || !spa.aligned_to(kSize2M);
}

// 2 MByte over an assigned 4-KByte page. Under a 2-MByte entry the other 511 do not count.
bool overlaps_2m(const Rmp& rmp, const RmpExecutor& by, HostPhysAddr spa) {
  if (rmp.own(spa).speaks_for_2m()) return false;
  return any_page_of_2m(spa, [&](HostPhysAddr page) {
    if (page == spa && !by.agent.choices.rmpupdate_aligned_overlaps) return false;
    return rmp.own(page).assigned;
  });
}

// The pages of a 2-MByte update that firmware keeps (their entries are 4 KByte).
bool immutable_inside(const Rmp& rmp, HostPhysAddr spa, RmpPageSize size) {
  if (size == RmpPageSize::k4K || rmp.own(spa).speaks_for_2m()) return rmp.own(spa).immutable;
  return any_page_of_2m(spa, [&](HostPhysAddr page) { return rmp.own(page).immutable; });
}

std::optional<RmpResult> state_refusal(const Rmp& rmp, const RmpExecutor& by, HostPhysAddr spa,
                                       RmpPageSize size) {
  if (immutable_inside(rmp, spa, size)) {
    return ended(RmpCode::kFailPermission, RuleId::kRmpImmutable);
  }
  const bool large = size == RmpPageSize::k2M;
  if (const auto held = large ? held_2m(rmp, spa) : held_4k(rmp, by, spa)) return held;
  if (large ? overlaps_2m(rmp, by, spa) : overlaps_4k(rmp, by, spa)) {
    return ended(RmpCode::kFailOverlap, RuleId::kRmpOverlap);
  }
  return std::nullopt;
}

RmpEntry updated(const RmpEntry& old, const RmpExecutor& by, const RmpOperand& op) {
  RmpEntry entry = old;
  entry.assigned = op.assigned();
  entry.size = op.assigned() ? op.size() : RmpPageSize::k4K;
  entry.immutable = op.immutable();
  entry.gpa = GuestPhysAddr(op.gpa().value & gpa_mask(by));
  entry.asid = op.asid() & kRmpAsidMask;
  const bool another = entry.assigned != old.assigned || entry.asid != old.asid ||
                       entry.gpa != old.gpa || entry.size != old.size;
  if (another) {
    entry.validated = entry.vmsa = false;
    entry.permissions = {all_permissions(by.vmpl_sss), 0, 0, 0};
  }
  return entry;
}

RuleId rule_of_update(const RmpEntry& old, const RmpEntry& entry) {
  if (!entry.assigned && old.assigned) return RuleId::kRmpUnassigned;
  RmpEntry immutable_only = old;
  immutable_only.immutable = entry.immutable;
  const bool only = entry == immutable_only && entry.immutable != old.immutable;
  return only ? RuleId::kRmpUpdatedImmutable : RuleId::kRmpUpdated;
}

// The aligned entry counts the other 511 pages that are assigned (AMD-ASPFW sev_rmp.c).
void count_subpage(const Rmp& rmp, HostPhysAddr spa, bool was, bool is) {
  if (spa.aligned_to(kSize2M) || was == is) return;
  RmpEntry region = rmp.aligned(spa);
  region.subpage_count += is ? 1 : -1;
  rmp.write(spa.align_down(kSize2M), region);
}

}  // namespace

RmpResult rmpupdate(const Rmp& rmp, const RmpExecutor& by, HostPhysAddr spa, const RmpOperand& op) {
  if (const auto exception = host_exception(by)) return *exception;
  if (const auto refusal = input_refusal(rmp, by, spa, op)) return *refusal;
  if (by.agent.asid != 0) return ended(RmpCode::kFailPermission, RuleId::kRmpFromGuest);
  if (const auto refusal = state_refusal(rmp, by, spa, op.size())) return *refusal;
  const RmpEntry old = rmp.own(spa);
  const RmpEntry entry = updated(old, by, op);
  rmp.write(spa, entry);
  count_subpage(rmp, spa, old.assigned, entry.assigned);
  RmpResult result = ended(RmpCode::kSuccess, rule_of_update(old, entry));
  result.flush = true;
  return result;
}

RmpResult psmash(const Rmp& rmp, const RmpExecutor& by, HostPhysAddr spa) {
  if (const auto exception = host_exception(by)) return *exception;
  if (!spa.aligned_to(kSize2M)) return ended(RmpCode::kFailInput, RuleId::kRmpMisaligned);
  if (!rmp.table().covers_2m(spa)) return ended(RmpCode::kFailInput, RuleId::kRmpNoEntry);
  const RmpEntry large = rmp.own(spa);
  if (const auto refusal = permission_refusal(by, large)) return *refusal;
  if (const auto held = held_2m(rmp, spa)) return *held;
  if (!large.speaks_for_2m()) return ended(RmpCode::kFailBadaddr, RuleId::kRmpNothingToSplit);
  RmpEntry small = large;
  small.size = RmpPageSize::k4K;
  for (unsigned i = 0; i < kPagesIn2M; ++i) {
    small.gpa = large.gpa + i * kPageSize;
    small.subpage_count = i == 0 ? kPagesIn2M - 1 : 0;
    rmp.write(spa + i * kPageSize, small);
  }
  RmpResult result = ended(RmpCode::kSuccess, RuleId::kRmpSmashed);
  result.flush = true;
  return result;
}

RmpreadResult rmpread(const Rmp& rmp, const RmpExecutor& by, HostPhysAddr spa) {
  if (const auto exception = host_exception(by)) return {.result = *exception};
  if (!spa.aligned_to(kPageSize)) {
    return {.result = ended(RmpCode::kFailInput, RuleId::kRmpMisaligned)};
  }
  if (!rmp.covers(spa)) return {.result = ended(RmpCode::kFailInput, RuleId::kRmpNoEntry)};
  if (by.agent.asid != 0) {
    return {.result = ended(RmpCode::kFailPermission, RuleId::kRmpFromGuest)};
  }
  const RmpEntry entry = rmp.own(spa);
  const RmpEntry region = rmp.aligned(spa);
  RmpreadResult answer{.result = ended(RmpCode::kSuccess, RuleId::kRmpRead)};
  answer.entry = rmp_operand({entry.gpa, entry.assigned, entry.size, entry.immutable, entry.asid});
  const bool one_by_one = !region.speaks_for_2m() && (region.assigned || region.subpage_count > 0);
  if (by.agent.choices.rmpread_region_status && one_by_one) answer.entry.high |= bit(9);
  return answer;
}

}  // namespace nptsim::svm
