#include "sim/scenario/check.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/scenario/forms.h"
#include "sim/scenario/shape.h"
#include "sim/yaml/node.h"

namespace nptsim::scenario {
namespace {

class ScenarioCheck {
 public:
  ScenarioCheck(Scenario& scenario, Diagnostics& diagnostics)
      : scenario_(scenario), diagnostics_(diagnostics) {}

  void run() {
    index_labels();
    if (scenario_.vms.empty()) {
      check_one(scenario_.vm);
    } else {
      for (Vm& vm : scenario_.vms) check_one(vm);
    }
    for (Act& act : scenario_.script) resolve(act.text.pos, act.at_label, act.at_vcpu);
    for (const ExpectCase& one : scenario_.expect) check_case(one);
    if (scenario_.explore) check_explore(*scenario_.explore);
  }

 private:
  void check_one(Vm& vm) {
    check_vm(vm, diagnostics_);
    for (Vector& vector : vm.start.vectors) {
      if (vector.handler == "model" || vector.handler == "none") continue;
      std::optional<std::string> label = vector.handler;
      resolve(vector.pos, label, vector.label_vcpu);
      vector.handler = *label;
    }
  }

  std::vector<const Vm*> vms() const {
    std::vector<const Vm*> all;
    if (scenario_.vms.empty()) all.push_back(&scenario_.vm);
    for (const Vm& vm : scenario_.vms) all.push_back(&vm);
    return all;
  }

  void index_labels() {
    for (const Vm* vm : vms()) {
      for (const auto& [vcpu, program] : vm->programs) {
        for (const Text& label : program.labels) owners_[label.value].push_back(vcpu);
      }
    }
  }

  // Finds the vCPU that has the label; `vcpu1.second` says which one is meant.
  void resolve(const SourcePos& pos, std::optional<std::string>& label, unsigned& vcpu) {
    if (!label || diagnostics_.size() >= kEnoughDiagnostics) return;
    std::optional<unsigned> wanted;
    std::string name = *label;
    if (const std::size_t dot = name.find('.'); dot != std::string::npos) {
      wanted = parse_vcpu(name.substr(0, dot));
      if (wanted) name.erase(0, dot + 1);
    }
    std::vector<unsigned> owners;
    if (const auto known = owners_.find(name); known != owners_.end()) owners = known->second;
    if (wanted) std::erase_if(owners, [&](unsigned owner) { return owner != *wanted; });
    if (owners.empty()) {
      diagnostics_.push_back(unknown_word(pos, "label", yaml::printable(*label), some_labels()));
    } else if (owners.size() > 1) {
      diagnostics_.push_back({pos, "several vCPUs have the label " + yaml::quote(name),
                              "the vCPU's name in front",
                              "say vcpu" + std::to_string(owners[0]) + "." + name});
    } else {
      label = name;
      vcpu = owners[0];
    }
  }

  std::vector<std::string> some_labels() const {
    constexpr std::size_t kMost = 20;
    std::vector<std::string> names;
    for (const auto& [name, owners] : owners_) {
      if (names.size() < kMost) names.push_back(name);
    }
    return names;
  }

  void check_explore(Explore& explore) {
    for (Act& act : explore.may) resolve(act.text.pos, act.at_label, act.at_vcpu);
    for (Choice& choice : explore.choose) resolve(choice.key.pos, choice.at_label, choice.at_vcpu);
    for (const auto* list : {&explore.possible, &explore.always, &explore.never}) {
      for (const Expectation& expectation : *list) check_expectation(expectation);
    }
  }

  void check_case(const ExpectCase& one) {
    for (const auto& [key, values] : one.when) {
      if (scenario_.setting(key.value)) continue;
      diagnostics_.push_back({key.pos,
                              "when: " + yaml::quote(key.value) + " is not set by this scenario",
                              "keys of `set:` and `machine:`", ""});
    }
    check_expectation(one.expectation);
  }

