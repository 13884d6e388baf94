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

bool EventShape::is_text(std::uint8_t which) const {
  return std::any_of(lines.begin(), lines.end(),
                     [&](const LinePattern& line) { return line.takes_text(which); });
}

// Where the version is not known, a number that fits into fewer bits may have been cut to them: an
// error code of a #NPF without bits 32 and 33 has been.
std::uint64_t EventShape::mask(std::size_t which, const Seen& seen) const {
  std::uint64_t bits = masks[which];
  if (seen.line != 0) bits &= line_masks[seen.line - 1u][which];
  if (!narrowest.empty() && (seen.values[which].number & ~narrowest[which]) == 0) {
    bits &= narrowest[which];
  }
  return bits;
}

namespace {

bool same_letters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(),
                                            [&](char x, char y) { return lower(x) == lower(y); });
}

// The view's own word for a text; empty if it has none.
std::string_view own_word(const std::map<std::uint64_t, std::string>& words,
                          std::string_view text) {
  if (const auto number = read_plain_number(text, false)) {
    const auto known = words.find(*number);
    return known == words.end() ? std::string_view() : known->second;
  }
  for (const std::string_view prefix : {"SVM_EXIT_", "EXIT_", ""}) {
    if (!text.starts_with(prefix)) continue;
    const std::string_view rest = text.substr(prefix.size());
    for (const auto& [number, word] : words) {
      if (same_letters(rest, word)) return word;
    }
  }
  return {};
}

}  // namespace

void EventShape::use_own_words(Seen& seen) const {
  for (const auto& [which, words] : record_words) {
    Value& value = seen.values[which];
    if (value.kind == Value::Kind::kNumber) {
      const auto known = words.find(value.number);
      if (known != words.end()) value = Value::of(std::string_view(known->second));
      continue;
    }
    if (value.kind != Value::Kind::kText) continue;
    const auto others = other_words.find(which);
    if (others != other_words.end()) {
      const auto other = others->second.find(std::string(value.text));
      if (other != others->second.end()) value = Value::of(std::string_view(other->second));
    }
    const std::string_view own = own_word(words, value.text);
    if (!own.empty()) value = Value::of(own);
  }
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
