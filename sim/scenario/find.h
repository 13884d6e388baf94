// The scenario files behind the PATH arguments of a command.
#ifndef NPTSIM_SIM_SCENARIO_FIND_H_
#define NPTSIM_SIM_SCENARIO_FIND_H_

#include <span>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"

namespace nptsim::scenario {

// A file is taken as it is. Of a folder all `*.yaml` below it are taken, sorted by the bytes of
// their paths, but not hidden ones, not golden files (`*.golden.yaml`) and not what is only there
// for `like:` (`base.yaml`, `*.base.yaml`). Each file once. Links to folders are not followed.
Result<std::vector<std::string>, Diagnostics> find_files(std::span<const std::string> paths);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_FIND_H_
