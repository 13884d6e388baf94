#include "sim/cli/recorded_point.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/scenario/canonical.h"
#include "sim/trace/draft.h"

namespace nptsim::cli {
namespace {

constexpr char kKernelKey[] = "kernel";

using Picks = std::vector<std::pair<std::string, std::string>>;

Picks without_kernel(Picks picks) {
  std::erase_if(picks, [](const auto& pick) { return pick.first == kKernelKey; });
  return picks;
}

// What the recorded point is by now, for whoever has to find out what has changed.
std::string hash_now(const trace::RecordedScenario& recorded, const LoadedFile& file) {
  for (const PointToRun& point : file.points) {
    if (point.point.scenario.picks != recorded.point) continue;
    return " (it is " + scenario::scenario_hash(point.point.scenario) + " now)";
  }
  return "";
}

Diagnostic has_changed(const trace::RecordedScenario& recorded, const LoadedFile& file) {
  return {recorded.pos,
          fmt::format("{} is not what was recorded: it has no point with the hash {}{}", file.file,
                      recorded.hash, hash_now(recorded, file)),
          "the scenario as it was, or a new recording", ""};
}

}  // namespace

LoadedFile recorded_point(const trace::Recording& recording, const std::string& file,
                          const std::vector<std::string>& kernels, models::Library& library) {
  const trace::RecordedScenario& recorded = *recording.scenario;
  const Documents documents = load_documents(file);
  LoadedFile all = points_of(documents, library);
  const auto found =
      std::find_if(all.points.begin(), all.points.end(), [&](const PointToRun& point) {
        return scenario::scenario_hash(point.point.scenario) == recorded.hash;
      });
  LoadedFile one{file, {}, {}, all.diagnostics};
  if (found == all.points.end()) {
    if (one.diagnostics.empty()) one.diagnostics.push_back(has_changed(recorded, all));
    return one;
  }
  one.diagnostics.clear();  // of other documents of the file
  const auto kernel = trace::kernel_named(recording.platform.kernel.value_or(""), kernels);
  if (!kernel) {
    one.points.push_back(*found);
    return one;
  }
  const LoadedFile there =
      points_with(documents, found->document, {{{kKernelKey, *kernel}}, {}}, library);
  const Picks picks = without_kernel(found->point.scenario.picks);
  for (const PointToRun& point : there.points) {
    if (without_kernel(point.point.scenario.picks) != picks) continue;
    one.points.push_back(point);
    return one;
  }
  one.diagnostics.push_back(
      {recorded.pos, fmt::format("the recorded point makes no sense with {}", *kernel), "", ""});
  return one;
}

}  // namespace nptsim::cli
