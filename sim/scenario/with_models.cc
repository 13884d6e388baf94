#include "sim/scenario/with_models.h"

#include <algorithm>
#include <utility>

namespace nptsim::scenario {
namespace {

using yaml::Node;
using yaml::NodeKind;

// What is put in has the place of what it replaces, or of the map that it is put into.
Node scalar(const std::string& text, const SourcePos& pos) {
  Node node;
  node.kind = NodeKind::kScalar;
  node.text = text;
  node.pos = pos;
  return node;
}

void drop(Node& map, std::string_view key) {
  std::erase_if(map.entries, [key](const yaml::MapEntry& entry) { return entry.key.text == key; });
}

Node& value_at(Node& map, const std::string& key) {
  if (Node* known = map.find(key)) return *known;
  Node empty;
  empty.pos = map.pos;
  map.entries.push_back({scalar(key, map.pos), std::move(empty)});
  return map.entries.back().value;
}

// `apply:` may be one name or a list of them.
void append_overlay(Node& machine, const std::string& name) {
  Node& apply = value_at(machine, "apply");
  if (!apply.is_sequence()) {
    Node list;
    list.kind = NodeKind::kSequence;
    list.pos = apply.pos;
    if (apply.is_scalar()) list.items.push_back(apply);
    apply = std::move(list);
  }
  const bool known = std::any_of(apply.items.begin(), apply.items.end(),
                                 [&](const Node& item) { return item.text == name; });
  if (!known) apply.items.push_back(scalar(name, apply.pos));
}

}  // namespace

Node with_models(const Node& tree, const ModelsChange& change) {
  Node changed = tree;
  for (const char* claim : {"expect", "explore", "xfail"}) drop(changed, claim);
  Node& machine = value_at(changed, "machine");
  machine.kind = NodeKind::kMap;
  for (const auto& [key, name] : change.machine) {
    Node& value = value_at(machine, key);
    value = scalar(name, value.pos);
    if (Node* set = changed.find("set")) drop(*set, key);
  }
  for (const std::string& name : change.apply) append_overlay(machine, name);
  return changed;
}

}  // namespace nptsim::scenario
