// The effective configuration of a point, and where each value comes from.
#ifndef NPTSIM_SIM_CLI_CONFIGURATION_H_
#define NPTSIM_SIM_CLI_CONFIGURATION_H_

#include <vector>

#include "models/library.h"
#include "sim/machine/setup.h"
#include "sim/report/story.h"
#include "sim/scenario/scenario.h"

namespace nptsim::cli {

std::vector<report::ConfigSection> configuration_of(const scenario::Scenario& point,
                                                    const machine::Setup& setup,
                                                    models::Library& library);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_CONFIGURATION_H_
