#include "sim/trace/ending.h"

#include "sim/yaml/read.h"

namespace nptsim::trace {
namespace {

const std::vector<std::string> kEndingKeys = {"vcpu", "class", "vector", "error_code", "registers"};
const std::vector<std::string> kChangeKeys = {"region", "offset", "word"};

std::uint64_t required_number(yaml::MapReader& map, const char* key) {
  map.require(key);
  return map.number(key).value_or(0);
}

RecordedEnding read_ending(const yaml::Node& node, Diagnostics& diagnostics) {
  yaml::MapReader map(node, "ending", kEndingKeys, diagnostics);
  RecordedEnding ending;
  if (!map.ok()) return ending;
  ending.vcpu = static_cast<unsigned>(required_number(map, "vcpu"));
  map.require("class");
  ending.outcome_class = map.text("class").value_or("");
  ending.vector = map.number("vector");
  ending.error_code = map.number("error_code");
  if (const yaml::Node* registers = map.find("registers")) {
    for (const yaml::MapEntry& entry : registers->entries) {
      const auto value = yaml::read_number(entry.value, entry.key.text, diagnostics);
      if (value) ending.registers[entry.key.text] = *value;
    }
  }
  return ending;
}

MemoryChange read_change(const yaml::Node& node, Diagnostics& diagnostics) {
  yaml::MapReader map(node, "change of memory", kChangeKeys, diagnostics);
  if (!map.ok()) return {};
  map.require("region");
  MemoryChange change;
  change.region = map.text("region").value_or("");
  change.offset = required_number(map, "offset");
  change.word = required_number(map, "word");
  return change;
}

}  // namespace

std::vector<RecordedEnding> read_endings(const yaml::Node& list, Diagnostics& diagnostics) {
  std::vector<RecordedEnding> endings;
  for (const yaml::Node& item : list.items) endings.push_back(read_ending(item, diagnostics));
  return endings;
}

std::vector<MemoryChange> read_memory_changes(const yaml::Node& list, Diagnostics& diagnostics) {
  std::vector<MemoryChange> changes;
  for (const yaml::Node& item : list.items) changes.push_back(read_change(item, diagnostics));
  return changes;
}

}  // namespace nptsim::trace
