// The parts of a scenario, from nodes whose shape has been checked.
#ifndef NPTSIM_SIM_SCENARIO_READ_PARTS_H_
#define NPTSIM_SIM_SCENARIO_READ_PARTS_H_

#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/scenario/scenario.h"
#include "sim/yaml/node.h"

namespace nptsim::scenario {

Vm read_vm(const std::string& name, const yaml::Node& node, Diagnostics& diagnostics);
MapEntry read_map_entry(const yaml::Node& node);
Start read_start(const yaml::Node& node);
// One act, or several when its operation is a list.
std::vector<Act> read_acts(const std::vector<yaml::Node>& items, Diagnostics& diagnostics);
std::vector<ExpectCase> read_expect(const yaml::Node& node, Diagnostics& diagnostics);
Expectation read_expectation(const yaml::Node& node, Diagnostics& diagnostics);
Explore read_explore(const yaml::Node& node, Diagnostics& diagnostics);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_READ_PARTS_H_
