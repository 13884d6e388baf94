// What of a scenario no process on this host can make real. Each thing by its name and place.
#ifndef NPTSIM_SIM_RECORD_REFUSALS_H_
#define NPTSIM_SIM_RECORD_REFUSALS_H_

#include "sim/base/diagnostic.h"
#include "sim/record/host.h"
#include "sim/scenario/scenario.h"

namespace nptsim::record {

// Empty: it can be recorded. `point` is a point of a matrix, so each setting has one value.
// `host` null: only what would be refused everywhere.
Diagnostics refusals(const scenario::Scenario& point, const HostFacts* host);

}  // namespace nptsim::record

#endif  // NPTSIM_SIM_RECORD_REFUSALS_H_
