#include "models/library_files.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <system_error>

#include "sim/yaml/load.h"
#include "sim/yaml/node.h"

namespace nptsim::models {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEnding = ".yaml";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// The number that begins at `at`, without leading zeros; `at` moves behind it.
std::string_view number_at(std::string_view text, std::size_t& at) {
  while (at < text.size() && text[at] == '0') ++at;
  const std::size_t begin = at;
  while (at < text.size() && is_digit(text[at])) ++at;
  return text.substr(begin, at - begin);
}

std::vector<std::string> sorted_folders(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    if (entry.is_directory(error)) names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

// Every `source:` of a tree, each once.
void collect_sources(const yaml::Node& node, std::set<std::string>& sources) {
  for (const yaml::Node& item : node.items) collect_sources(item, sources);
  for (const yaml::MapEntry& entry : node.entries) {
    if (entry.key.text == "source" && entry.value.is_scalar()) sources.insert(entry.value.text);
    collect_sources(entry.value, sources);
  }
}

std::vector<std::string> texts_of(const yaml::Node* node) {
  std::vector<std::string> texts;
  if (node == nullptr) return texts;
  if (node->is_scalar()) texts.push_back(node->text);
  for (const yaml::Node& item : node->items) texts.push_back(item.text);
  return texts;
}

}  // namespace

bool older_name(std::string_view a, std::string_view b) {
  std::size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const std::string_view x = number_at(a, i), y = number_at(b, j);
      if (x.size() != y.size()) return x.size() < y.size();
      if (x != y) return x < y;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
    }
  }
  return a.size() - i < b.size() - j;
}

std::string LibraryFiles::cpu_path(const std::string& name) const {
  return root_ + "/models/cpu/" + name + std::string(kEnding);
}
std::string LibraryFiles::proposal_path(const std::string& name) const {
  return root_ + "/models/proposals/" + name + std::string(kEnding);
}

std::vector<std::string> LibraryFiles::names_in(const std::string& folder) const {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (!name.ends_with(kEnding) || !entry.is_regular_file(error)) continue;
    names.push_back(name.substr(0, name.size() - kEnding.size()));
  }
  std::sort(names.begin(), names.end(), older_name);
  return names;
}

std::vector<std::string> LibraryFiles::cpu_names() const { return names_in(root_ + "/models/cpu"); }
std::vector<std::string> LibraryFiles::proposal_names() const {
  return names_in(root_ + "/models/proposals");
}

std::vector<VersionFile> LibraryFiles::versions(std::string_view kind) const {
  std::vector<VersionFile> all;
  const std::string folder = root_ + "/models/" + std::string(kind);
  for (const std::string& family : sorted_folders(folder)) {
    const std::string versions_folder = folder + "/" + family + "/versions";
    for (const std::string& name : names_in(versions_folder)) {
      all.push_back({family, name, versions_folder + "/" + name + std::string(kEnding)});
    }
  }
  return all;
}

std::optional<VersionFile> LibraryFiles::find_version(std::string_view kind,
                                                      const std::string& name) const {
  const std::vector<VersionFile> all = versions(kind);
  for (const VersionFile& version : all) {
    if (version.name == name) return version;
  }
  std::optional<VersionFile> newest;
  for (const VersionFile& version : all) {
    const auto aliases = describe("", version.family, version.name, version.path).aliases;
    if (std::find(aliases.begin(), aliases.end(), name) != aliases.end()) return version;
    if (version.family == name) newest = version;  // older ones come first
  }
  return newest;
}

Listed LibraryFiles::describe(std::string kind, std::string family, std::string name,
                              std::string path) const {
  Listed listed;
  listed.kind = std::move(kind);
  listed.family = std::move(family);
  listed.name = std::move(name);
  listed.file = std::move(path);
  const auto documents = yaml::load_file(listed.file);
  if (!documents.ok()) {
    listed.problems = documents.error();
    return listed;
  }
  if (documents.value().empty()) return listed;
  const yaml::Node& document = documents.value().front();
  for (const char* key : {"title", "text"}) {
    const yaml::Node* title = document.find(key);
    if (title != nullptr && listed.title.empty()) listed.title = title->text;
  }
  listed.aliases = texts_of(document.find("aliases"));
  std::set<std::string> sources;
  collect_sources(document, sources);
  for (const std::string& source : texts_of(document.find("sources"))) sources.insert(source);
  listed.sources.assign(sources.begin(), sources.end());
  return listed;
}

}  // namespace nptsim::models
