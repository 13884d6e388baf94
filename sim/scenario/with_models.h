// A scenario with other models than its own, for tools that ask what a change of models does.
#ifndef NPTSIM_SIM_SCENARIO_WITH_MODELS_H_
#define NPTSIM_SIM_SCENARIO_WITH_MODELS_H_

#include <map>
#include <string>
#include <vector>

#include "sim/yaml/node.h"

namespace nptsim::scenario {

struct ModelsChange {
  std::map<std::string, std::string> machine;  // keys of `machine:`, "kernel" -> "kvm-6.8"
  std::vector<std::string> apply;              // overlays, behind the scenario's own
};

// The tree of a document (Scenario::tree). A list of `set:` that has the key goes: there is one
// value now. So do the claims: they are about the scenario's own models.
yaml::Node with_models(const yaml::Node& tree, const ModelsChange& change);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_WITH_MODELS_H_
