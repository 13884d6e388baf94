// Recorded cases through the model, step by step, and what came of them.
#ifndef NPTSIM_TESTS_ORACLE_KVM_REPLAY_H_
#define NPTSIM_TESTS_ORACLE_KVM_REPLAY_H_

#include <map>
#include <set>

#include "tests/oracle/kvm_case.h"

namespace nptsim::oracle::kvm {

// Why a recorded step says nothing of KVM with nested paging, or nothing that the model has.
// Decided by the recording alone, before the model's answer is looked at.
struct NotShared {
  std::string_view name;
  std::string_view why;
};
const std::vector<NotShared>& not_shared_reasons();

struct Verdict {
  std::vector<std::string> differences;  // "line 12: access store: rax: recorded ..., model ..."
  std::map<std::string, unsigned> not_shared;  // steps, by the name of the reason
  std::map<std::string, unsigned> unknown;     // steps that the replay cannot do: "op frobnicate"
  unsigned compared = 0;                       // steps with something to compare
};
Verdict replay(const Case& one);

struct Count {
  unsigned cases = 0, match = 0, differ = 0, partly = 0, nothing = 0, unknown = 0;
};
struct CaseTally {
  Count all;
  std::map<std::string, Count> by_group;
  std::map<std::string, std::map<std::string, unsigned>> not_shared;  // steps, by group and reason
  std::map<std::string, unsigned> unknown;
  std::map<std::string, std::vector<std::string>> first_differences;  // by group
  unsigned steps = 0, not_shared_steps = 0;

  static constexpr unsigned kFirst = 5;
  bool good() const { return all.differ == 0; }
};
void add(CaseTally& tally, const Case& one, const Verdict& verdict);
CaseTally replay(const CaseFile& file);
std::string report(const CaseTally& tally);

}  // namespace nptsim::oracle::kvm

#endif  // NPTSIM_TESTS_ORACLE_KVM_REPLAY_H_
