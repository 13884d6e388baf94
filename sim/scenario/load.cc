#include "sim/scenario/load.h"

#include <cstddef>
#include <utility>

#include "sim/scenario/like.h"
#include "sim/scenario/shape.h"
#include "sim/yaml/load.h"

namespace nptsim::scenario {
namespace {

constexpr std::size_t kMostShown = kEnoughDiagnostics - 1;

Loaded finish(std::vector<Scenario> scenarios, Diagnostics diagnostics) {
  if (diagnostics.empty()) return scenarios;
  if (diagnostics.size() > kMostShown) {
    diagnostics.resize(kMostShown);
    diagnostics.push_back({{diagnostics[0].pos.file, 0, 0}, "more errors are not shown", "", ""});
  }
  return diagnostics;
}

Loaded read_all(const std::vector<yaml::Node>& documents, const std::string& file,
                yaml::Files& files) {
  std::vector<Scenario> scenarios;
  Diagnostics diagnostics;
  LikeResolver resolver(files, diagnostics);
  for (std::size_t i = 0; i < documents.size() && diagnostics.size() <= kMostShown; ++i) {
    const std::optional<yaml::Node> tree = resolver.resolve(documents[i], file, i);
    if (!tree) continue;
    Result<Scenario, Diagnostics> scenario = read_scenario(*tree);
    if (scenario) {
      scenarios.push_back(std::move(scenario).value());
    } else {
      append(diagnostics, scenario.error());
    }
  }
  if (documents.empty()) {
    diagnostics.push_back(
        {{file, 0, 0}, "there is no scenario in the file", "nptsim: 1 and so on", ""});
  }
  return finish(std::move(scenarios), std::move(diagnostics));
}

}  // namespace

Loaded load_file(const std::string& path, yaml::Files& files) {
  const auto documents = files.get(path);
  if (!documents) return documents.error();
  return read_all(*documents.value(), path, files);
}

Loaded load_file(const std::string& path) {
  yaml::Files files;
  return load_file(path, files);
}

Loaded load_text(std::string_view text, const std::string& file_name) {
  const auto documents = yaml::load_text(text, file_name);
  if (!documents) return documents.error();
  yaml::Files files;
  return read_all(documents.value(), file_name, files);
}

}  // namespace nptsim::scenario
