// `script:`: what the VMM's main thread does while the vCPUs run.
#include <algorithm>

#include "sim/scenario/build_parts.h"

namespace nptsim::scenario::building {
namespace {

constexpr char kScriptPrefix[] = "script_";

// "romd-on" is the procedure script_romd_on.
std::string procedure_name(const std::string& operation) {
  std::string name = kScriptPrefix + operation;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::vector<std::string> operations(const models::LoadedModel& vmm) {
  std::vector<std::string> names;
  for (const rules::Exported& exported : vmm.exported) {
    if (!exported.name.starts_with(kScriptPrefix)) continue;
    std::string name = exported.name.substr(sizeof kScriptPrefix - 1);
    std::replace(name.begin(), name.end(), '_', '-');
    names.push_back(name);
  }
  return names;
}

// The region of "flash.mode"; what stands behind the dot is for people.
std::optional<std::uint64_t> region_of(Plan& plan, const Act& act, const std::string& word) {
  const std::string name = word.substr(0, word.find('.'));
  std::vector<std::string> names;
  for (std::size_t i = 0; i < plan.setup.regions.size(); ++i) {
    names.push_back(plan.setup.regions[i].name);
    if (names.back() == name) return i;
  }
  plan.diagnostics.push_back(unknown_word(act.text.pos, "region", name, names));
  return std::nullopt;
}

void read_act(Plan& plan, const Act& act) {
  if (act.actor.value != "vmm") {
    plan.report(act.actor.pos, "acts of '" + act.actor.value + "' are not modelled yet", "vmm");
    return;
  }
  const models::LoadedModel& vmm = plan.stack->vmm;
  if (act.words.size() != 2) {
    plan.report(act.text.pos, "'" + act.text.value + "' is no operation of a VMM",
                "REGION.mode OPERATION, like flash.mode romd-on");
    return;
  }
  machine::ScriptAct out;
  out.text = "vmm: " + act.text.value;
  const auto procedure = vmm.program->find_procedure(procedure_name(act.words[1]));
  const auto region = region_of(plan, act, act.words[0]);
  if (!procedure) {
    plan.diagnostics.push_back(unknown_word(act.text.pos, "operation of the VMM '" + vmm.name + "'",
                                            act.words[1], operations(vmm)));
  }
  if (!procedure || !region) return;
  out.procedure = *procedure;
  out.region = *region;
  if (act.at_label) {
    const auto address = label_address(plan, act.at_vcpu, *act.at_label);
    if (!address) {
      plan.report(act.text.pos, "there is no label '" + *act.at_label + "'", "a program's label");
      return;
    }
    out.at_vcpu = act.at_vcpu;
    out.at_address = *address;
  }
  plan.setup.script.push_back(std::move(out));
}

}  // namespace

void read_script(Plan& plan) {
  for (const Act& act : plan.scenario.script) read_act(plan, act);
}

}  // namespace nptsim::scenario::building
