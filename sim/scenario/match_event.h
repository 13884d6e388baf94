// Whether an event is what a pattern describes, and if not, how far it is from it.
#ifndef NPTSIM_SIM_SCENARIO_MATCH_EVENT_H_
#define NPTSIM_SIM_SCENARIO_MATCH_EVENT_H_

#include <string>
#include <string_view>
#include <vector>

#include "sim/machine/event.h"
#include "sim/scenario/expect.h"

namespace nptsim::scenario {

// Whether an event of this kind can be what the pattern is about.
bool may_be_same_kind(const EventPattern& pattern, std::string_view kind);

// Whether the pattern's kind is the event's, or the name of what the event does or calls.
bool same_kind(const EventPattern& pattern, const machine::Event& event);

// One sentence for each field that differs; empty if kind and fields match. With another kind, one
// sentence.
std::vector<std::string> mismatches(const EventPattern& pattern, const machine::Event& event);

bool matches(const EventPattern& pattern, const machine::Event& event);

// "npf { gpa: 0xffc00000, error: [present, write] }".
std::string describe(const EventPattern& pattern);
std::string describe(const machine::Event& event);
std::string describe(const machine::EventValue& value);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_MATCH_EVENT_H_
