// All keys of a scenario: what they mean, what they take. The readers, the diagnostics and the
// editors' schema come from these tables.
#ifndef NPTSIM_SIM_SCENARIO_KEYS_H_
#define NPTSIM_SIM_SCENARIO_KEYS_H_

#include <string>
#include <vector>

#include "sim/scenario/shape.h"

namespace nptsim::scenario {

const Section& scenario_keys();
const Section& machine_keys();
const Section& memory_keys();
const Section& map_entry_keys();
const Section& start_keys();
const Section& expectation_keys();
const Section& expect_case_keys();
const Section& explore_keys();
const Section& act_keys();
const Section& place_keys();

std::vector<std::string> key_names(const Section& section);

// Keys of the scenario that describe a machine, as opposed to what is said about it; under `vms:`
// each VM has its own.
const std::vector<std::string>& vm_section_names();

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_KEYS_H_
