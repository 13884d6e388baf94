#include "sim/scenario/values.h"

#include <utility>

#include "sim/yaml/number.h"

namespace nptsim::scenario {

using yaml::Node;

std::uint64_t number_of(const Node& node) {
  const auto value = yaml::parse_number(node.text);
  return value ? value.value() : 0;
}

bool yes_no_of(const Node& node) {
  return node.text == "yes" || node.text == "on" || node.text == "true";
}

Text text_of(const Node& node) { return {node.text, node.pos}; }

std::vector<Text> texts_of(const Node& node) {
  if (node.is_scalar()) return {text_of(node)};
  std::vector<Text> texts;
  for (const Node& item : node.items) texts.push_back(text_of(item));
  return texts;
}

std::uint64_t Values::number(std::string_view key, std::uint64_t otherwise) const {
  const Node* node = find(key);
  return node == nullptr ? otherwise : number_of(*node);
}

bool Values::yes_no(std::string_view key, bool otherwise) const {
  const Node* node = find(key);
  return node == nullptr ? otherwise : yes_no_of(*node);
}

std::string Values::text(std::string_view key, std::string otherwise) const {
  const Node* node = find(key);
  return node == nullptr ? std::move(otherwise) : node->text;
}

std::vector<Text> Values::texts(std::string_view key) const {
  const Node* node = find(key);
  return node == nullptr ? std::vector<Text>{} : texts_of(*node);
}

std::vector<std::string> Values::plain_texts(std::string_view key) const {
  std::vector<std::string> plain;
  for (Text& text : texts(key)) plain.push_back(std::move(text.value));
  return plain;
}

std::optional<Text> Values::located_text(std::string_view key) const {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  return text_of(*node);
}

std::optional<Number> Values::located_number(std::string_view key) const {
  const Node* node = find(key);
  if (node == nullptr) return std::nullopt;
  return Number{number_of(*node), node->pos};
}

const std::vector<Node>& Values::items(std::string_view key) const {
  static const std::vector<Node> kNone;
  const Node* node = find(key);
  return node == nullptr ? kNone : node->items;
}

const std::vector<yaml::MapEntry>& Values::entries(std::string_view key) const {
  static const std::vector<yaml::MapEntry> kNone;
  const Node* node = find(key);
  return node == nullptr ? kNone : node->entries;
}

}  // namespace nptsim::scenario
