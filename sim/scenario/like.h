// `like:`: one scenario laid over another.
#ifndef NPTSIM_SIM_SCENARIO_LIKE_H_
#define NPTSIM_SIM_SCENARIO_LIKE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/yaml/files.h"
#include "sim/yaml/node.h"

namespace nptsim::scenario {

// Resolves the documents of one file.
class LikeResolver {
 public:
  LikeResolver(yaml::Files& files, Diagnostics& diagnostics)
      : files_(files), diagnostics_(diagnostics) {}

  // Document `index` of `file`, laid over what it is like; none when that cannot be.
  std::optional<yaml::Node> resolve(const yaml::Node& document, const std::string& file,
                                    std::size_t index);

 private:
  std::optional<yaml::Node> resolve_one(const yaml::Node& document,
                                        std::vector<std::string>& chain);
  std::optional<yaml::Node> lay_over(const yaml::Node& document, const yaml::Node& like,
                                     const std::string& path, std::vector<std::string>& chain);
  std::shared_ptr<const yaml::Node> first_document(const std::string& path, const yaml::Node& like);
  std::optional<yaml::Node> report(const yaml::Node& like, std::string found, std::string accepted);

  yaml::Files& files_;
  Diagnostics& diagnostics_;
  std::set<std::string> told_;  // files that cannot be read
  std::size_t nodes_ = 0;
};

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_LIKE_H_
