// An event as somebody saw it: a line of a trace or a log, an entry of a recording, or what one of
// the model's events looks like through the same view.
#ifndef NPTSIM_SIM_TRACE_SEEN_H_
#define NPTSIM_SIM_TRACE_SEEN_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace nptsim::trace {

// A field's value. Text belongs to whoever made the event: a reader's line, a recording, a view.
struct Value {
  enum class Kind : std::uint8_t { kAbsent, kNumber, kText };
  Kind kind = Kind::kAbsent;
  std::uint64_t number = 0;
  std::string_view text;

  static Value of(std::uint64_t number) { return {Kind::kNumber, number, {}}; }
  static Value of(std::string_view text) { return {Kind::kText, 0, text}; }
  bool absent() const { return kind == Kind::kAbsent; }
  bool operator==(const Value&) const = default;
};

inline constexpr std::size_t kMostFields = 16;

// One event through a view. `event` is an index in View::events(), the values are in the order of
// that event's fields.
struct Seen {
  std::uint32_t event = 0;
  std::uint8_t line = 0;  // which of EventShape::lines it was read by, from 1; 0: by none
  std::array<Value, kMostFields> values;
};

// Streams of events are told apart by the number of their vCPU. A thread of which no line says
// which vCPU it runs is a stream as well: this, and its pid.
inline constexpr unsigned kFirstThread = 1u << 20;

// The vCPUs that a machine can have. A number below that is kept where it is free; others get the
// first that is.
inline constexpr unsigned kMostVcpus = 16;

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_SEEN_H_
