// Events as a machine would tell them, made by hand.
#ifndef NPTSIM_TESTS_REPORT_SAMPLE_EVENTS_H_
#define NPTSIM_TESTS_REPORT_SAMPLE_EVENTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/machine/event.h"

namespace nptsim::report {

inline machine::Event make_event(std::uint64_t n, std::optional<std::uint64_t> cause,
                                 machine::Layer layer, std::string kind, std::string rule,
                                 machine::EventFields fields) {
  machine::Event event;
  event.n = n;
  event.by = "vcpu0";
  event.layer = layer;
  event.kind = std::move(kind);
  event.rule = std::move(rule);
  event.cause = cause;
  event.fields = std::move(fields);
  return event;
}

inline machine::Event fetch_event(std::uint64_t n, std::uint64_t gva = 0x100007) {
  using machine::Hex;
  return make_event(n, std::nullopt, machine::Layer::kCpu, "walk", "tlb.hit",
                    {{"access", std::string("fetch")},
                     {"gva", Hex{gva}},
                     {"gpa", Hex{gva}},
                     {"spa", Hex{0x300007}},
                     {"c", true},
                     {"tlb", true},
                     {"entries", std::vector<machine::EventFields>{}}});
}

// A write that a read-only nested entry stops.
inline machine::Event walk_event(std::uint64_t n, std::optional<std::uint64_t> cause = {}) {
  using machine::Hex;
  const machine::EventFields table_entry{{"tables", std::string("nested")},
                                         {"level", std::uint64_t{4}},
                                         {"gpa", Hex{0x2000}},
                                         {"spa", Hex{0x200000}},
                                         {"word", Hex{0x201027}},
                                         {"is", std::string("table")},
                                         {"for", std::string("guest table level 1")}};
  const machine::EventFields guest_entry{
      {"tables", std::string("guest")}, {"level", std::uint64_t{1}}, {"entry_gpa", Hex{0x2000}},
      {"spa", Hex{0x302000}},           {"word", Hex{0xffc00063}},   {"is", std::string("leaf")}};
  const machine::EventFields nested_entry{{"tables", std::string("nested")},
                                          {"level", std::uint64_t{1}},
                                          {"gpa", Hex{0xffc00000}},
                                          {"spa", Hex{0x204000}},
                                          {"word", Hex{0x400025}},
                                          {"is", std::string("leaf")},
                                          {"for", std::string("the final address")}};
  return make_event(
      n, cause, machine::Layer::kCpu, "walk", "npt.permission",
      {{"access", std::string("write")},
       {"gva", Hex{0xffc00000}},
       {"failure", std::string("nested permission")},
       {"gpa", Hex{0xffc00000}},
       {"stage", std::string("final")},
       {"level", std::uint64_t{0}},
       {"c", false},
       {"entries", std::vector<machine::EventFields>{table_entry, guest_entry, nested_entry}},
       {"sentence", std::string("The rights of all nested levels are judged as one.")},
       {"source", std::string("APM vol. 2, 15.25.5")}});
}

inline machine::Event npf_event(std::uint64_t n) {
  using machine::Hex;
  return make_event(n, n - 1, machine::Layer::kCpu, "npf", "npf.exit",
                    {{"gpa", Hex{0xffc00000}},
                     {"error", std::vector<std::string>{"present", "write", "user", "final"}},
                     {"exit_info_1", Hex{0x100000007}},
                     {"exit_info_2", Hex{0xffc00000}},
                     {"registers_visible", false},
                     {"sentence", std::string("A #NPF with RSV=0 exits to the host.")},
                     {"source", std::string("APM vol. 2, 15.25.6")}});
}

inline machine::Event decision_event(std::uint64_t n, std::optional<std::uint64_t> cause = {}) {
  using machine::EventFields;
  const std::vector<EventFields> facts = {
      {{"fact", std::string("pfn")}, {"value", std::string("ro-fault")}}};
  const std::vector<EventFields> passed = {{{"fact", std::string("pfn")},
                                            {"value", std::string("ro-fault")},
                                            {"row", std::string("error_pfn.hwpoison")}}};
  return make_event(n, cause, machine::Layer::kKernel, "decide", "error_pfn.ro-fault",
                    {{"stage", std::string("error_pfn")},
                     {"row", std::string("error_pfn.ro-fault")},
                     {"then", std::string("emulate")},
                     {"text", std::string("")},
                     {"source", std::string("Linux mmu.c kvm_handle_error_pfn")},
                     {"evidence", std::string("code")},
                     {"facts", facts},
                     {"passed", passed}});
}

// One round: the instruction, its fault, the kernel's verdict. Events `n` to `n` + 3.
inline void add_round(std::uint64_t n, std::vector<machine::Event>& events) {
  events.push_back(fetch_event(n));
  events.push_back(walk_event(n + 1, n));
  events.push_back(npf_event(n + 2));
  events.push_back(decision_event(n + 3));
}

}  // namespace nptsim::report

#endif  // NPTSIM_TESTS_REPORT_SAMPLE_EVENTS_H_
