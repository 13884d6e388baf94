// What a scenario can say and nobody models yet. Nothing is ignored in silence.
#include "sim/machine/frames.h"
#include "sim/scenario/build_parts.h"

namespace nptsim::scenario::building {
namespace {

void refuse(Plan& plan, bool said, const SourcePos& pos, const std::string& key,
            const std::string& accepted = "") {
  if (!said) return;
  plan.report(pos.line != 0 ? pos : plan.pos(), key + " is not modelled yet", accepted);
}

void refuse_machine(Plan& plan) {
  const Machine& m = plan.vm.machine;
  refuse(plan, !m.firmware.value.empty(), m.firmware.pos, "machine.firmware");
  refuse(plan, m.vcpus.value > machine::kMaxVcpus, m.vcpus.pos,
         "machine.vcpus above " + std::to_string(machine::kMaxVcpus));
  for (const Setting& setting : plan.scenario.set) {
    for (const char* root : {"firmware.", "board.", "host."}) {
      refuse(plan, setting.key.value.starts_with(root), setting.key.pos, "set." + setting.key.value,
             "kernel., vmm., guest. and cpu. parameters");
    }
  }
}

void refuse_start(Plan& plan) {
  const Start& s = plan.vm.start;
  refuse(plan, s.begin == Begin::kLaunch && plan.vm.machine.vm.value != "snp", {},
         "start.begin: launch", "vmm-start or running, or machine.vm: snp");
  if (s.slots && plan.vm.machine.vmm.value != "bare") {
    plan.report(s.slots->empty() ? plan.pos() : (*s.slots)[0].pos,
                "start.slots, but the VMM '" + plan.vm.machine.vmm.value +
                    "' makes its own slots by its rules",
                "machine.vmm: bare");
  }
  if (s.generation && s.begin != Begin::kRunning) {
    plan.report(s.generation->pos, "start.generation, but the VM is still to be made",
                "start.begin: running");
  }
  if (!s.vmsa.features.empty()) {
    refuse(plan, true, s.vmsa.features[0].pos, "start.vmsa.features");
  }
  if (s.vmsa.vtom && plan.vm.machine.vm.value != "snp") {
    plan.report(s.vmsa.vtom->pos, "a virtual top of memory is an SNP guest's", "machine.vm: snp");
  }
  refuse(plan, s.ghcb.version.has_value(), {}, "start.ghcb.version");
  for (const HostRange& range : s.host) {
    const Region* region = plan.vm.region(range.region);
    if (region == nullptr || has_memory(region->device)) continue;
    plan.report(range.pos,
                "region '" + range.region + "' is a device: the host maps no memory for it",
                "a region that has memory");
  }
}

void refuse_tlb(Plan& plan, const CpuStart& cpu) {
  if (!cpu.tlb.empty()) refuse(plan, true, cpu.tlb[0].pos, "start.cpu.tlb");
}

}  // namespace

void refuse_unmodelled(Plan& plan) {
  refuse_machine(plan);
  refuse_start(plan);
  refuse_tlb(plan, plan.vm.start.cpu);
  for (const auto& [vcpu, cpu] : plan.vm.start.vcpu) refuse_tlb(plan, cpu);
  for (const char* place : {"vmsa", "secrets"}) {
    const auto moved = plan.vm.place.find(place);
    if (moved == plan.vm.place.end()) continue;
    refuse(plan, true, moved->second.pos, std::string("place.") + place);
  }
  for (std::size_t i = 0; i < plan.vm.memory.size(); ++i) {
    const Region& region = plan.vm.memory[i];
    const std::string key = "memory." + region.name.value + ".host_page";
    refuse(plan, region.host_page != kPageSize && i >= machine::kMaxFilled, region.name.pos,
           key + " beyond the first " + std::to_string(machine::kMaxFilled) + " regions");
  }
  if (plan.scenario.explore) refuse(plan, true, plan.scenario.explore->pos, "explore");
}

}  // namespace nptsim::scenario::building
