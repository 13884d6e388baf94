// Every step ends: loops and recursion pass through a `step: new`, and no wait is for ever.
#ifndef NPTSIM_SIM_RULES_STEP_CHECK_H_
#define NPTSIM_SIM_RULES_STEP_CHECK_H_

#include "sim/rules/resolved.h"

namespace nptsim::rules {

void check_steps(const Resolved& resolved, Diagnostics& out);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_STEP_CHECK_H_
