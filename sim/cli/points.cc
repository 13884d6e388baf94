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

void take_invalid(LoadedFile& file, scenario::Point& point) {
  file.invalid.push_back(
      {file.file, point.scenario.name, std::move(point.scenario.picks), std::move(point.invalid)});
}

// Adds the points of one document.
void take_points(LoadedFile& file, std::size_t document, std::vector<scenario::Point> points) {
  for (scenario::Point& point : points) {
    if (point.invalid.empty()) {
      file.points.push_back({file.file, std::move(point), document});
    } else {
      take_invalid(file, point);
    }
  }
}

// Then no point is among others that make sense: the scenario itself is wrong.
bool none_fits(const std::vector<scenario::Point>& points) {
  return !points.empty() &&
         std::all_of(points.begin(), points.end(),
                     [](const scenario::Point& one) { return !one.invalid.empty(); });
}

Diagnostic nothing_fits(const std::vector<scenario::Point>& points) {
  const std::string many = points.size() == 1 ? "" : "every point contradicts itself: ";
  return {points.front().scenario.pos, many + points.front().invalid, "", ""};
}

auto expanded(const scenario::Scenario& document, models::Library& library) {
  return scenario::expand(document, [&library](const scenario::Scenario& point) {
    return scenario::contradiction(point, library);
  });
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

namespace {

Documents documents_of(const std::string& file, scenario::Loaded documents) {
  Documents loaded{file, {}, {}};
  if (!documents.ok()) {
    loaded.diagnostics = documents.error();
  } else if (documents.value().empty()) {
    loaded.diagnostics.push_back({{file, 0, 0}, "there is no scenario in this file", "", ""});
  } else {
    loaded.documents = std::move(documents).value();
  }
  return loaded;
}

}  // namespace

Documents load_documents(const std::string& file, yaml::Files& files) {
  return documents_of(file, scenario::load_file(file, files));
}

Documents load_documents(const std::string& file) {
  yaml::Files files;
  return load_documents(file, files);
}

LoadedFile points_of(const Documents& documents, models::Library& library) {
  LoadedFile loaded{documents.file, {}, {}, documents.diagnostics};
  for (std::size_t i = 0; i < documents.documents.size(); ++i) {
    auto points = expanded(documents.documents[i], library);
    if (!points.ok()) {
      append(loaded.diagnostics, points.error());
    } else if (none_fits(points.value())) {
      loaded.diagnostics.push_back(nothing_fits(points.value()));
    } else {
      take_points(loaded, i, std::move(points).value());
    }
  }
  return loaded;
}

LoadedFile load_points(const std::string& file, models::Library& library) {
  return points_of(load_documents(file), library);
}

LoadedFile load_points_of(const std::string& text, const std::string& name,
                          models::Library& library) {
  return points_of(documents_of(name, scenario::load_text(text, name)), library);
}

Result<const PointToRun*, Diagnostics> find_point(const LoadedFile& file, std::uint64_t number) {
  if (!file.diagnostics.empty() && file.points.empty()) return file.diagnostics;
  if (number >= 1 && number <= file.points.size()) return &file.points[number - 1];
  return Diagnostics{{{file.file, 0, 0},
                      "there is no point " + std::to_string(number),
                      "1 to " + std::to_string(file.points.size()),
                      ""}};
}

LoadedFile points_with(const Documents& documents, std::size_t document,
                       const scenario::ModelsChange& change, models::Library& library) {
  LoadedFile loaded{documents.file, {}, {}, {}};
  const scenario::Scenario& own = documents.documents[document];
  const auto refuse = [&](const Diagnostics& why) {
    loaded.invalid.push_back({loaded.file, own.name, {}, why.empty() ? "" : why.front().found});
  };
  const auto read = scenario::read_scenario(scenario::with_models(*own.tree, change));
  if (!read.ok()) {
    refuse(read.error());
    return loaded;
  }
  auto points = expanded(read.value(), library);
  if (points.ok()) {
    take_points(loaded, document, std::move(points).value());
  } else {
    refuse(points.error());
  }
  return loaded;
}

}  // namespace nptsim::cli
