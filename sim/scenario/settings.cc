#include "sim/scenario/settings.h"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <utility>

#include "sim/scenario/keys.h"
#include "sim/scenario/values.h"

namespace nptsim::scenario {
namespace {

using yaml::Node;
using yaml::NodeKind;

const std::vector<std::string>& model_roots() {
  static const std::vector<std::string> kRoots = {"cpu",      "kernel", "vmm", "guest",
                                                  "firmware", "board",  "host"};
  return kRoots;
}

const std::vector<std::string>& path_roots() {
  static const std::vector<std::string> kRoots = {"machine", "memory", "start", "place", "program"};
  return kRoots;
}

bool contains(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

std::vector<std::string> accepted_keys() {
  std::vector<std::string> accepted = key_names(machine_keys());
  for (const std::string& root : model_roots()) accepted.push_back(root + ".PARAMETER");
  for (const std::string& root : path_roots()) accepted.push_back(root + ".KEY");
  return accepted;
}

void check_values(const Setting& setting, Diagnostics& diagnostics) {
  const std::string what = "set." + setting.key.value;
  if (setting.values.empty()) {
    diagnostics.push_back({setting.key.pos, what + " has no value", "one value or more", ""});
  }
  std::vector<const Text*> sorted;
  for (const Text& value : setting.values) sorted.push_back(&value);
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const Text* a, const Text* b) { return a->value < b->value; });
  for (std::size_t i = 1; i < sorted.size(); ++i) {
    if (sorted[i]->value != sorted[i - 1]->value) continue;
    diagnostics.push_back({sorted[i]->pos,
                           what + " has the value " + yaml::quote(sorted[i]->value) + " twice",
                           "each value once", ""});
  }
}

Node scalar(const Text& text) {
  Node node;
  node.kind = NodeKind::kScalar;
  node.text = text.value;
  node.pos = text.pos;
  return node;
}

// The map under `key`, made when there is nothing.
Node* map_below(Node& map, const std::string& key, const SourcePos& pos) {
  Node* below = map.find(key);
  if (below == nullptr) {
    Node name = scalar({key, pos});
    Node made;
    made.pos = pos;
    map.entries.push_back({std::move(name), std::move(made)});
    below = &map.entries.back().value;
  }
  if (below->is_null()) below->kind = NodeKind::kMap;
  return below->is_map() ? below : nullptr;
}

void put(Node& map, const std::string& key, Node value, const SourcePos& pos) {
  if (Node* old = map.find(key)) {
    *old = std::move(value);
  } else {
    map.entries.push_back({scalar({key, pos}), std::move(value)});
  }
}

}  // namespace

SettingPlace place_of_setting(const std::string& key) {
  const std::size_t dot = key.find('.');
  if (dot == std::string::npos) {
    return contains(key_names(machine_keys()), key) ? SettingPlace::kMachine
                                                    : SettingPlace::kUnknown;
  }
  const std::string_view root = std::string_view(key).substr(0, dot);
  if (contains(path_roots(), root)) return SettingPlace::kPath;
  return contains(model_roots(), root) ? SettingPlace::kModel : SettingPlace::kUnknown;
}

std::vector<Setting> read_settings(const Node& set, Diagnostics& diagnostics) {
  std::vector<Setting> settings;
  for (const yaml::MapEntry& entry : set.entries) {
    Setting setting{text_of(entry.key), texts_of(entry.value), entry.value.is_sequence()};
    if (place_of_setting(setting.key.value) == SettingPlace::kUnknown) {
      diagnostics.push_back(unknown_word(
          setting.key.pos, "key of set:", yaml::printable(setting.key.value), accepted_keys()));
    }
    check_values(setting, diagnostics);
    settings.push_back(std::move(setting));
  }
  return settings;
}

void apply_setting(Node& tree, const Setting& setting, Diagnostics& diagnostics) {
  const SettingPlace place = place_of_setting(setting.key.value);
  if (place != SettingPlace::kMachine && place != SettingPlace::kPath) return;
  const SourcePos& pos = setting.key.pos;
  std::string path = setting.key.value;
  if (place == SettingPlace::kMachine) path = "machine." + path;
  Node* map = &tree;
  for (;;) {
    const std::size_t dot = path.find('.');
    if (dot == std::string::npos) break;
    map = map_below(*map, path.substr(0, dot), pos);
    if (map == nullptr) {
      diagnostics.push_back({pos,
                             "set." + setting.key.value + " leads through " +
                                 yaml::quote(path.substr(0, dot)) + ", which is no map",
                             "a path of keys", ""});
      return;
    }
    path.erase(0, dot + 1);
  }
  put(*map, path, scalar(setting.values.at(0)), pos);
}

}  // namespace nptsim::scenario
