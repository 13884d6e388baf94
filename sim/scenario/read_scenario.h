// From a tree to a Scenario.
#ifndef NPTSIM_SIM_SCENARIO_READ_SCENARIO_H_
#define NPTSIM_SIM_SCENARIO_READ_SCENARIO_H_

#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/scenario/scenario.h"
#include "sim/yaml/node.h"

namespace nptsim::scenario {

struct Reading {
  Scenario scenario;
  Diagnostics wrong;           // what cannot be read at all
  Diagnostics contradictions;  // what does not fit together; at a point of a matrix, no error
};

// `settings` have one value each; the tree's own `set:` is not looked at.
Reading read_point(const yaml::Node& tree, const std::vector<Setting>& settings);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_READ_SCENARIO_H_
