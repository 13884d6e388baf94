// The point of a scenario that a recording was made of, with the kernel that it was made on.
#ifndef NPTSIM_SIM_CLI_RECORDED_POINT_H_
#define NPTSIM_SIM_CLI_RECORDED_POINT_H_

#include <string>
#include <vector>

#include "models/library.h"
#include "sim/cli/points.h"
#include "sim/trace/recording.h"

namespace nptsim::cli {

// One point of `file`, found by the hash that the recording has; diagnostics if the scenario is
// another one by now. The newest of `kernels` that is not newer than the recorded one takes the
// place of the scenario's.
LoadedFile recorded_point(const trace::Recording& recording, const std::string& file,
                          const std::vector<std::string>& kernels, models::Library& library);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_RECORDED_POINT_H_
