// Where the files of models lie, and what can be told of them without checking their rules.
//
//     models/cpu/NAME.yaml
//     models/KIND/FAMILY/versions/NAME.yaml      KIND: kernel, vmm, guest
//     models/proposals/NAME.yaml
#ifndef NPTSIM_MODELS_LIBRARY_FILES_H_
#define NPTSIM_MODELS_LIBRARY_FILES_H_

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "models/library.h"

namespace nptsim::models {

// A version of a model on the disk.
struct VersionFile {
  std::string family;
  std::string name;
  std::string path;
};

class LibraryFiles {
 public:
  explicit LibraryFiles(std::string root) : root_(std::move(root)) {}

  const std::string& root() const { return root_; }
  std::string cpu_path(const std::string& name) const;
  std::string proposal_path(const std::string& name) const;
  std::vector<std::string> cpu_names() const;
  std::vector<std::string> proposal_names() const;

  // The versions of all families of a kind, by family, older ones first.
  std::vector<VersionFile> versions(std::string_view kind) const;
  // By its own name, by one of its aliases, or the newest of a family by the family's name.
  std::optional<VersionFile> find_version(std::string_view kind, const std::string& name) const;

  // What a file says of itself.
  Listed describe(std::string kind, std::string family, std::string name, std::string path) const;

 private:
  std::vector<std::string> names_in(const std::string& folder) const;

  std::string root_;
};

// "kvm-6.8" before "kvm-6.11": numbers in names compare as numbers.
bool older_name(std::string_view a, std::string_view b);

}  // namespace nptsim::models

#endif  // NPTSIM_MODELS_LIBRARY_FILES_H_
