#include "sim/report/golden.h"

#include <fmt/format.h>

#include <set>

#include "sim/report/json.h"
#include "sim/report/milestones.h"
#include "sim/report/text.h"
#include "sim/report/text_diff.h"

namespace nptsim::report {
namespace {

constexpr char kWhatHelps[] = "`nptsim run --promote` writes it anew";

Json point_json(const PointResult& result) {
  Json json;
  json["name"] = result.name;
  json["point"] = to_json(result.point);
  json["outcomes"] = outcomes_json(*result.run);
  // Where a round of a spin was entered is the runner's matter.
  for (auto& outcome : json["outcomes"]) outcome.erase("loop");
  json["vm"] = to_json(result.run->vm);
  json["harm"] = result.run->harm;
  json["seen_by"] = result.run->seen_by;
  json["events"] = digest_of(result.milestones);
  return json;
}

// Names of points; the second document of the same name is another one.
class Keys {
 public:
  std::string next(const std::string& name, const PointValues& point) {
    const std::string key = point.empty() ? name : name + " [" + describe(point) + "]";
    const unsigned times = ++met_[key];
    return times == 1 ? key : fmt::format("{} #{}", key, times);
  }

 private:
  std::map<std::string, unsigned> met_;
};

// The digest is replaced by what it stands for, so that a diff shows which decision changed.
std::vector<std::string> lines_of(Json point, const std::vector<std::string>& events) {
  point.erase("events");
  std::vector<std::string> lines = split_lines(dump(point, 1));
  for (const std::string& line : events) lines.push_back("event: " + line);
  return lines;
}

bool is_texts(const Json& json) {
  if (!json.is_array()) return false;
  for (const Json& item : json) {
    if (!item.is_string()) return false;
  }
  return true;
}

bool is_golden(const Json& json) {
  if (!json.is_object() || json.value("golden", Json()) != Json(1)) return false;
  if (!json.contains("points") || !json["points"].is_array()) return false;
  if (!json.contains("events") || !json["events"].is_object()) return false;
  for (const auto& [digest, lines] : json["events"].items()) {
    if (!is_texts(lines)) return false;
  }
  for (const Json& point : json["points"]) {
    if (!point.is_object() || !point.contains("name") || !point["name"].is_string()) return false;
    if (!point.contains("point") || !point["point"].is_object()) return false;
    for (const auto& [key, value] : point["point"].items()) {
      if (!value.is_string()) return false;
    }
    if (!point.contains("events") || !point["events"].is_string()) return false;
    if (!json["events"].contains(point["events"].get<std::string>())) return false;
  }
  return true;
}

void fail(PointResult& result, std::vector<std::string> lines) {
  result.golden = std::move(lines);
  if (result.status != Status::kPass) return;
  result.status = Status::kFail;
  result.xfail = false;
}

}  // namespace

std::string golden_path(std::string_view scenario_file) {
  for (const std::string_view extension : {".yaml", ".yml"}) {
    if (scenario_file.ends_with(extension)) scenario_file.remove_suffix(extension.size());
  }
  return std::string(scenario_file) + ".golden.json";
}

std::string golden_text(const std::vector<const PointResult*>& results) {
  Json json;
  json["nptsim"] = 1;
  json["golden"] = 1;
  json["points"] = Json::array();
  std::map<std::string, std::vector<std::string>> events;  // points with the same story share it
  for (const PointResult* result : results) {
    if (!result->run) continue;
    json["points"].push_back(point_json(*result));
    events[digest_of(result->milestones)] = result->milestones;
  }
  json["events"] = Json::object();
  for (const auto& [digest, lines] : events) json["events"][digest] = lines;
  return dump(json, 1) + "\n";
}

Result<Golden, Diagnostics> read_golden(std::string_view text, const std::string& file) {
  const Json json = Json::parse(text.begin(), text.end(), nullptr, false);
  if (json.is_discarded() || !is_golden(json)) {
    Diagnostic diagnostic;
    diagnostic.pos.file = file;
    diagnostic.found = "this is no golden file that nptsim has written";
    diagnostic.suggestion = kWhatHelps;
    return Diagnostics{diagnostic};
  }
  Golden golden;
  Keys keys;
  for (const Json& point : json["points"]) {
    PointValues values;
    for (const auto& [key, value] : point["point"].items()) values.emplace_back(key, value);
    const auto events = json["events"][point["events"].get<std::string>()];
    golden.points[keys.next(point["name"], values)] =
        lines_of(point, events.get<std::vector<std::string>>());
  }
  return golden;
}

void compare_with_golden(const Golden& golden, const std::string& file,
                         const std::vector<PointResult*>& results,
                         std::vector<PointResult>& additional) {
  std::set<std::string> met;
  Keys keys;
  for (PointResult* result : results) {
    const std::string key = keys.next(result->name, result->point);
    met.insert(key);
    if (!result->run) continue;
    const auto found = golden.points.find(key);
    if (found == golden.points.end()) {
      fail(*result, {"(it is not in there; " + std::string(kWhatHelps) + ")"});
      continue;
    }
    const auto lines = lines_of(point_json(*result), result->milestones);
    if (auto difference = diff_lines(found->second, lines); !difference.empty()) {
      fail(*result, std::move(difference));
    }
  }
  for (const auto& [key, lines] : golden.points) {
    if (met.contains(key)) continue;
    PointResult gone;
    gone.file = file;
    gone.name = key;
    gone.why = "the golden file has it, the scenario file has not; " + std::string(kWhatHelps);
    gone.status = Status::kFail;
    additional.push_back(std::move(gone));
  }
}

}  // namespace nptsim::report
