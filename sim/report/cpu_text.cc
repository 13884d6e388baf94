#include "sim/report/cpu_text.h"

#include <vector>

namespace nptsim::report {
namespace {

constexpr std::size_t kCpuWidth = 100;

using Rows = std::vector<std::vector<std::string>>;

std::string scalar_text(const yaml::Node& node) {
  if (node.is_scalar()) return printable(node.text);
  std::vector<std::string> items;
  for (const yaml::Node& item : node.items) items.push_back(scalar_text(item));
  return join(items, ", ");
}

void add_rows(const yaml::Node& map, const std::string& prefix, Rows& rows) {
  for (const yaml::MapEntry& entry : map.entries) {
    const std::string name = prefix + entry.key.text;
    const yaml::Node* value = entry.value.find("value");
    if (entry.value.is_map() && value == nullptr) {
      add_rows(entry.value, name + ".", rows);
    } else if (value != nullptr) {
      const yaml::Node* source = entry.value.find("source");
      const yaml::Node* evidence = entry.value.find("evidence");
      std::string origin = source != nullptr ? scalar_text(*source) : "";
      if (evidence != nullptr) origin += " (" + scalar_text(*evidence) + ")";
      rows.push_back({name, scalar_text(*value), origin});
    } else {
      rows.push_back({name, scalar_text(entry.value), ""});
    }
  }
}

}  // namespace

std::string print_cpu(const yaml::Node& document, const Style& style) {
  std::string out;
  if (const yaml::Node* name = document.find("cpu")) out += style.strong(scalar_text(*name)) + "\n";
  for (const char* key : {"title", "about"}) {
    const yaml::Node* text = document.find(key);
    if (text == nullptr) continue;
    for (const std::string& line : wrap(scalar_text(*text), kCpuWidth)) out += line + "\n";
  }
  Rows rows;
  add_rows(document, "", rows);
  std::erase_if(rows, [](const auto& row) {
    return row[0] == "cpu" || row[0] == "title" || row[0] == "about";
  });
  out += "\n";
  for (const std::string& line : table(rows)) out += line + "\n";
  return out;
}

}  // namespace nptsim::report
