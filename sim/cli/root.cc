#include "sim/cli/root.h"

#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace nptsim::cli {
namespace {

namespace fs = std::filesystem;

// The versions of a kernel are what counts: a folder of build results has `models/kernel` too.
bool has_models(const fs::path& folder) {
  std::error_code error;
  for (const fs::directory_entry& family :
       fs::directory_iterator(folder / "models" / "kernel", error)) {
    std::error_code ignored;
    if (fs::is_directory(family.path() / "versions", ignored)) return true;
  }
  return false;
}

// The nearest folder that has models, from `folder` upwards; empty if there is none.
fs::path upwards(fs::path folder) {
  for (;;) {
    if (has_models(folder)) return folder;
    const fs::path parent = folder.parent_path();
    if (parent == folder || parent.empty()) return {};
    folder = parent;
  }
}

Diagnostics missing(std::string found) {
  Diagnostic diagnostic;
  diagnostic.found = std::move(found);
  diagnostic.accepted = "NPTSIM_ROOT set to nptsim's folder, or a start by its launcher ./nptsim";
  return {diagnostic};
}

}  // namespace

Result<std::string, Diagnostics> find_root() {
  if (const char* named = std::getenv("NPTSIM_ROOT"); named != nullptr && *named != '\0') {
    if (has_models(named)) return std::string(named);
    return missing("NPTSIM_ROOT is '" + std::string(named) + "', and there are no models in it");
  }
  std::error_code error;
  const fs::path binary = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    if (const fs::path root = upwards(binary.parent_path()); !root.empty()) return root.string();
  }
  const fs::path here = fs::current_path(error);
  if (!error) {
    if (const fs::path root = upwards(here); !root.empty()) return root.string();
  }
  return missing("the folder of nptsim's models is not found");
}

std::string without_root(const std::string& path, const std::string& root) {
  const std::string prefix = root.ends_with('/') ? root : root + "/";
  return path.starts_with(prefix) ? path.substr(prefix.size()) : path;
}

}  // namespace nptsim::cli
