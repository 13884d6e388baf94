// Whether two rows do the same, and whether they are the same altogether.
#ifndef NPTSIM_SIM_RULES_SAME_ROW_H_
#define NPTSIM_SIM_RULES_SAME_ROW_H_

#include "sim/rules/model.h"

namespace nptsim::rules {

// Conditions, actions, answers and where control goes; in the same order, as they were written.
bool does_the_same(const Row& a, const Row& b);

// And they say the same of themselves: source, evidence, text.
bool says_the_same(const Row& a, const Row& b);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_SAME_ROW_H_
