#include "sim/record/refusals.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

#include "sim/record/calls.h"
#include "sim/record/kvm_api.h"

namespace nptsim::record {
namespace {

using scenario::Scenario;

// What a type of VM would need beside the host's consent. The recorder makes VMs of the default
// type only; a file for each of these would hold the launch.
struct TypeNeeds {
  std::string_view vm;
  unsigned type;  // of KVM_CREATE_VM
  std::string_view needs;
};
constexpr TypeNeeds kTypes[] = {
    {"sev-legacy", api::kDefaultVm,
     "KVM_SEV_INIT, /dev/sev, KVM_SEV_LAUNCH_START, _UPDATE_DATA and _FINISH of what lies in "
     "memory"},
    {"sev-es-legacy", api::kDefaultVm,
     "KVM_SEV_ES_INIT, /dev/sev, the launch with KVM_SEV_LAUNCH_UPDATE_VMSA, and a #VC handler "
     "that is real code"},
    {"sev", api::kSevVm,
     "KVM_SEV_INIT2, /dev/sev, KVM_SEV_LAUNCH_START, _UPDATE_DATA and _FINISH of what lies in "
     "memory"},
    {"sev-es", api::kSevEsVm,
     "KVM_SEV_INIT2, /dev/sev, the launch with KVM_SEV_LAUNCH_UPDATE_VMSA, and a #VC handler that "
     "is real code"},
    {"snp", api::kSnpVm,
     "KVM_SEV_INIT2, /dev/sev, guest_memfd behind the RAM, KVM_SEV_SNP_LAUNCH_START, _UPDATE and "
     "_FINISH, and a #VC handler that is real code"},
};

class Refusing {
 public:
  Refusing(const Scenario& point, const HostFacts* host) : point_(point), host_(host) {}

  Diagnostics all() {
    models();
    settings();
    start();
    memory();
    programs();
    script();
    return std::move(out_);
  }

 private:
  void refuse(const SourcePos& pos, std::string what, std::string accepted = "") {
    out_.push_back({pos.line != 0 ? pos : point_.pos, std::move(what), std::move(accepted), ""});
  }
  void refuse_if(bool said, std::string what, std::string accepted = "") {
    if (said) refuse({}, std::move(what), std::move(accepted));
  }

  void type();
  void models();
  void settings();
  void start();
  void memory();
  void programs();
  void script();

  const Scenario& point_;
  const HostFacts* host_;
  Diagnostics out_;
};

void Refusing::type() {
  const scenario::Text& vm = point_.vm.machine.vm;
  if (vm.value == "default") return;
  const auto* const known = std::find_if(std::begin(kTypes), std::end(kTypes),
                                         [&](const TypeNeeds& one) { return one.vm == vm.value; });
  std::string text = "machine.vm: " + vm.value + " is not recorded";
  if (known != std::end(kTypes)) {
    text += ": it needs " + std::string(known->needs);
    if (host_ != nullptr) {
      const bool offered = (host_->vm_types >> known->type & 1) != 0 && known->type != 0;
      text += fmt::format("; KVM_CAP_VM_TYPES of this host is 0x{:x}, {}", host_->vm_types,
                          offered            ? "which offers the type"
                          : known->type == 0 ? "which says nothing of it"
                                             : "without it");
    }
  }
  refuse(vm.pos, std::move(text), "machine.vm: default");
}

void Refusing::models() {
  const scenario::Machine& machine = point_.vm.machine;
  type();
  if (machine.vmm.value != "bare") {
    refuse(machine.vmm.pos,
           "machine.vmm: " + machine.vmm.value + " is a model: the recorder is a VMM of its own",
           "machine.vmm: bare");
  }
  for (const scenario::Text& overlay : machine.apply) {
    refuse(overlay.pos, "the proposal '" + overlay.value + "' is in no kernel");
  }
  refuse_if(!point_.vms.empty(), "vms: several machines are not recorded");
}

// Parameters of the kernel and the processor are what this host has.
void Refusing::settings() {
  for (const scenario::Setting& setting : point_.set) {
    const std::string& key = setting.key.value;
    // A TLB that is modelled is a switch of the model's alone.
    if (key.starts_with("vmm.") || key == "cpu.tlb") continue;
    refuse(setting.key.pos, "set." + key + " is a property of the machine that records");
  }
}

void Refusing::start() {
  const scenario::Start& start = point_.vm.start;
  refuse_if(!start.npt.entries.empty(), "start.npt: nested entries are the kernel's own");
  refuse_if(!start.pages.empty() || !start.rmp.empty(), "start.pages, start.rmp: there is no RMP");
  refuse_if(start.attributes.has_value(), "start.attributes: the default type has none");
  refuse_if(start.generation.has_value(), "start.generation is the kernel's own");
  refuse_if(!start.write_tracked.empty(), "start.write_tracked is the kernel's own");
  refuse_if(!start.cpu.tlb.empty(), "start.cpu.tlb is the processor's own");
  refuse_if(start.begin == scenario::Begin::kLaunch, "start.begin: launch needs a guest of SEV");
  for (const scenario::HostRange& range : start.host) {
    if (range.protection != "pfnmap-read" && range.protection != "poisoned") continue;
    refuse(range.pos, "start.host: " + range.protection + " needs a driver or broken memory");
  }
  for (const scenario::Vector& vector : start.vectors) {
    if (vector.handler != "model") continue;
    refuse_if(true, fmt::format("start.vectors: vector {} leads to a model", vector.number));
  }
  refuse_if(start.cpu.control.contains("xcr0"), "start.cpu.control.xcr0 is not recorded");
}

void Refusing::memory() {
  constexpr std::uint64_t k1G = std::uint64_t{1} << 30;
  for (const scenario::MapEntry& entry : point_.vm.map) {
    if (entry.page < k1G || host_ == nullptr || host_->guest_1g_pages) continue;
    refuse(entry.pos, "map: a page of 1G, which this KVM gives no guest (CPUID 8000_0001 EDX 26)");
  }
  for (const scenario::Region& region : point_.vm.memory) {
    if (region.host_page == kPageSize) continue;
    refuse(region.name.pos, "memory." + region.name.value +
                                ".host_page: whether the host maps large pages is its own affair");
  }
}

void Refusing::programs() {
  using Kind = scenario::ProgramLine::Kind;
  for (const auto& [vcpu, program] : point_.vm.programs) {
    for (const scenario::ProgramLine& line : program.lines) {
      if (line.kind == Kind::kInstruction) continue;
      const auto kind = line.directive.kind;
      using Directive = scenario::Directive::Kind;
      if (kind == Directive::kCheck || kind == Directive::kLabel) continue;
      refuse(line.pos, "`" + line.text + "` is done by the model, and is no instruction",
             "an instruction");
    }
  }
}

void Refusing::script() {
  for (const scenario::Act& act : point_.script) {
    const bool by_call = act.operation && can_be_called(act.operation->name.value);
    if (by_call) continue;
    refuse(act.text.pos, "script: '" +
                             (act.operation ? act.operation->name.value : act.text.value) +
                             "' is no call that a VMM of the default type has");
  }
}

}  // namespace

Diagnostics refusals(const Scenario& point, const HostFacts* host) {
  return Refusing(point, host).all();
}

}  // namespace nptsim::record
