// What a machine tells about itself while it runs. Every tool is a consumer of events.
//
// Events are built only when somebody listens. They carry names and numbers, never text laid out
// for a person: printing is sim/report's matter.
#ifndef NPTSIM_SIM_MACHINE_EVENT_H_
#define NPTSIM_SIM_MACHINE_EVENT_H_

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace nptsim::machine {

// Whose rules an event comes from.
enum class Layer : std::uint8_t { kGuest, kCpu, kKernel, kVmm, kFirmware, kHost, kMonitor };
std::string_view name_of(Layer layer);

struct EventFields;

// A field's value. Addresses and machine words are Hex, counts and sizes plain numbers; a list of
// names is a set of named bits or flags; records nest (the entries that a walk read).
struct Hex {
  std::uint64_t value = 0;
  bool operator==(const Hex&) const = default;
};
using EventValue = std::variant<bool, std::uint64_t, Hex, std::string, std::vector<std::string>,
                                std::vector<EventFields>>;

struct EventFields {
  std::vector<std::pair<std::string, EventValue>> list;

  EventFields() = default;
  EventFields(std::initializer_list<std::pair<std::string, EventValue>> init) : list(init) {}
  EventFields& add(std::string name, EventValue value) {
    list.emplace_back(std::move(name), std::move(value));
    return *this;
  }
  const EventValue* find(std::string_view name) const;
};

struct Event {
  std::uint64_t n = 0;                 // counts from 1 in a run
  std::string by;                      // the actor: "vcpu0", "vmm", "host", "script"
  Layer layer = Layer::kCpu;
  std::string kind;                    // "walk", "npf", "decide", ... (docs/formats.md lists them)
  std::string rule;                    // the id of the rule that decided; may be empty
  std::optional<std::uint64_t> cause;  // the n of an earlier event
  EventFields fields;
};

class EventSink {
 public:
  virtual ~EventSink() = default;
  virtual void take(Event event) = 0;
  // False for kinds that are not even built; what is left out still counts.
  virtual bool wants(std::string_view) const { return true; }
  virtual void pass_over(std::uint64_t /*n*/) {}
};

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_EVENT_H_
