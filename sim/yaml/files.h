// Files that several readers want: each is read once.
#ifndef NPTSIM_SIM_YAML_FILES_H_
#define NPTSIM_SIM_YAML_FILES_H_

#include <memory>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/once.h"
#include "sim/base/result.h"
#include "sim/yaml/node.h"

namespace nptsim::yaml {

using Documents = std::shared_ptr<const std::vector<Node>>;
Result<Documents, Diagnostics> shared(Result<std::vector<Node>, Diagnostics> documents);

// As they are when somebody asks first. For any number of threads.
class Files {
 public:
  Result<Documents, Diagnostics> get(const std::string& path);

 private:
  Once<Result<Documents, Diagnostics>> files_;
};

}  // namespace nptsim::yaml

#endif  // NPTSIM_SIM_YAML_FILES_H_
