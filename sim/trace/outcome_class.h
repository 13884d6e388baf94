// How a recording says that it ended, and which outcomes of the model are the same.
#ifndef NPTSIM_SIM_TRACE_OUTCOME_CLASS_H_
#define NPTSIM_SIM_TRACE_OUTCOME_CLASS_H_

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/machine/outcome.h"

namespace nptsim::trace {

struct OutcomeClass {
  std::string_view name;
  std::vector<machine::OutcomeKind> kinds;  // of some vCPU, or of the VM; none: not judged
  std::string_view why_not;                 // not judged: why
};

std::span<const OutcomeClass> outcome_classes();
// Null for a class that the form does not have.
const OutcomeClass* find_outcome_class(std::string_view name);

// Whether the run ended so. A class that is not judged is met by anything.
bool meets(const OutcomeClass& wanted, const machine::RunResult& run);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_OUTCOME_CLASS_H_
