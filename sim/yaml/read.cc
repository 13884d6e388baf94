#include "sim/yaml/read.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace nptsim::yaml {
namespace {

constexpr char kYesNoForms[] = "yes, no, on, off";

std::string number_text(std::uint64_t value) {
  if (value < 4096) return std::to_string(value);
  std::string digits;
  for (; value > 0; value >>= 4) digits.insert(digits.begin(), "0123456789abcdef"[value & 15]);
  return "0x" + digits;
}

}  // namespace

void report_kind(const Node& node, std::string_view what, std::string_view accepted,
                 Diagnostics& diagnostics) {
  diagnostics.push_back(
      {node.pos, std::string(what) + " is " + describe(node), std::string(accepted), ""});
}

std::optional<std::string> read_text(const Node& node, std::string_view what,
                                     Diagnostics& diagnostics) {
  if (node.is_scalar()) return node.text;
  report_kind(node, what, "a text", diagnostics);
  return std::nullopt;
}

std::optional<std::uint64_t> read_number(const Node& node, std::string_view what,
                                         Diagnostics& diagnostics, NumberRange range) {
  if (!node.is_scalar()) {
    report_kind(node, what, kNumberForms, diagnostics);
    return std::nullopt;
  }
  const auto value = parse_number(node.text);
  const std::string found = std::string(what) + ": " + quote(node.text) + " ";
  if (!value) {
    diagnostics.push_back({node.pos, found + value.error(), kNumberForms, ""});
    return std::nullopt;
  }
  if (value.value() < range.min || value.value() > range.max) {
    diagnostics.push_back({node.pos, found + "is out of range",
                           number_text(range.min) + " to " + number_text(range.max), ""});
    return std::nullopt;
  }
  return value.value();
}

std::optional<bool> read_yes_no(const Node& node, std::string_view what, Diagnostics& diagnostics) {
  if (node.is_scalar()) {
    if (node.text == "yes" || node.text == "on" || node.text == "true") return true;
    if (node.text == "no" || node.text == "off" || node.text == "false") return false;
  }
  report_kind(node, what, kYesNoForms, diagnostics);
  return std::nullopt;
}

std::optional<std::string> read_word(const Node& node, std::string_view what,
                                     std::span<const std::string> words, Diagnostics& diagnostics) {
  if (!node.is_scalar()) {
    report_kind(node, what, list_of(words), diagnostics);
    return std::nullopt;
  }
  if (std::find(words.begin(), words.end(), node.text) != words.end()) return node.text;
  diagnostics.push_back(
      unknown_word(node.pos, std::string(what) + ":", printable(node.text), words));
  return std::nullopt;
}

std::optional<std::vector<std::string>> read_texts(const Node& node, std::string_view what,
                                                   Diagnostics& diagnostics) {
  if (node.is_null()) return std::vector<std::string>{};
  if (node.is_scalar()) return std::vector<std::string>{node.text};
  if (!node.is_sequence()) {
    report_kind(node, what, "a text or a list of texts", diagnostics);
    return std::nullopt;
  }
  std::vector<std::string> texts;
  bool good = true;
  for (const Node& item : node.items) {
    std::optional<std::string> text =
        read_text(item, "an item of " + std::string(what), diagnostics);
    good = good && text.has_value();
    if (text) texts.push_back(std::move(*text));
  }
  if (!good) return std::nullopt;
  return texts;
}

std::vector<TextLine> lines_of(const Node& scalar) {
  std::vector<TextLine> lines;
  for (std::size_t begin = 0; begin < scalar.text.size();) {
    const std::size_t end = std::min(scalar.text.find('\n', begin), scalar.text.size());
    const std::size_t index = lines.size();
    lines.push_back({scalar.text.substr(begin, end - begin),
                     index < scalar.line_start.size() ? scalar.line_start[index] : scalar.pos});
    begin = end + 1;
  }
  return lines;
}

MapReader::MapReader(const Node& node, std::string what, std::span<const std::string> keys,
                     Diagnostics& diagnostics)
    : node_(node), what_(std::move(what)), diagnostics_(diagnostics) {
  if (!node.is_map()) {
    report_kind(node, what_, "a map with the keys " + list_of(keys, "and"), diagnostics_);
    return;
  }
  map_ = &node;
  for (const MapEntry& entry : node.entries) {
    if (std::find(keys.begin(), keys.end(), entry.key.text) != keys.end()) continue;
    diagnostics_.push_back(
        unknown_word(entry.key.pos, "key of " + what_ + ":", printable(entry.key.text), keys));
  }
}

const Node* MapReader::find(std::string_view key) const {
  return map_ == nullptr ? nullptr : map_->find(key);
}

const Node* MapReader::require(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr && map_ != nullptr) {
    diagnostics_.push_back({node_.pos, what_ + " has no key '" + std::string(key) + "'", "", ""});
  }
  return value;
}

std::string MapReader::what(std::string_view key) const {
  return "'" + std::string(key) + "' of " + what_;
}

std::optional<std::string> MapReader::text(std::string_view key) {
  const Node* value = find(key);
  return value == nullptr ? std::nullopt : read_text(*value, what(key), diagnostics_);
}

std::optional<std::uint64_t> MapReader::number(std::string_view key, NumberRange range) {
  const Node* value = find(key);
  return value == nullptr ? std::nullopt : read_number(*value, what(key), diagnostics_, range);
}

std::optional<bool> MapReader::yes_no(std::string_view key) {
  const Node* value = find(key);
  return value == nullptr ? std::nullopt : read_yes_no(*value, what(key), diagnostics_);
}

std::optional<std::string> MapReader::word(std::string_view key,
                                           std::span<const std::string> words) {
  const Node* value = find(key);
  return value == nullptr ? std::nullopt : read_word(*value, what(key), words, diagnostics_);
}

std::vector<std::string> MapReader::texts(std::string_view key) {
  const Node* value = find(key);
  if (value == nullptr) return {};
  return read_texts(*value, what(key), diagnostics_).value_or(std::vector<std::string>{});
}

}  // namespace nptsim::yaml
