// One event as lines for a person.
#ifndef NPTSIM_SIM_REPORT_EVENT_TEXT_H_
#define NPTSIM_SIM_REPORT_EVENT_TEXT_H_

#include <cstddef>
#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/machine/event.h"
#include "sim/report/rule_book.h"
#include "sim/report/text.h"
#include "sim/report/walk_text.h"

namespace nptsim::report {

// What a story has said already, and does not say again.
struct Told {
  std::set<std::pair<machine::Layer, std::string>> rules;     // sentence and source
  std::set<std::uint64_t> error_words;                        // of a #NPF, bit by bit
  std::set<std::pair<std::uint64_t, std::uint64_t>> entries;  // place and word of a nested leaf
};

struct TellingStyle {
  Style style;
  WalkStyle walk;
  const RuleBook* book = nullptr;
  Told* told = nullptr;  // null: everything is said every time
  bool all = false;      // also what is only the machinery of rules
  std::size_t width = 100;
};

// Without indentation. Empty for an event that says nothing worth a line (an unremarkable fetch).
std::vector<std::string> tell_event(const machine::Event& event, const TellingStyle& how);

// "17 vcpu0 cpu npf npt.permission <16: gpa 0xffc00000, error present write user final".
std::string event_summary(const machine::Event& event);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_EVENT_TEXT_H_
