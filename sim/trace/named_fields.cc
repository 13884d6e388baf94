#include "sim/trace/named_fields.h"

#include <algorithm>

#include "sim/trace/line_pattern.h"

namespace nptsim::trace {
namespace {

// Words between blanks, commas, colons and equals signs.
std::string_view take_word(std::string_view& text) {
  constexpr std::string_view kBetween = " \t,=:()";
  const std::size_t begin = std::min(text.find_first_not_of(kBetween), text.size());
  const std::size_t end = std::min(text.find_first_of(kBetween, begin), text.size());
  const std::string_view word = text.substr(begin, end - begin);
  text.remove_prefix(end);
  return word;
}

// By its own name, by what a line calls it, or a record.
std::optional<std::uint8_t> field_called(const EventShape& shape, std::string_view name) {
  if (const auto own = shape.field(name)) return own;
  const auto found = shape.called.find(name);
  if (found == shape.called.end()) return std::nullopt;
  return found->second;
}

// Records are printed in decimal or with 0x, lines as the kernel prints this field.
Value value_of(const EventShape& shape, std::uint8_t field, std::string_view word, bool record) {
  const auto number = read_plain_number(word, !record && shape.hex[field]);
  return number ? Value::of(*number) : Value::of(word);
}

}  // namespace

bool read_named_fields(std::string_view payload, const EventShape& shape, Seen& seen) {
  bool some = false;
  while (!payload.empty()) {
    const std::string_view name = take_word(payload);
    const auto field = field_called(shape, name);
    if (!field) continue;
    const bool record = payload.starts_with('=');  // "name=value"
    const Value value = value_of(shape, *field, take_word(payload), record);
    // A number is wanted where a line has one: "vcpu x" names nothing.
    const bool good =
        value.kind == Value::Kind::kNumber || (shape.is_text(*field) && !value.text.empty());
    if (!good || !seen.values[*field].absent()) continue;
    seen.values[*field] = value;
    some |= *field != shape.vcpu.value_or(kMostFields);
  }
  return some;
}

}  // namespace nptsim::trace
