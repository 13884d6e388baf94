// One event as lines for a person.
#ifndef NPTSIM_SIM_REPORT_EVENT_TEXT_H_
#define NPTSIM_SIM_REPORT_EVENT_TEXT_H_

#include <string>
#include <vector>

#include "sim/machine/event.h"
#include "sim/report/rule_book.h"
#include "sim/report/text.h"
#include "sim/report/walk_text.h"

namespace nptsim::report {

struct TellingStyle {
  Style style;
  WalkStyle walk;
  const RuleBook* book = nullptr;
  std::size_t width = 100;
};

// Without indentation. Empty for an event that says nothing worth a line (an unremarkable fetch).
std::vector<std::string> tell_event(const machine::Event& event, const TellingStyle& how);

// "17 vcpu0 cpu npf npt.permission <16: gpa 0xffc00000, error present write user final".
std::string event_summary(const machine::Event& event);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_EVENT_TEXT_H_
