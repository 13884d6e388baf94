#include "sim/cli/points.h"

#include <algorithm>
#include <set>
#include <span>
#include <utility>

#include "sim/scenario/build.h"
#include "sim/scenario/find.h"
#include "sim/scenario/load.h"

namespace nptsim::cli {
namespace {

void append(Diagnostics& to, const Diagnostics& from) {
  to.insert(to.end(), from.begin(), from.end());
}

// Adds the points of one document.
void take_points(LoadedFile& file, std::vector<scenario::Point> points) {
  const bool none_fits = std::all_of(points.begin(), points.end(), [](const scenario::Point& one) {
    return !one.invalid.empty();
  });
  // Then no point is among others that make sense: the scenario itself is wrong.
  if (none_fits && !points.empty()) {
    const scenario::Scenario& first = points.front().scenario;
    const std::string points_text = points.size() == 1 ? "" : "every point contradicts itself: ";
    file.diagnostics.push_back({first.pos, points_text + points.front().invalid, "", ""});
    return;
  }
  for (scenario::Point& point : points) {
    if (point.invalid.empty()) {
      file.points.push_back({file.file, std::move(point)});
    } else {
      file.invalid.push_back({file.file, point.scenario.name, std::move(point.scenario.picks),
                              std::move(point.invalid)});
    }
  }
}

}  // namespace

std::vector<FoundFile> find_all(const std::vector<std::string>& paths) {
  std::vector<FoundFile> found;
  std::set<std::string> known;
  for (const std::string& path : paths) {
    const auto files = scenario::find_files(std::span(&path, 1));
    if (!files.ok()) {
      found.push_back({path, files.error()});
      continue;
    }
    for (const std::string& file : files.value()) {
      if (known.insert(file).second) found.push_back({file, {}});
    }
  }
  return found;
}

LoadedFile load_points(const std::string& file, models::Library& library) {
  LoadedFile loaded;
  loaded.file = file;
  auto documents = scenario::load_file(file);
  if (!documents.ok()) {
    loaded.diagnostics = documents.error();
    return loaded;
  }
  const auto contradiction = [&library](const scenario::Scenario& point) {
    return scenario::contradiction(point, library);
  };
  for (const scenario::Scenario& document : documents.value()) {
    auto points = scenario::expand(document, contradiction);
    if (!points.ok()) {
      append(loaded.diagnostics, points.error());
      continue;
    }
    take_points(loaded, std::move(points).value());
  }
  if (documents.value().empty()) {
    loaded.diagnostics.push_back({{file, 0, 0}, "there is no scenario in this file", "", ""});
  }
  return loaded;
}

}  // namespace nptsim::cli
