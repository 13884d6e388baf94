// How an RMP instruction ends; shared by rmp_guest.cc and rmp_host.cc.
#ifndef NPTSIM_SIM_ARCH_SVM_RMP_RESULTS_H_
#define NPTSIM_SIM_ARCH_SVM_RMP_RESULTS_H_

#include "sim/arch/svm/rmp_instructions.h"

namespace nptsim::svm {

inline RmpResult ended(RmpCode code, RuleId rule) {
  return {.verdict = {.rule = rule}, .code = code};
}
inline RmpResult faulted(RmpOutcome outcome, RuleId rule) {
  return {.verdict = {.outcome = outcome, .rule = rule}};
}
inline RmpResult faulted(const RmpVerdict& verdict) { return {.verdict = verdict}; }
inline RmpResult held_by(RmpCode code, RuleId rule, HostPhysAddr page) {
  RmpResult result = ended(code, rule);
  result.held = page;
  return result;
}

// Mode, SNP and CPL.
std::optional<RmpResult> guest_exception(const RmpExecutor&, bool needs_long_mode);
std::optional<RmpResult> host_exception(const RmpExecutor&);

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_RMP_RESULTS_H_
