#include "sim/scenario/find.h"

#include <algorithm>
#include <filesystem>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

namespace nptsim::scenario {
namespace {

namespace fs = std::filesystem;

// The same for every locale and file system.
bool by_bytes(const std::string& a, const std::string& b) {
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) {
    return static_cast<unsigned char>(x) < static_cast<unsigned char>(y);
  });
}

bool is_scenario_name(std::string_view name) {
  return name.ends_with(".yaml") && !name.starts_with('.') && !name.ends_with(".golden.yaml") &&
         !name.ends_with(".base.yaml") && name != "base.yaml";
}

Diagnostic about(const std::string& path, std::string found, std::string accepted) {
  return {{path, 0, 0}, std::move(found), std::move(accepted), ""};
}

void find_below(const std::string& folder, std::vector<std::string>& files,
                Diagnostics& diagnostics) {
  std::error_code error;
  auto entry = fs::recursive_directory_iterator(folder, error);
  const std::size_t before = files.size();
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name.starts_with('.')) {
      entry.disable_recursion_pending();
    } else if (is_scenario_name(name) && entry->is_regular_file(ignored)) {
      files.push_back(entry->path().lexically_normal().string());
    }
  }
  if (error) {
    diagnostics.push_back(about(folder, "the folder cannot be read", ""));
  } else if (files.size() == before) {
    diagnostics.push_back(
        about(folder, "there is no scenario in the folder", "files named *.yaml"));
  }
}

}  // namespace

Result<std::vector<std::string>, Diagnostics> find_files(std::span<const std::string> paths) {
  std::vector<std::string> all;
  std::set<std::string> known;
  Diagnostics diagnostics;
  for (const std::string& path : paths) {
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    std::vector<std::string> files;
    if (path.empty() || !fs::exists(status)) {
      diagnostics.push_back(about(path, "no such file or folder", "scenario files and folders"));
    } else if (fs::is_directory(status)) {
      find_below(path, files, diagnostics);
    } else {
      files.push_back(path);
    }
    std::sort(files.begin(), files.end(), by_bytes);
    for (std::string& file : files) {
      if (known.insert(fs::path(file).lexically_normal().string()).second) {
        all.push_back(std::move(file));
      }
    }
  }
  if (!diagnostics.empty()) return diagnostics;
  return all;
}

}  // namespace nptsim::scenario