  void check_expectation(const Expectation& expectation) {
    for (const auto& [name, expected] : expectation.vcpus) {
      check_vcpu_name(name, expected.pos);
      check_outcome(expected);
    }
    for (const auto& [name, expected] : expectation.vms) {
      if (vm_of(name) == nullptr) report_vm(name, expected.pos);
      check_outcome(expected);
    }
  }

  // "a.vcpu0" and "a.vm" are of VM "a", others of the only one.
  const Vm* vm_of(const std::string& name) const {
    const std::size_t dot = name.find('.');
    const std::string wanted = dot == std::string::npos ? "" : name.substr(0, dot);
    for (const Vm* vm : vms()) {
      if (vm->name == wanted) return vm;
    }
    return nullptr;
  }

  void report_vm(const std::string& name, const SourcePos& pos) {
    diagnostics_.push_back(
        {pos, "there is no VM for " + yaml::quote(name),
         scenario_.vms.empty() ? "vcpu0, vcpu1, ... and vm" : "a name of `vms:` and a dot in front",
         ""});
  }

  void check_vcpu_name(const std::string& name, const SourcePos& pos) {
    const Vm* vm = vm_of(name);
    if (vm == nullptr) {
      report_vm(name, pos);
    } else if (const auto vcpu = parse_vcpu(name); vcpu && *vcpu >= vm->machine.vcpus.value) {
      diagnostics_.push_back({pos, "there is no " + name,
                              "vCPUs below " + std::to_string(vm->machine.vcpus.value), ""});
    }
  }

  // A claim that only some outcomes can meet wants one of them, or is a slip.
  void check_outcome(const ExpectedOutcome& expected) {
    const std::string outcome = expected.outcome ? expected.outcome->value : "";
    const auto only = [&](bool given, const char* key, std::vector<std::string> outcomes) {
      if (!given || outcome.empty()) return;
      if (std::find(outcomes.begin(), outcomes.end(), outcome) != outcomes.end()) return;
      diagnostics_.push_back({expected.pos,
                              "'" + std::string(key) + "' cannot be with the outcome " + outcome,
                              "outcome: " + list_of(outcomes), ""});
    };
    only(expected.kind.has_value(), "kind", {"spins"});
    only(expected.vector.has_value(), "vector", {"exception", "shutdown"});
    only(expected.error_code.has_value(), "error_code", {"exception", "shutdown"});
    only(expected.reason_set.has_value(), "reason_set", {"guest-terminated", "vm-killed"});
    only(expected.reason_code.has_value(), "reason_code", {"guest-terminated", "vm-killed"});
    only(expected.process_alive.has_value(), "process_alive",
         {"vm-killed", "refused", "guest-terminated", "shutdown", "host-fault"});
  }

  Scenario& scenario_;
  Diagnostics& diagnostics_;
  std::map<std::string, std::vector<unsigned>> owners_;  // of labels: the vCPUs that have them
};

}  // namespace

void check_vm(const Vm& vm, Diagnostics& diagnostics) {
  const auto report = [&](const SourcePos& pos, std::string found, std::string accepted) {
    diagnostics.push_back({pos, std::move(found), std::move(accepted), ""});
  };
  check_memory(vm, diagnostics);
  check_start(vm, diagnostics);
  const std::uint64_t vcpus = vm.machine.vcpus.value;
  for (const auto& [index, program] : vm.programs) {
    if (index < vcpus) continue;
    report(program.pos,
           "a program of vcpu" + std::to_string(index) + ", but vcpus is " + std::to_string(vcpus),
           "vCPUs below " + std::to_string(vcpus));
  }
  for (const auto& [index, cpu] : vm.start.vcpu) {
    if (index < vcpus) continue;
    report(cpu.pos,
           "start.cpu.vcpu" + std::to_string(index) + ", but vcpus is " + std::to_string(vcpus),
           "vCPUs below " + std::to_string(vcpus));
  }
  if (vm.programs.empty() && vm.start.begin == Begin::kRunning) {
    report(vm.pos, "no vCPU has a program", "program: { vcpu0: ... }");
  }
}

void check_scenario(Scenario& scenario, Diagnostics& diagnostics) {
  ScenarioCheck(scenario, diagnostics).run();
}

}  // namespace nptsim::scenario
