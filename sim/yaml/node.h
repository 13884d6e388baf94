// A YAML document as a tree that knows where everything stands.
#ifndef NPTSIM_SIM_YAML_NODE_H_
#define NPTSIM_SIM_YAML_NODE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"

namespace nptsim::yaml {

enum class NodeKind : std::uint8_t { kNull, kScalar, kSequence, kMap };

struct MapEntry;

struct Node {
  NodeKind kind = NodeKind::kNull;
  SourcePos pos;                      // of the value; of the key when the value is nothing at all
  std::string text;                   // scalar
  bool quoted = false;                // scalar: in quotes, or a block of text
  std::vector<SourcePos> line_start;  // scalar with line breaks: where each of its lines begins
  std::vector<Node> items;            // sequence
  std::vector<MapEntry> entries;  // map, in the order of the file; keys are scalars, no two alike

  bool is_null() const { return kind == NodeKind::kNull; }
  bool is_scalar() const { return kind == NodeKind::kScalar; }
  bool is_sequence() const { return kind == NodeKind::kSequence; }
  bool is_map() const { return kind == NodeKind::kMap; }

  // The value of `key`, or nullptr. The first is also nullptr when this is no map.
  const Node* find(std::string_view key) const;
  Node* find(std::string_view key);
  const MapEntry* find_entry(std::string_view key) const;
};

struct MapEntry {
  Node key;
  Node value;
};

// Values, keys not counted twice, and text as if every `text_of_node` characters were one more.
std::size_t count_nodes(const Node& node, std::size_t text_of_node);

// "nothing", "the text 'abc'", "a list", "a map": for the `found` of a diagnostic.
std::string describe(const Node& node);

// `text` as a diagnostic shows it: cut when long, control characters as '?'.
std::string printable(std::string_view text);
// The same in single quotes.
std::string quote(std::string_view text);

// Equal kinds, texts, items and entries (in any order); positions do not count.
bool same_content(const Node& a, const Node& b);

}  // namespace nptsim::yaml

#endif  // NPTSIM_SIM_YAML_NODE_H_
