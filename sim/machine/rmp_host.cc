#include "sim/machine/rmp_host.h"

#include <utility>

#include "sim/arch/svm/rmp_execute.h"
#include "sim/arch/svm/rmp_states.h"

namespace nptsim::machine {
namespace {

// The entry that speaks for a page, as an instruction finds and leaves it.
class EntryWatch {
 public:
  EntryWatch(View& view, const svm::Rmp& rmp, HostPhysAddr spa)
      : view_(view), rmp_(rmp), spa_(spa), covered_(rmp.covers(spa)) {
    if (covered_) before_ = rmp.words(rmp.authoritative_page(spa));
  }

  void tell(std::string_view instruction, const svm::RmpResult& result) const {
    if (view_.narrator() == nullptr) return;
    svm::RmpNote note;
    note.instruction = instruction;
    note.rule = result.verdict.rule;
    note.ends = result.ends();
    note.code = static_cast<std::uint64_t>(result.code);
    svm::note_entry(note, rmp_, spa_, before_);
    if (covered_) note.gpa = svm::decode({note.after[0], note.after[1]}).gpa;
    view_.narrator()->on_rmp_instruction(note);
  }

 private:
  View& view_;
  const svm::Rmp& rmp_;
  HostPhysAddr spa_;
  bool covered_;
  svm::RmpWords before_;
};

svm::Rmp any_rmp(const View& view, arch::PhysicalMemory& memory) {
  return svm::Rmp(view.setup().cpu.rmp, memory);
}

// One instruction of the host's: instruction(rmp, executor), its flush, its event.
template <class Instruction>
svm::RmpResult by_the_host(View& view, std::string_view name, HostPhysAddr spa,
                           Instruction&& instruction) {
  arch::PhysicalMemory memory = view.memory();
  const svm::CpuProfile& cpu = view.setup().cpu;
  const svm::Rmp rmp = any_rmp(view, memory);
  const EntryWatch watch(view, rmp, spa);
  const svm::RmpResult result = instruction(rmp, svm::rmp_host_executor(cpu));
  if (result.flush) svm::flush_after_rmp_change(cpu, view.store(), view.setup().vcpus, spa);
  watch.tell(name, result);
  return result;
}

}  // namespace

std::optional<svm::Rmp> rmp_of(const View& view, arch::PhysicalMemory& memory) {
  if (!view.setup().cpu.checks_rmp()) return std::nullopt;
  return any_rmp(view, memory);
}

bool host_may_write(View& view, HostPhysAddr page, const std::string& who) {
  arch::PhysicalMemory memory = view.memory();
  const auto rmp = rmp_of(view, memory);
  if (!rmp) return true;
  svm::RmpAccess access;
  access.use = svm::RmpUse::kWrite;
  access.privilege = who == "kernel" ? svm::Privilege::kSupervisor : svm::Privilege::kUser;
  access.spa = page;
  const svm::RmpVerdict verdict =
      svm::check_access(*rmp, svm::rmp_host_executor(view.setup().cpu).agent, access);
  if (verdict.allowed()) return true;
  const svm::Rule& rule = svm::rule_of(verdict.rule);
  if (view.narrator() != nullptr && view.narrator()->tells("host_fault")) {
    view.narrator()->emit("host_fault",
                          {{"vector", std::uint64_t{isa::kPf}},
                           {"error_code", Hex{verdict.error_code}},
                           {"spa", Hex{page.value}},
                           {"from", std::string(svm::name_of(svm::page_state(*rmp, page)))},
                           {"sentence", std::string(rule.sentence)},
                           {"source", std::string(rule.source)}},
                          std::string(rule.id));
  }
  const bool kernel = who == "kernel";
  Outcome outcome(OutcomeKind::kHostFault, kernel
                                               ? "RMP violation in the kernel: oops"
                                               : "RMP violation: the write faults again and again");
  outcome.who = who;
  outcome.error_code = verdict.error_code;
  outcome.vector = isa::kPf;
  outcome.process_alive = !kernel;
  view.end_vm(std::move(outcome));
  return false;
}

bool device_may_access(View& view, const DeviceAccess& device) {
  arch::PhysicalMemory memory = view.memory();
  const auto rmp = rmp_of(view, memory);
  if (!rmp) return true;
  svm::RmpAgentState agent;
  agent.agent = svm::RmpAgent::kDevice;
  agent.choices = view.setup().cpu.rmp_choices;
  svm::RmpAccess access;
  access.use = device.write ? svm::RmpUse::kWrite : svm::RmpUse::kRead;
  access.spa = device.spa;
  access.gpa = device.gpa;
  access.leaf_size = device.leaf_size;
  const svm::RmpVerdict verdict = svm::check_access(*rmp, agent, access);
  if (verdict.allowed()) return true;
  if (view.narrator() != nullptr && view.narrator()->tells("iommu_fault")) {
    const svm::Rule& rule = svm::rule_of(verdict.rule);
    view.narrator()->emit("iommu_fault",
                          {{"gpa", Hex{device.gpa.value}},
                           {"spa", Hex{device.spa.value}},
                           {"size", device.leaf_size},
                           {"write", device.write},
                           {"from", std::string(svm::name_of(svm::page_state(*rmp, device.spa)))},
                           {"sentence", std::string(rule.sentence)},
                           {"source", std::string(rule.source)}},
                          std::string(rule.id));
  }
  return false;
}

svm::RmpResult host_rmpupdate(View& view, HostPhysAddr spa, const svm::RmpOperand& operand) {
  return by_the_host(view, "rmpupdate", spa, [&](const svm::Rmp& rmp, const auto& host) {
    return svm::rmpupdate(rmp, host, spa, operand);
  });
}

svm::RmpResult host_psmash(View& view, HostPhysAddr spa) {
  return by_the_host(view, "psmash", spa, [&](const svm::Rmp& rmp, const auto& host) {
    return svm::psmash(rmp, host, spa);
  });
}

svm::RmpreadResult host_rmpread(View& view, HostPhysAddr spa) {
  svm::RmpreadResult answer;
  by_the_host(view, "rmpread", spa, [&](const svm::Rmp& rmp, const auto& host) {
    answer = svm::rmpread(rmp, host, spa);
    return answer.result;
  });
  return answer;
}

}  // namespace nptsim::machine
