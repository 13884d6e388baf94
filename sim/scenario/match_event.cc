#include "sim/scenario/match_event.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <variant>

#include "sim/base/hex.h"
#include "sim/machine/event_kinds.h"
#include "sim/yaml/number.h"

namespace nptsim::scenario {
namespace {

using machine::Event;
using machine::EventFields;
using machine::EventValue;
using yaml::Node;

std::string join(const std::vector<std::string>& words) {
  std::string text = "[";
  for (const std::string& word : words) text += (text.size() > 1 ? ", " : "") + word;
  return text + "]";
}

std::string describe_fields(const EventFields& fields) {
  std::string text;
  for (const auto& [name, value] : fields.list) {
    text += (text.empty() ? "" : ", ") + name + ": " + describe(value);
  }
  return "{ " + text + " }";
}

std::string describe_node(const Node& node) {
  if (node.is_scalar()) return node.text;
  std::vector<std::string> words;
  for (const Node& item : node.items) words.push_back(item.text);
  if (node.is_sequence()) return join(words);
  std::string text;
  for (const yaml::MapEntry& entry : node.entries) {
    text += (text.empty() ? "" : ", ") + entry.key.text + ": " + describe_node(entry.value);
  }
  return text.empty() ? "{}" : "{ " + text + " }";
}

// The fields that every event has beside its own.
std::optional<EventValue> field_of(const Event& event, std::string_view name) {
  if (const EventValue* value = event.fields.find(name)) return *value;
  if (name == "by") return EventValue(event.by);
  if (name == "layer") return EventValue(std::string(machine::name_of(event.layer)));
  if (name == "rule") return EventValue(event.rule);
  return std::nullopt;
}

bool equal_flag(const std::string& text, bool value) {
  if (value) return text == "yes" || text == "on" || text == "true" || text == "1";
  return text == "no" || text == "off" || text == "false" || text == "0";
}

bool equal_number(const std::string& text, std::uint64_t value) {
  const auto number = yaml::parse_number(text);
  return number && number.value() == value;
}

bool equal_text(const std::string& text, const std::string& value) {
  if (text == value) return true;
  const auto number = yaml::parse_number(value);
  return number && equal_number(text, number.value());
}

// A text against a value that is no list.
bool equal_scalar(const std::string& text, const EventValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return equal_flag(text, *flag);
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return equal_number(text, *number);
  if (const auto* word = std::get_if<machine::Hex>(&value)) return equal_number(text, word->value);
  if (const auto* name = std::get_if<std::string>(&value)) return equal_text(text, *name);
  return false;
}

std::vector<std::string> wanted_texts(const Node& node) {
  if (node.is_scalar()) return {node.text};
  std::vector<std::string> texts;
  for (const Node& item : node.items) texts.push_back(item.text);
  return texts;
}

// A set of names against names: the same ones, or at least these.
bool equal_names(const std::vector<std::string>& wanted, const std::vector<std::string>& names,
                 bool others_allowed) {
  const std::set<std::string> want(wanted.begin(), wanted.end());
  const std::set<std::string> have(names.begin(), names.end());
  return others_allowed ? std::includes(have.begin(), have.end(), want.begin(), want.end())
                        : want == have;
}

bool equal_value(const Node& wanted, const EventValue& value, bool others_allowed = false) {
  const std::vector<std::string> texts = wanted_texts(wanted);
  if (const auto* names = std::get_if<std::vector<std::string>>(&value)) {
    return equal_names(texts, *names, others_allowed);
  }
  return texts.size() == 1 && equal_scalar(texts[0], value);
}

bool any_value(const Node& wanted, const EventValue& value) {
  const std::vector<std::string> texts = wanted_texts(wanted);
  const auto* names = std::get_if<std::vector<std::string>>(&value);
  return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
    return names == nullptr ? equal_scalar(text, value)
                            : std::find(names->begin(), names->end(), text) != names->end();
  });
}

bool field_matches(const Node& wanted, const std::optional<EventValue>& value) {
  if (!wanted.is_map()) return value && equal_value(wanted, *value);
  if (wanted.entries.size() != 1) return false;
  const std::string& word = wanted.entries[0].key.text;
  const Node& what = wanted.entries[0].value;
  if (word == "not") return !value || !any_value(what, *value);
  if (!value) return false;
  return word == "contains" ? equal_value(what, *value, true) : any_value(what, *value);
}

bool is_deed(std::string_view kind) { return kind == "do" || kind == "call"; }

// `none: [ psmash ]` means a deed: no kind of event has that name.
bool names_the_deed(const std::string& name, const Event& event) {
  if (!is_deed(event.kind)) return false;
  if (machine::find_event_kind(name) != nullptr) return false;
  constexpr std::array<std::string_view, 2> kFields = {"action", "target"};
  return std::any_of(kFields.begin(), kFields.end(), [&](std::string_view field) {
    const EventValue* value = event.fields.find(field);
    const auto* text = value == nullptr ? nullptr : std::get_if<std::string>(value);
    return text != nullptr && *text == name;
  });
}

}  // namespace

std::string describe(const EventValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "yes" : "no";
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return std::to_string(*number);
  if (const auto* word = std::get_if<machine::Hex>(&value)) return hex(word->value);
  if (const auto* name = std::get_if<std::string>(&value)) return *name;
  if (const auto* names = std::get_if<std::vector<std::string>>(&value)) return join(*names);
  std::vector<std::string> records;
  for (const EventFields& fields : std::get<std::vector<EventFields>>(value)) {
    records.push_back(describe_fields(fields));
  }
  return join(records);
}

std::string describe(const EventPattern& pattern) {
  if (pattern.fields.entries.empty()) return pattern.kind.value;
  return pattern.kind.value + " " + describe_node(pattern.fields);
}

// What a claim is likely to be about: without explanations, and without the entries of a walk.
std::string describe(const Event& event) {
  EventFields brief;
  for (const auto& [name, value] : event.fields.list) {
    const bool records = std::holds_alternative<std::vector<EventFields>>(value);
    if (!records && name != "sentence" && name != "source" && name != "text")
      brief.add(name, value);
  }
  return "event " + std::to_string(event.n) + ", " + event.kind + " " + describe_fields(brief);
}

bool may_be_same_kind(const EventPattern& pattern, std::string_view kind) {
  if (pattern.kind.value == kind) return true;
  return is_deed(kind) && machine::find_event_kind(pattern.kind.value) == nullptr;
}

bool same_kind(const EventPattern& pattern, const Event& event) {
  return pattern.kind.value == event.kind || names_the_deed(pattern.kind.value, event);
}

std::vector<std::string> mismatches(const EventPattern& pattern, const Event& event) {
  if (!same_kind(pattern, event)) {
    return {"its kind is " + event.kind + " and not " + pattern.kind.value};
  }
  std::vector<std::string> sentences;
  for (const yaml::MapEntry& field : pattern.fields.entries) {
    const std::optional<EventValue> value = field_of(event, field.key.text);
    if (field_matches(field.value, value)) continue;
    const std::string wanted = describe_node(field.value);
    sentences.push_back(value ? "its " + field.key.text + " is " + describe(*value) + " and not " +
                                    wanted
                              : "it has no " + field.key.text);
  }
  return sentences;
}

bool matches(const EventPattern& pattern, const Event& event) {
  if (!same_kind(pattern, event)) return false;
  return std::all_of(pattern.fields.entries.begin(), pattern.fields.entries.end(),
                     [&event](const yaml::MapEntry& field) {
                       return field_matches(field.value, field_of(event, field.key.text));
                     });
}

}  // namespace nptsim::scenario
