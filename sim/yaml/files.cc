#include "sim/yaml/files.h"

#include <utility>

#include "sim/yaml/load.h"

namespace nptsim::yaml {

Result<Documents, Diagnostics> shared(Result<std::vector<Node>, Diagnostics> documents) {
  if (!documents.ok()) return documents.error();
  return std::make_shared<const std::vector<Node>>(std::move(documents).value());
}

Result<Documents, Diagnostics> Files::get(const std::string& path) {
  return files_.get(path, [&] { return shared(load_file(path)); });
}

}  // namespace nptsim::yaml
