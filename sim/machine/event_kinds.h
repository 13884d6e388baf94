// The kinds of events that there are, with the fields that each may have.
//
// docs/formats.md says what they mean. A claim about events is checked against this list, so that a
// misspelt `none:` is a diagnostic and not a claim that always holds.
#ifndef NPTSIM_SIM_MACHINE_EVENT_KINDS_H_
#define NPTSIM_SIM_MACHINE_EVENT_KINDS_H_

#include <span>
#include <string_view>
#include <vector>

namespace nptsim::machine {

struct EventKind {
  std::string_view name;
  std::vector<std::string_view> fields;
  bool open = false;  // has others too: the arguments of an action, the state of a device
};

std::span<const EventKind> event_kinds();
const EventKind* find_event_kind(std::string_view name);

// What every event has beside the fields of its kind.
std::span<const std::string_view> common_fields();

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_EVENT_KINDS_H_
