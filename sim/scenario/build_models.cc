// Which models make the machine: names to programs, types to keys.
#include <algorithm>
#include <array>
#include <string_view>

#include "sim/scenario/build_parts.h"

namespace nptsim::scenario::building {
namespace {

struct VmType {
  std::string_view name;
  std::string_view kernel_name;  // the KVM type behind it
  svm::GuestType guest;
};
// A -legacy VM is of the default type and becomes an SEV guest by KVM_SEV_INIT or KVM_SEV_ES_INIT.
constexpr VmType kVmTypes[] = {
    {"default", "default", svm::GuestType::kPlain},
    {"sev", "sev", svm::GuestType::kSev},
    {"sev-es", "sev-es", svm::GuestType::kSevEs},
    {"snp", "snp", svm::GuestType::kSnp},
    {"sev-legacy", "default", svm::GuestType::kSev},
    {"sev-es-legacy", "default", svm::GuestType::kSevEs},
};

std::vector<std::string> vm_type_names() {
  std::vector<std::string> names;
  for (const VmType& type : kVmTypes) names.emplace_back(type.name);
  return names;
}

// ASIDs below the boundary are for SEV-ES guests, those from it on for SEV guests
// (CPUID Fn8000_001F EDX). Where there is none the kernel's own rules refuse the VM.
void choose_asid(Plan& plan) {
  machine::Setup& setup = plan.setup;
  const svm::CpuProfile& cpu = setup.cpu;
  const bool only_sev = setup.guest_type == svm::GuestType::kSev;
  setup.asid = only_sev ? std::max(1u, cpu.min_sev_only_asid) : 1;
  setup.launch_open = setup.snp() && plan.vm.start.begin == Begin::kLaunch;
  const auto& wanted = plan.vm.start.vmsa.asid;
  if (!wanted) return;
  setup.asid = static_cast<std::uint32_t>(wanted->value);
  const auto why = asid_problem(cpu, setup.guest_type, setup.asid);
  if (why) plan.report(wanted->pos, *why);
}

rules::Spelled spelled(const Text& text) { return {text.value, text.pos}; }

std::uint64_t seed_of(const std::string& name) {
  std::uint64_t hash = 0xcbf29ce484222325;  // FNV-1a
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3;
  return hash;
}

bool need(Plan& plan, const Text& name, const char* key) {
  if (!name.value.empty()) return true;
  plan.report(plan.scenario.pos, std::string("machine.") + key + " is not said",
              "a name; `nptsim models` lists them");
  return false;
}

constexpr char kCpuPrefix[] = "cpu.";
constexpr char kSecureNestedPaging[] = "secure_nested_paging";
// Switches of the run, not values of the part.
constexpr std::array<std::string_view, 2> kCpuSwitches = {"tlb", "host_la57"};

bool is_cpu_switch(std::string_view name) {
  return std::find(kCpuSwitches.begin(), kCpuSwitches.end(), name) != kCpuSwitches.end();
}

}  // namespace

bool choose_type(Plan& plan) {
  const Text& vm = plan.vm.machine.vm;
  for (const VmType& type : kVmTypes) {
    if (type.name != vm.value) continue;
    plan.setup.vm_type = vm.value;
    plan.setup.kernel_vm_type = type.kernel_name;
    plan.setup.guest_type = type.guest;
    return true;
  }
  plan.report(vm.pos, "VMs of type '" + vm.value + "' are not modelled yet",
              list_of(vm_type_names()));
  return false;
}

std::optional<std::string> asid_problem(const svm::CpuProfile& cpu, svm::GuestType type,
                                        std::uint32_t asid) {
  const std::string text = "ASID " + std::to_string(asid);
  if (asid == 0) return text + " is the host's";
  if (asid >= cpu.asids) return text + ": this CPU has only " + std::to_string(cpu.asids);
  if (!svm::has_sev(type)) return std::nullopt;
  if (asid > cpu.encrypted_guests) {
    return text + " cannot run an encrypted guest: this CPU has " +
           std::to_string(cpu.encrypted_guests) + " for them";
  }
  const bool es = svm::has_sev_es(type);
  if (es == (asid < cpu.min_sev_only_asid)) return std::nullopt;
  return text + " is for " + (es ? "SEV" : "SEV-ES") + " guests: the boundary of this CPU is " +
         std::to_string(cpu.min_sev_only_asid);
}

models::Library::CpuOverrides cpu_overrides(const Scenario& scenario) {
  models::Library::CpuOverrides overrides;
  for (const Setting& setting : scenario.set) {
    if (!setting.key.value.starts_with(kCpuPrefix) || setting.values.empty()) continue;
    const std::string name = setting.key.value.substr(sizeof kCpuPrefix - 1);
    if (is_cpu_switch(name)) continue;
    overrides[name] = {setting.values[0].value, setting.key.pos};
  }
  return overrides;
}

bool cpu_switch(Plan& plan, const char* name) {
  for (const Setting& setting : plan.scenario.set) {
    if (setting.key.value != std::string(kCpuPrefix) + name || setting.values.empty()) continue;
    const std::string& value = setting.values[0].value;
    if (value == "on" || value == "yes" || value == "true") return true;
    if (value == "off" || value == "no" || value == "false") return false;
    plan.report(setting.values[0].pos, setting.key.value + ": '" + value + "'", "on or off");
  }
  return false;
}

models::StackRequest stack_request(const Plan& plan) {
  const Machine& machine = plan.vm.machine;
  models::StackRequest request;
  request.kernel = spelled(machine.kernel);
  request.vmm = spelled(machine.vmm);
  request.guest = spelled(machine.guest);
  for (const Text& overlay : machine.apply) request.overlays.push_back(spelled(overlay));
  request.vm_type = plan.setup.kernel_vm_type;
  for (const Setting& setting : plan.scenario.set) {
    const std::string& key = setting.key.value;
    for (const char* kind : {"kernel.", "vmm.", "guest."}) {
      if (key.starts_with(kind) && !setting.values.empty()) {
        request.params[key] = {setting.values[0].value, setting.values[0].pos};
      }
    }
  }
  return request;
}

void choose_models(Plan& plan, models::Library& library) {
  const Machine& machine = plan.vm.machine;
  if (!choose_type(plan)) return;
  plan.setup.vcpus = static_cast<unsigned>(machine.vcpus.value);
  plan.setup.seed = seed_of(plan.scenario.name);
  if (need(plan, machine.cpu, "cpu")) {
    const auto cpu = library.cpu(spelled(machine.cpu), cpu_overrides(plan.scenario));
    if (cpu.ok()) {
      plan.setup.cpu = cpu.value();
      // Who runs an SNP guest has SNP on, unless the scenario says otherwise.
      const bool said = cpu_overrides(plan.scenario).contains(kSecureNestedPaging);
      if (plan.setup.snp() && !said) {
        plan.setup.cpu.secure_nested_paging = plan.setup.cpu.features.snp;
      }
      choose_asid(plan);
    } else {
      plan.add(cpu.error());
    }
  }
  if (!need(plan, machine.kernel, "kernel")) return;
  auto stack = library.stack(stack_request(plan));
  if (!stack.ok()) return plan.add(stack.error());
  plan.stack = std::move(stack).value();
  for (const auto& [key, value] : stack_request(plan).params) {
    if (key.starts_with("guest.") && plan.stack->guest.program == nullptr) {
      plan.report(value.pos, key + " is set, but the guest has no modelled code",
                  "a guest other than 'none'");
    }
  }
  plan.setup.kernel = plan.stack->kernel.program;
  plan.setup.vmm = plan.stack->vmm.program;
  plan.setup.guest = plan.stack->guest.program;
  plan.setup.entries = plan.stack->entries;
}

}  // namespace nptsim::scenario::building
