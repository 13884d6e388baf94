#include "sim/yaml/node.h"

#include <algorithm>
#include <cstddef>

namespace nptsim::yaml {
namespace {

constexpr std::size_t kLongestShown = 60;

bool continues_character(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

bool same_entries(const Node& a, const Node& b) {
  return std::all_of(a.entries.begin(), a.entries.end(), [&](const MapEntry& entry) {
    const Node* other = b.find(entry.key.text);
    return other != nullptr && same_content(entry.value, *other);
  });
}

}  // namespace

std::size_t count_nodes(const Node& node, std::size_t text_of_node) {
  std::size_t count = 1 + node.text.size() / text_of_node;
  for (const Node& item : node.items) count += count_nodes(item, text_of_node);
  for (const MapEntry& entry : node.entries) count += 1 + count_nodes(entry.value, text_of_node);
  return count;
}

const MapEntry* Node::find_entry(std::string_view key) const {
  for (const MapEntry& entry : entries) {
    if (entry.key.text == key) return &entry;
  }
  return nullptr;
}

const Node* Node::find(std::string_view key) const {
  const MapEntry* entry = find_entry(key);
  return entry == nullptr ? nullptr : &entry->value;
}

Node* Node::find(std::string_view key) {
  for (MapEntry& entry : entries) {
    if (entry.key.text == key) return &entry.value;
  }
  return nullptr;
}

std::string printable(std::string_view text) {
  std::size_t length = std::min(text.size(), kLongestShown);
  while (length > 0 && length < text.size() && continues_character(text[length])) --length;
  std::string shown;
  for (const char c : text.substr(0, length)) {
    shown += static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  return length < text.size() ? shown + "..." : shown;
}

std::string quote(std::string_view text) { return "'" + printable(text) + "'"; }

std::string describe(const Node& node) {
  switch (node.kind) {
    case NodeKind::kNull:
      return "nothing";
    case NodeKind::kScalar:
      return "the text " + quote(node.text);
    case NodeKind::kSequence:
      return "a list";
    case NodeKind::kMap:
      return "a map";
  }
  return "nothing";
}

bool same_content(const Node& a, const Node& b) {
  if (a.kind != b.kind || a.text != b.text) return false;
  if (a.items.size() != b.items.size() || a.entries.size() != b.entries.size()) return false;
  return std::equal(a.items.begin(), a.items.end(), b.items.begin(), same_content) &&
         same_entries(a, b);
}

}  // namespace nptsim::yaml
