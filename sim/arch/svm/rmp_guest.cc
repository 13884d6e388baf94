// PVALIDATE, RMPADJUST and RMPQUERY (APM vol. 2 rev. 3.45, 15.36.6, 15.36.7, 15.36.11).
#include "sim/arch/svm/rmp_instructions.h"
#include "sim/arch/svm/rmp_results.h"

namespace nptsim::svm {
namespace {

// In the way that the profile says.
RmpResult refused(RmpRefusal how, RuleId rule) {
  switch (how) {
    case RmpRefusal::kUnspecified:
      return faulted(RmpOutcome::kUnspecified, rule);
    case RmpRefusal::kFailInput:
      return ended(RmpCode::kFailInput, rule);
    case RmpRefusal::kFailPermission:
      return ended(RmpCode::kFailPermission, rule);
    case RmpRefusal::kGeneralProtection:
      return faulted(RmpOutcome::kGeneralProtection, rule);
  }
  NPTSIM_BUG("a refusal that does not exist");
}

bool misaligned(GuestVirtAddr gva, RmpPageSize size) {
  return size == RmpPageSize::k2M && !gva.aligned_to(kSize2M);
}

// One guest's instruction on its way through the checks of one page.
class GuestStep {
 public:
  GuestStep(const Rmp& rmp, const RmpExecutor& by, const RmpGuestPage& page)
      : rmp_(rmp), by_(by), page_(page) {
    access_.use = by.agent.choices.rmp_instruction_npf_write ? RmpUse::kWrite : RmpUse::kRead;
    access_.is_private = true;
    access_.spa = page.spa;
    access_.gpa = page.gpa;
    access_.linear = page.gva.value;
    access_.leaf_size = page.nested_size;
  }

  // The page is this guest's, at this GPA, and not immutable: else #NPF with RMP=1.
  std::optional<RmpResult> ownership() const {
    if (!rmp_.covers(page_.spa)) return npf(RuleId::kRmpGuestPage, 0);
    const RmpEntry entry = rmp_.authoritative(page_.spa);
    const bool owned = entry.assigned && entry.asid == by_.agent.asid;
    const bool mapped = entry.gpa == page_.gpa.align_down(bytes_of(entry.size));
    if (!owned || !mapped || entry.immutable) return npf(RuleId::kRmpGuestPage, 0);
    return std::nullopt;
  }

  // A 4-KByte request needs a 4-KByte entry, else the hypervisor has to split it.
  std::optional<RmpResult> small_request(RmpPageSize size) const {
    if (size != RmpPageSize::k4K) return std::nullopt;
    if (entry().size == RmpPageSize::k2M) return npf(RuleId::kRmpSizem, kErrorSizem);
    if (page_.nested_size < kSize2M) return std::nullopt;
    const bool sizem = by_.agent.choices.sizem_of_nested_mismatch;
    return npf(RuleId::kRmpSizemNested, sizem ? kErrorSizem : 0);
  }

  // A 2-MByte request needs a 2-MByte entry, else the guest has to ask page by page.
  std::optional<RmpResult> large_request(RmpPageSize size) const {
    if (size != RmpPageSize::k2M) return std::nullopt;
    if (entry().size == RmpPageSize::k4K) {
      return ended(RmpCode::kFailSizemismatch, RuleId::kRmpSizeMismatch);
    }
    if (page_.nested_size >= kSize2M || !by_.agent.choices.guest_2m_needs_2m_nested) {
      return std::nullopt;
    }
    return ended(RmpCode::kFailSizemismatch, RuleId::kRmpSizeMismatchNested);
  }

  std::optional<RmpResult> validated() const {
    if (entry().validated) return std::nullopt;
    return faulted(RmpVerdict{RmpOutcome::kVc, RuleId::kRmpNotValidated, kVcPageNotValidated,
                              page_.gva.value});
  }

  RmpEntry entry() const { return rmp_.authoritative(page_.spa); }
  void write(const RmpEntry& entry) const { rmp_.write(rmp_.authoritative_page(page_.spa), entry); }

 private:
  RmpResult npf(RuleId rule, u64 extra) const {
    return faulted(rmp_npf(by_.agent, access_, rule, extra));
  }

