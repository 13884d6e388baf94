// What a golden file keeps of a run's events: who decided what, by which rule, each once, in the
// order in which it first happened.
//
// Addresses, entries and repetitions are left out, so that it changes when the model decides
// otherwise and not when something lies elsewhere or a spin is found a round later.
#ifndef NPTSIM_SIM_REPORT_MILESTONES_H_
#define NPTSIM_SIM_REPORT_MILESTONES_H_

#include <set>
#include <string>
#include <vector>

#include "sim/machine/event.h"

namespace nptsim::report {

// "vcpu0 kernel decide error_pfn.ro-fault -> emulate"; empty for an event that is no milestone.
std::string milestone_of(const machine::Event& event);

class Milestones {
 public:
  void take(const machine::Event& event) {
    std::string line = milestone_of(event);
    if (!line.empty() && seen_.insert(line).second) lines_.push_back(std::move(line));
  }
  std::vector<std::string> take_lines() { return std::move(lines_); }

 private:
  std::set<std::string> seen_;
  std::vector<std::string> lines_;
};

// 64 bits over the lines, as 16 hex digits; the same on every machine.
std::string digest_of(const std::vector<std::string>& lines);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_MILESTONES_H_
