// Every situation has a row, and every row has a situation.
#ifndef NPTSIM_SIM_RULES_STAGE_CHECK_H_
#define NPTSIM_SIM_RULES_STAGE_CHECK_H_

#include <span>

#include "sim/rules/resolved.h"

namespace nptsim::rules {

// `domains[fact]`: the values that a fact can have at all.
void check_stages(const Resolved& resolved, std::span<const Values> domains, Diagnostics& out);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_STAGE_CHECK_H_