  const Rmp& rmp_;
  const RmpExecutor& by_;
  const RmpGuestPage& page_;
  RmpAccess access_;
};

std::optional<RmpResult> adjust_rights_refusal(const RmpExecutor& by, const RmpEntry& entry,
                                               u8 permissions) {
  if (permissions & ~entry.permissions.at(by.agent.vmpl)) {
    return ended(RmpCode::kFailPermission, RuleId::kRmpNotSubset);
  }
  if (legal_permissions(permissions)) return std::nullopt;
  return refused(by.agent.choices.rmpadjust_illegal_mask, RuleId::kRmpIllegalMask);
}

}  // namespace

std::optional<RmpResult> pvalidate_refusal(const RmpExecutor& by, const PvalidateOperands& op) {
  if (const auto exception = guest_exception(by, false)) return exception;
  if (by.agent.vmpl != 0) {
    return refused(by.agent.choices.pvalidate_above_vmpl0, RuleId::kRmpPvalidateVmpl);
  }
  if (misaligned(op.gva, op.size)) return ended(RmpCode::kFailInput, RuleId::kRmpMisaligned);
  return std::nullopt;
}

RmpResult pvalidate(const Rmp& rmp, const RmpExecutor& by, const PvalidateOperands& op,
                    const RmpGuestPage& page) {
  if (const auto refusal = pvalidate_refusal(by, op)) return *refusal;
  const GuestStep step(rmp, by, page);
  if (const auto fault = step.ownership()) return *fault;
  if (const auto fault = step.small_request(op.size)) return *fault;
  if (const auto mismatch = step.large_request(op.size)) return *mismatch;
  RmpEntry entry = step.entry();
  if (entry.validated == op.validate) {
    RmpResult same = ended(RmpCode::kSuccess, RuleId::kRmpPvalidateSame);
    same.carry = true;
    return same;
  }
  entry.validated = op.validate;
  step.write(entry);
  return ended(RmpCode::kSuccess, RuleId::kRmpPvalidateDone);
}

std::optional<RmpResult> rmpadjust_refusal(const RmpExecutor& by, const RmpadjustOperands& op) {
  if (const auto exception = guest_exception(by, true)) return exception;
  if (misaligned(op.gva, op.size)) return ended(RmpCode::kFailInput, RuleId::kRmpMisaligned);
  if (op.target_vmpl <= by.agent.vmpl) {
    return ended(RmpCode::kFailPermission, RuleId::kRmpTargetVmpl);
  }
  if (op.target_vmpl >= by.vmpls) {
    return refused(by.agent.choices.rmpadjust_missing_vmpl, RuleId::kRmpMissingVmpl);
  }
  return std::nullopt;
}

RmpResult rmpadjust(const Rmp& rmp, const RmpExecutor& by, const RmpadjustOperands& op,
                    const RmpGuestPage& page) {
  if (const auto refusal = rmpadjust_refusal(by, op)) return *refusal;
  const GuestStep step(rmp, by, page);
  if (const auto fault = step.ownership()) return *fault;
  if (const auto fault = step.small_request(op.size)) return *fault;
  if (const auto fault = step.validated()) return *fault;
  if (const auto mismatch = step.large_request(op.size)) return *mismatch;
  RmpEntry entry = step.entry();
  if (const auto refusal = adjust_rights_refusal(by, entry, op.permissions)) return *refusal;
  entry.permissions.at(op.target_vmpl) = op.permissions;
  if (by.agent.vmpl == 0) entry.vmsa = op.vmsa;
  step.write(entry);
  return ended(RmpCode::kSuccess, RuleId::kRmpAdjusted);
}

std::optional<RmpResult> rmpquery_refusal(const RmpExecutor& by, const RmpqueryOperands& op) {
  if (const auto exception = guest_exception(by, true)) return exception;
  if (op.target_vmpl < by.agent.vmpl) {
    return ended(RmpCode::kFailPermission, RuleId::kRmpQueryTargetVmpl);
  }
  if (op.target_vmpl >= by.vmpls) {
    return refused(by.agent.choices.rmpadjust_missing_vmpl, RuleId::kRmpMissingVmpl);
  }
  return std::nullopt;
}

RmpqueryResult rmpquery(const Rmp& rmp, const RmpExecutor& by, const RmpqueryOperands& op,
                        const RmpGuestPage& page) {
  if (const auto refusal = rmpquery_refusal(by, op)) return {.result = *refusal};
  const GuestStep step(rmp, by, page);
  if (const auto fault = step.ownership()) return {.result = *fault};
  if (const auto fault = step.validated()) return {.result = *fault};
  const RmpEntry entry = step.entry();
  RmpqueryResult answer{.result = ended(RmpCode::kSuccess, RuleId::kRmpQueried)};
  answer.rdx =
      u64{op.target_vmpl} | u64{entry.permissions.at(op.target_vmpl)} << 8 | u64{entry.vmsa} << 16;
  if (by.agent.choices.rmpquery_size_in_rcx) answer.rcx = static_cast<u64>(entry.size);
  return answer;
}

}  // namespace nptsim::svm
