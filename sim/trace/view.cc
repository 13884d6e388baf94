#include "sim/trace/view.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/yaml/node.h"

namespace nptsim::trace {

std::optional<std::uint8_t> EventShape::field(std::string_view field_name) const {
  const auto found = std::find(fields.begin(), fields.end(), field_name);
  if (found == fields.end()) return std::nullopt;
  return static_cast<std::uint8_t>(found - fields.begin());
}

std::optional<std::uint32_t> View::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  if (found == by_name_.end()) return std::nullopt;
  return found->second;
}

void View::index() {
  by_name_.clear();
  for (std::uint32_t i = 0; i < events_.size(); ++i) by_name_.emplace(events_[i].name, i);
}

std::string View::describe(const Seen& seen) const {
  const EventShape& shape = events_[seen.event];
  std::string text = shape.name;
  bool first = true;
  for (std::size_t i = 0; i < shape.fields.size(); ++i) {
    const Value& value = seen.values[i];
    if (value.absent()) continue;
    text += first ? " " : ", ";
    first = false;
    text += shape.fields[i] + " ";
    text += value.kind == Value::Kind::kText ? yaml::printable(value.text)
                                             : fmt::format("0x{:x}", value.number);
  }
  return text;
}

}  // namespace nptsim::trace
