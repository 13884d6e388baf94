// Reads scenario files: `like:` resolved, all keys known, all values typed, all that needs no model
// checked.
#ifndef NPTSIM_SIM_SCENARIO_LOAD_H_
#define NPTSIM_SIM_SCENARIO_LOAD_H_

#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/scenario/scenario.h"
#include "sim/yaml/files.h"
#include "sim/yaml/node.h"

namespace nptsim::scenario {

using Loaded = Result<std::vector<Scenario>, Diagnostics>;

// All documents of a file. One bad document makes the file bad; the diagnostics are of all.
Loaded load_file(const std::string& path);
// The same for one of many: what several are `like:` is read once.
Loaded load_file(const std::string& path, yaml::Files& files);
// `file_name` is also what `like:` is relative to.
Loaded load_text(std::string_view text, const std::string& file_name);

// One document whose `like:` has been applied.
Result<Scenario, Diagnostics> read_scenario(const yaml::Node& tree);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_LOAD_H_
