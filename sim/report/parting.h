// Where two runs of the same scenario part.
#ifndef NPTSIM_SIM_REPORT_PARTING_H_
#define NPTSIM_SIM_REPORT_PARTING_H_

#include <optional>
#include <span>
#include <string>

#include "sim/machine/event.h"
#include "sim/report/rule_book.h"

namespace nptsim::report {

// What one side does when the other does something else.
struct PartingSide {
  std::string event;  // "vcpu0 kernel: decides error_pfn: emulate"; empty: it has ended
  std::string rule;   // of the row that decided; empty if the event is nobody's
  std::string layer;
  std::string text, source, evidence;
};

struct Parting {
  PartingSide before, after;
};

// The first event that differs, and the deciding row of each side. Numbers of events, what was
// consulted on the way to the same row, and the lines of a kernel's own trace do not count. None:
// the runs do the same.
std::optional<Parting> part(std::span<const machine::Event> before, const RuleBook& before_rules,
                            std::span<const machine::Event> after, const RuleBook& after_rules);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_PARTING_H_
