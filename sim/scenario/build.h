// From a scenario's point to a machine that is ready for its first step.
//
// Puts code, tables, stacks, descriptor tables and GHCBs into the guest's memory (docs/places.md),
// asks the library for the models, and runs the VMM's own start-up by its rules.
#ifndef NPTSIM_SIM_SCENARIO_BUILD_H_
#define NPTSIM_SIM_SCENARIO_BUILD_H_

#include <memory>
#include <optional>
#include <string>

#include "models/library.h"
#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/machine/event.h"
#include "sim/machine/machine.h"
#include "sim/machine/setup.h"
#include "sim/scenario/scenario.h"

namespace nptsim::scenario {

struct Built {
  std::shared_ptr<const machine::Setup> setup;
  // A refusal by the rules of the VMM or the kernel is no diagnostic: vm_outcome() says it.
  std::unique_ptr<machine::Machine> machine;
};

// `start_events` hears of the VMM's start-up where the scenario begins there (`begin: vmm-start`);
// null: nobody does. What is not modelled yet is a diagnostic that names the key.
Result<Built, Diagnostics> build(const Scenario& point, models::Library& library,
                                 machine::EventSink* start_events = nullptr);

// Only what the models' names and settings contradict (an impossible CPU, a parameter out of
// range), in one sentence, or nothing: for matrix.h, whose points are then listed as invalid.
std::optional<std::string> contradiction(const Scenario& point, models::Library& library);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_BUILD_H_
