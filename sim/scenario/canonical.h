// The one canonical form of a scenario, and its hash.
//
// It holds what the test is: the machine, its memory, what runs and who else may act. It does not
// hold what is said about it: name, text, sources, expectations. Two ways to write the same value
// (16M and 0x1000000, a default written out, another order of keys, a comment) are the same. Only
// what differs from the default is in it, so a key that is added to the format later changes no
// hash of today.
#ifndef NPTSIM_SIM_SCENARIO_CANONICAL_H_
#define NPTSIM_SIM_SCENARIO_CANONICAL_H_

#include <string>

#include "sim/scenario/scenario.h"

namespace nptsim::scenario {

// JSON in one line, keys sorted.
std::string canonical_form(const Scenario& scenario);

// 16 hex digits: FNV-1a, 64 bits, of the canonical form.
std::string scenario_hash(const Scenario& scenario);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_CANONICAL_H_
