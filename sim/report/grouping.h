// Events in the order in which a person reads them: steps of the story, and the sections in each.
//
// A section is what one atomic step of the machine said. A step of the story is one round trip:
// what the guest did up to its exit, and what the host made of it.
#ifndef NPTSIM_SIM_REPORT_GROUPING_H_
#define NPTSIM_SIM_REPORT_GROUPING_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "sim/machine/event.h"

namespace nptsim::report {

struct EventSection {
  std::size_t begin = 0;  // of the events
  std::size_t end = 0;
  bool in_guest = false;  // begins with the guest or the processor, not with the host's software
};

struct StoryStep {
  std::string by;
  std::vector<EventSection> sections;
};

std::vector<StoryStep> group_events(std::span<const machine::Event> events);

// Equal for two sections or steps that a person would call the same: who, what and by which rule,
// not addresses or words.
std::string signature_of(std::span<const machine::Event> events, const EventSection& section);
std::string signature_of(std::span<const machine::Event> events, const StoryStep& step);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_GROUPING_H_
