// What can be said of a scenario without any model: whether it fits together.
#ifndef NPTSIM_SIM_SCENARIO_CHECK_H_
#define NPTSIM_SIM_SCENARIO_CHECK_H_

#include "sim/base/diagnostic.h"
#include "sim/scenario/scenario.h"

namespace nptsim::scenario {

void check_vm(const Vm& vm, Diagnostics& diagnostics);        // check_vm.cc, check_memory.cc
void check_memory(const Vm& vm, Diagnostics& diagnostics);
void check_start(const Vm& vm, Diagnostics& diagnostics);

// Finds the vCPU of every label that is named, too.
void check_scenario(Scenario& scenario, Diagnostics& diagnostics);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_CHECK_H_
