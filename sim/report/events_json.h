// Events as JSON lines (docs/formats.md).
//
// Addresses and machine words are strings of hex digits ("0xffc00000"), because a JSON number
// beyond 2^53 is not the same number in every reader; counts, sizes and levels are numbers.
#ifndef NPTSIM_SIM_REPORT_EVENTS_JSON_H_
#define NPTSIM_SIM_REPORT_EVENTS_JSON_H_

#include <string>
#include <vector>

#include "sim/machine/event.h"
#include "sim/machine/outcome.h"

namespace nptsim::report {

// Each of these is one line, with its line break.
std::string events_header(const std::string& scenario_hash);
std::string event_line(const machine::Event& event);

// How the run ended, as the last events: harm has been told already, so one `outcome` for each vCPU
// and one for the VM. `next` is the number of the first.
std::vector<machine::Event> closing_events(const machine::RunResult& run, std::uint64_t next);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_EVENTS_JSON_H_
