#include "sim/yaml/merge.h"

#include <cstddef>
#include <map>
#include <string_view>
#include <utility>

namespace nptsim::yaml {

Node merge(const Node& base, const Node& over) {
  if (!base.is_map() || !over.is_map()) return over;
  std::map<std::string_view, const MapEntry*> overlay;
  for (const MapEntry& entry : over.entries) overlay.emplace(entry.key.text, &entry);

  Node merged;
  merged.kind = NodeKind::kMap;
  merged.pos = over.pos;
  for (const MapEntry& entry : base.entries) {
    const auto found = overlay.find(entry.key.text);
    if (found == overlay.end()) {
      merged.entries.push_back(entry);
      continue;
    }
    const MapEntry& replaced_by = *found->second;
    if (!replaced_by.value.is_null()) {
      merged.entries.push_back({replaced_by.key, merge(entry.value, replaced_by.value)});
    }
    overlay.erase(found);
  }
  for (const MapEntry& entry : over.entries) {
    if (overlay.contains(entry.key.text) && !entry.value.is_null()) merged.entries.push_back(entry);
  }
  return merged;
}

}  // namespace nptsim::yaml
