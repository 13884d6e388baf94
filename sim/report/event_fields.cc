#include "sim/report/event_fields.h"

#include <fmt/format.h>

#include <algorithm>
#include <type_traits>

#include "sim/report/text.h"

namespace nptsim::report {

using machine::EventFields;
using machine::EventValue;
using machine::Hex;

std::string text_field(const EventFields& fields, std::string_view name) {
  const EventValue* value = fields.find(name);
  if (value == nullptr) return "";
  const auto* text = std::get_if<std::string>(value);
  return text != nullptr ? *text : "";
}

std::optional<std::uint64_t> number_field(const EventFields& fields, std::string_view name) {
  const EventValue* value = fields.find(name);
  if (value == nullptr) return std::nullopt;
  if (const auto* word = std::get_if<Hex>(value)) return word->value;
  if (const auto* number = std::get_if<std::uint64_t>(value)) return *number;
  return std::nullopt;
}

bool flag_field(const EventFields& fields, std::string_view name) {
  const EventValue* value = fields.find(name);
  if (value == nullptr) return false;
  const auto* flag = std::get_if<bool>(value);
  return flag != nullptr && *flag;
}

const std::vector<std::string>& words_field(const EventFields& fields, std::string_view name) {
  static const std::vector<std::string> kEmpty;
  const EventValue* value = fields.find(name);
  const auto* words = value != nullptr ? std::get_if<std::vector<std::string>>(value) : nullptr;
  return words != nullptr ? *words : kEmpty;
}

const std::vector<EventFields>& records_field(const EventFields& fields, std::string_view name) {
  static const std::vector<EventFields> kEmpty;
  const EventValue* value = fields.find(name);
  const auto* records = value != nullptr ? std::get_if<std::vector<EventFields>>(value) : nullptr;
  return records != nullptr ? *records : kEmpty;
}

std::string value_text(const EventValue& value) {
  return std::visit(
      [](const auto& held) -> std::string {
        using T = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<T, bool>) {
          return held ? "yes" : "no";
        } else if constexpr (std::is_same_v<T, std::uint64_t>) {
          return fmt::format("{}", held);
        } else if constexpr (std::is_same_v<T, Hex>) {
          return hex(held.value);
        } else if constexpr (std::is_same_v<T, std::string>) {
          return printable(held);
        } else if constexpr (std::is_same_v<T, std::vector<std::string>>) {
          return printable(join(held, " "));
        } else {
          std::string text;
          for (const EventFields& record : held) {
            text += (text.empty() ? "{" : " {") + fields_text(record) + "}";
          }
          return text;
        }
      },
      value);
}

std::string fields_text(const EventFields& fields, const std::vector<std::string_view>& skip) {
  std::string text;
  for (const auto& [name, value] : fields.list) {
    if (std::find(skip.begin(), skip.end(), name) != skip.end()) continue;
    if (!text.empty()) text += ", ";
    text += name + " " + value_text(value);
  }
  return text;
}

}  // namespace nptsim::report
