// `set:`: parameters of models, machine keys, and values elsewhere in the scenario by their path.
#ifndef NPTSIM_SIM_SCENARIO_SETTINGS_H_
#define NPTSIM_SIM_SCENARIO_SETTINGS_H_

#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/scenario/scenario.h"
#include "sim/yaml/node.h"

namespace nptsim::scenario {

// Where a key of `set:` belongs.
enum class SettingPlace : std::uint8_t {
  kModel,    // "kernel.mmio_caching": a parameter of a model, which must know it
  kMachine,  // "kernel", "vcpus": a key of `machine:`
  kPath,     // "memory.flash.mode", "start.begin": a value of the scenario
  kUnknown,
};
SettingPlace place_of_setting(const std::string& key);
inline bool is_parameter(const Setting& setting) {
  return place_of_setting(setting.key.value) == SettingPlace::kModel;
}

// From a `set:` whose shape is right; keys that belong nowhere are reported.
std::vector<Setting> read_settings(const yaml::Node& set, Diagnostics& diagnostics);

// Puts the first value of a kMachine or kPath setting where it belongs.
void apply_setting(yaml::Node& tree, const Setting& setting, Diagnostics& diagnostics);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_SETTINGS_H_
