#include "sim/record/write.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/base/hex.h"

namespace nptsim::record {
namespace {

// All that a recorder of this kind would have seen. What is of these kinds and not in the recording
// did not happen.
constexpr const char* kWatched[] = {"set_slot",          "get_dirty_log",           "dirty_log",
                                    "add_ioeventfd",     "add_coalesced",           "ioeventfd",
                                    "coalesced",         "KVM_EXIT_MMIO",           "KVM_EXIT_IO",
                                    "KVM_EXIT_SHUTDOWN", "KVM_EXIT_INTERNAL_ERROR", "kvm_run",
                                    "pre_fault_memory",  "KVM_EXIT_MEMORY_FAULT"};

std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += static_cast<unsigned char>(c) < ' ' ? ' ' : c;
  }
  return out + "\"";
}

template <class Pairs>
std::string flow_map(const Pairs& pairs) {
  std::string text = "{";
  for (const auto& [key, value] : pairs) {
    text += fmt::format("{} {}: {}", text.size() > 1 ? "," : "", key, value);
  }
  return text + " }";
}

std::string all_vcpus(unsigned count) {
  if (count == 1) return "0";
  std::string text = "[";
  for (unsigned i = 0; i < count; ++i) text += fmt::format("{}{}", i == 0 ? "" : ", ", i);
  return text + "]";
}

std::string event_line(const Observed& one, unsigned vcpus) {
  std::vector<std::pair<std::string, std::string>> fields = {
      {"event", one.event}, {"vcpu", one.vcpu ? std::to_string(*one.vcpu) : all_vcpus(vcpus)}};
  fields.insert(fields.end(), one.fields.begin(), one.fields.end());
  return "  - " + flow_map(fields) + "\n";
}

std::string host_text(const HostFacts& host) {
  std::string text;
  text += fmt::format("platform: {{ cpu: {}, maxphyaddr: {}, kernel: {} }}\n", quoted(host.cpu),
                      host.maxphyaddr, quoted(host.kernel));
  text += fmt::format("kvm:\n  module: {}\n  paging: {}\n  on_a_guest: {}\n  api: {}\n",
                      host.module.empty() ? "not said" : host.module, name_of(host.paging),
                      host.is_guest ? "yes" : "no", host.api);
  text += fmt::format("  guest_1g_pages: {}\n", host.guest_1g_pages ? "yes" : "no");
  text += "  capabilities:\n";
  for (const auto& [name, value] : host.caps) text += fmt::format("    {}: {}\n", name, value);
  return text;
}

std::string registers_text(const isa::Registers& registers) {
  std::vector<std::pair<std::string, std::string>> fields = {
      {"rip", hex(registers.rip)}, {"rflags", hex(registers.rflags)}, {"cr2", hex(registers.cr2)}};
  for (unsigned i = 0; i < isa::kGprCount; ++i) {
    if (registers.gpr[i] == 0) continue;
    fields.emplace_back(isa::gpr_name(i), hex(registers.gpr[i]));
  }
  return flow_map(fields);
}

std::string endings_text(const Observation& observation) {
  std::string text = observation.endings.empty() ? "endings: []\n" : "endings:\n";
  for (const Ending& one : observation.endings) {
    text += fmt::format("  - vcpu: {}\n    class: {}\n", one.vcpu, one.how);
    if (one.vector) text += fmt::format("    vector: {}\n", *one.vector);
    if (one.error_code) text += fmt::format("    error_code: {:#x}\n", *one.error_code);
    if (one.registers) text += "    registers: " + registers_text(*one.registers) + "\n";
  }
  return text;
}

std::string memory_text(const Observation& observation) {
  std::string text = observation.memory.empty() ? "memory: []\n" : "memory:\n";
  for (const trace::MemoryChange& one : observation.memory) {
    text += fmt::format("  - {{ region: {}, offset: {:#x}, word: {:#x} }}\n", one.region,
                        one.offset, one.word);
  }
  return text;
}

// How the whole of it ended: what the last vCPU that ran says.
std::string outcome_text(const Observation& observation) {
  if (observation.endings.empty()) return "";
  const Ending& last = observation.endings.back();
  return fmt::format("outcome: {{ class: {}, detail: {} }}\n", last.how, quoted(last.detail));
}

// What user space cannot see.
std::string missing_text(const HostFacts& host) {
  std::string text = "missing:\n  - what happened between two exits to user space\n";
  if (host.paging != Paging::kNested) {
    text += "  - nested paging, which this KVM does not use\n";
  }
  return text;
}

}  // namespace

std::string recording_text(const Observation& observation, const HostFacts& host,
                           const Provenance& from) {
  std::string text = fmt::format("id: {}\ntitle: {}\nkind: recording\nconfidence: high\n", from.id,
                                 quoted(from.title));
  text += "source:\n  medium: nptsim record, what user space sees of KVM\n";
  if (!from.date.empty()) text += "  date: " + quoted(from.date) + "\n";
  text += host_text(host);
  text += "vm_type: default\nscenario:\n";
  text += fmt::format("  file: {}\n  hash: {}\n", quoted(from.scenario), quoted(from.hash));
  if (!from.point.empty()) {
    text += "  point:\n";
    for (const auto& [key, value] : from.point) {
      text += fmt::format("    {}: {}\n", quoted(key), quoted(value));
    }
  }
  text += "watched: [";
  for (const char* name : kWatched)
    text += fmt::format("{}{}", name == kWatched[0] ? "" : ", ", name);
  text += "]\nevents:";
  text += observation.events.empty() ? " []\n" : "\n";
  for (const Observed& one : observation.events) text += event_line(one, from.vcpus);
  text += endings_text(observation);
  if (!observation.stopped) text += memory_text(observation);
  return text + outcome_text(observation) + missing_text(host);
}

}  // namespace nptsim::record
