#include "sim/scenario/matrix.h"

#include <algorithm>
#include <utility>

#include "sim/scenario/read_scenario.h"
#include "sim/scenario/settings.h"

namespace nptsim::scenario {
namespace {

// Each point reads the whole tree again.
constexpr std::size_t kMaxWork = 1'000'000;

// The number of points, or what is wrong with it.
Result<std::size_t, Diagnostics> count_points(const Scenario& scenario) {
  const std::size_t nodes = yaml::count_nodes(*scenario.tree, 16);
  std::size_t points = 1;
  for (const Setting& setting : scenario.set) {
    points *= setting.values.size();
    if (points <= kMaxPoints && points * nodes <= kMaxWork) continue;
    const std::size_t most = std::min(kMaxPoints, kMaxWork / nodes);
    return Diagnostics{{setting.key.pos,
                        "set: the lists make more than " + std::to_string(most) + " points",
                        "fewer or shorter lists", ""}};
  }
  return points;
}

// The settings of point `index`; the last list turns fastest.
std::vector<Setting> settings_of(const Scenario& scenario, std::size_t index) {
  std::vector<Setting> settings = scenario.set;
  for (auto setting = settings.rbegin(); setting != settings.rend(); ++setting) {
    const std::size_t count = setting->values.size();
    setting->values = {setting->values[index % count]};
    index /= count;
  }
  return settings;
}

}  // namespace

Point make_point(Scenario read, const std::vector<Setting>& settings,
                 const Diagnostics& contradictions, const Contradiction& contradiction) {
  Point point;
  point.scenario = std::move(read);
  point.scenario.set.clear();
  for (const Setting& setting : settings) {
    if (setting.is_list) {
      point.scenario.picks.emplace_back(setting.key.value, setting.values[0].value);
    }
    if (is_parameter(setting)) point.scenario.set.push_back(setting);
  }
  if (!contradictions.empty()) {
    point.invalid = contradictions[0].found;
  } else if (contradiction) {
    point.invalid = contradiction(point.scenario).value_or("");
  }
  return point;
}

Result<std::vector<Point>, Diagnostics> expand(const Scenario& scenario,
                                               const Contradiction& contradiction) {
  const bool matrix = std::any_of(scenario.set.begin(), scenario.set.end(),
                                  [](const Setting& setting) { return setting.is_list; });
  if (!matrix) {  // read already, and nothing contradicts itself
    Scenario read = scenario;
    read.tree = nullptr;
    return std::vector<Point>{make_point(std::move(read), scenario.set, {}, contradiction)};
  }
  const auto count = count_points(scenario);
  if (!count) return count.error();
  std::vector<Point> points;
  Diagnostics contradictions;
  for (std::size_t index = 0; index < count.value(); ++index) {
    const std::vector<Setting> settings = settings_of(scenario, index);
    Reading reading = read_point(*scenario.tree, settings);
    if (!reading.wrong.empty()) return reading.wrong;
    if (index == 0) contradictions = reading.contradictions;
    points.push_back(
        make_point(std::move(reading.scenario), settings, reading.contradictions, contradiction));
  }
  const bool none_fits = std::all_of(points.begin(), points.end(),
                                     [](const Point& point) { return !point.invalid.empty(); });
  if (none_fits && !contradictions.empty()) return contradictions;
  return points;
}

const Expectation* expectation_for(const Scenario& point) {
  for (const ExpectCase& one : point.expect) {
    const bool holds = std::all_of(one.when.begin(), one.when.end(), [&point](const auto& claim) {
      const auto value = point.setting(claim.first.value);
      return value && std::any_of(claim.second.begin(), claim.second.end(),
                                  [&](const Text& text) { return text.value == *value; });
    });
    if (holds) return &one.expectation;
  }
  return nullptr;
}

}  // namespace nptsim::scenario
