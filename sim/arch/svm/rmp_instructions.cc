#include "sim/arch/svm/rmp_instructions.h"

#include "sim/arch/svm/rmp_results.h"

namespace nptsim::svm {

std::string_view name_of(RmpCode code) {
  constexpr std::string_view kNames[] = {"SUCCESS",           "FAIL_INPUT",   "FAIL_PERMISSION",
                                         "FAIL_INUSE",        "FAIL_OVERLAP", "",
                                         "FAIL_SIZEMISMATCH", "FAIL_BADADDR"};
  return kNames[static_cast<unsigned>(code)];
}

std::optional<RmpResult> guest_exception(const RmpExecutor& by, bool needs_long_mode) {
  const bool snp_guest = by.snp_enabled && by.agent.agent == RmpAgent::kSnpGuest;
  if (!snp_guest || (needs_long_mode && !by.long_mode)) {
    return faulted(RmpOutcome::kInvalidOpcode, RuleId::kRmpUndefined);
  }
  if (by.cpl != 0) return faulted(RmpOutcome::kGeneralProtection, RuleId::kRmpPrivilege);
  return std::nullopt;
}

std::optional<RmpResult> host_exception(const RmpExecutor& by) {
  if (!by.snp_enabled || !by.long_mode) {
    return faulted(RmpOutcome::kInvalidOpcode, RuleId::kRmpUndefined);
  }
  if (by.cpl != 0) return faulted(RmpOutcome::kGeneralProtection, RuleId::kRmpPrivilege);
  return std::nullopt;
}

}  // namespace nptsim::svm
