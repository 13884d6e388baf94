#include "sim/scenario/read_scenario.h"

#include <algorithm>
#include <string>
#include <utility>

#include "sim/scenario/check.h"
#include "sim/scenario/keys.h"
#include "sim/scenario/load.h"
#include "sim/scenario/read_parts.h"
#include "sim/scenario/settings.h"
#include "sim/scenario/values.h"
#include "sim/yaml/merge.h"

namespace nptsim::scenario {
namespace {

using yaml::Node;

// What the top level says of all VMs.
Node shared_sections(const Node& tree) {
  Node shared;
  shared.kind = yaml::NodeKind::kMap;
  shared.pos = tree.pos;
  for (const std::string& name : vm_section_names()) {
    const yaml::MapEntry* entry = tree.find_entry(name);
    if (entry != nullptr) shared.entries.push_back(*entry);
  }
  return shared;
}

void read_vms(const Node& tree, Scenario& scenario, Diagnostics& diagnostics) {
  const Node* vms = tree.find("vms");
  if (vms == nullptr || vms->entries.empty()) {
    scenario.vm = read_vm("", tree, diagnostics);
    return;
  }
  const Node shared = shared_sections(tree);
  for (const yaml::MapEntry& entry : vms->entries) {
    const Node merged = entry.value.is_map() ? yaml::merge(shared, entry.value) : shared;
    scenario.vms.push_back(read_vm(entry.key.text, merged, diagnostics));
  }
}

void read_judged(const Node& tree, Scenario& scenario, Diagnostics& diagnostics) {
  const Values values(tree);
  scenario.script = read_acts(values.items("script"), diagnostics);
  if (const Node* expect = values.find("expect")) {
    scenario.expect = read_expect(*expect, diagnostics);
  }
  if (const Node* explore = values.find("explore")) {
    scenario.explore = read_explore(*explore, diagnostics);
  }
  scenario.xfail = values.located_text("xfail");
}

void read_description(const Node& tree, Scenario& scenario) {
  const Values values(tree);
  scenario.pos = tree.pos;
  scenario.name = values.text("name");
  scenario.about = values.text("about");
  scenario.sources = values.plain_texts("sources");
}

// A list in `machine:` is what people write who mean a matrix.
void suggest_set(const Node& tree, Diagnostics& diagnostics) {
  const Node* machine = tree.find("machine");
  if (machine == nullptr) return;
  for (const yaml::MapEntry& entry : machine->entries) {
    if (entry.key.text == "apply" || !entry.value.is_sequence()) continue;
    for (Diagnostic& diagnostic : diagnostics) {
      if (diagnostic.pos == entry.value.pos && diagnostic.suggestion.empty()) {
        diagnostic.suggestion = "for a matrix say set: { " + entry.key.text + ": [...] }";
      }
    }
  }
}

std::vector<Setting> first_values(const std::vector<Setting>& settings) {
  std::vector<Setting> first = settings;
  for (Setting& setting : first) setting.values.resize(1);
  return first;
}

std::optional<std::string> machine_value(const Machine& machine, const std::string& key) {
  if (key == "cpu") return machine.cpu.value;
  if (key == "vm") return machine.vm.value;
  if (key == "kernel") return machine.kernel.value;
  if (key == "vmm") return machine.vmm.value;
  if (key == "guest") return machine.guest.value;
  if (key == "firmware") return machine.firmware.value;
  if (key == "board") return machine.board.value;
  if (key == "vcpus") return std::to_string(machine.vcpus.value);
  if (key == "vmpl") return std::to_string(machine.vmpl.value);
  return std::nullopt;
}

}  // namespace

Reading read_point(const Node& tree, const std::vector<Setting>& settings) {
  Reading reading;
  Node with_settings;
  if (!settings.empty()) {  // the tree itself has passed
    with_settings = tree;
    for (const Setting& setting : settings) apply_setting(with_settings, setting, reading.wrong);
    check_shape(with_settings, map(scenario_keys()), "", reading.wrong);
    suggest_set(with_settings, reading.wrong);
    if (!reading.wrong.empty()) return reading;
  }
  const Node& applied = settings.empty() ? tree : with_settings;

  Scenario& scenario = reading.scenario;
  read_description(applied, scenario);
  read_vms(applied, scenario, reading.wrong);
  read_judged(applied, scenario, reading.wrong);
  scenario.set = settings;
  if (reading.wrong.empty()) check_scenario(scenario, reading.contradictions);
  return reading;
}

Result<Scenario, Diagnostics> read_scenario(const Node& tree) {
  Diagnostics wrong;
  check_shape(tree, map(scenario_keys()), "", wrong);
  suggest_set(tree, wrong);
  if (!wrong.empty()) return wrong;
  static const Node kNothing;
  const Node* set = tree.find("set");
  const std::vector<Setting> settings = read_settings(set == nullptr ? kNothing : *set, wrong);
  if (!wrong.empty()) return wrong;

  Reading reading = read_point(tree, first_values(settings));
  if (!reading.wrong.empty()) return reading.wrong;
  const bool matrix = std::any_of(settings.begin(), settings.end(),
                                  [](const Setting& setting) { return setting.is_list; });
  if (!matrix && !reading.contradictions.empty()) return reading.contradictions;
  reading.scenario.set = settings;
  reading.scenario.tree = std::make_shared<const Node>(tree);
  return std::move(reading.scenario);
}

const Region* Vm::region(const std::string& region_name) const {
  for (const Region& region : memory) {
    if (region.name.value == region_name) return &region;
  }
  return nullptr;
}

std::optional<std::string> Scenario::setting(const std::string& key) const {
  for (const auto& [name, value] : picks) {
    if (name == key) return value;
  }
  for (const Setting& setting : set) {
    if (setting.key.value == key && !setting.values.empty()) return setting.values[0].value;
  }
  return machine_value(vms.empty() ? vm.machine : vms[0].machine, key);
}

}  // namespace nptsim::scenario
