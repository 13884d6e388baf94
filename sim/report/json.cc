#include "sim/report/json.h"

#include <fmt/format.h>

#include "sim/report/outcome_text.h"
#include "sim/report/text.h"

namespace nptsim::report {
namespace {

Json summary_json(const Summary& summary) {
  Json json = {{"passed", summary.passed}, {"failed", summary.failed}, {"errors", summary.errors}};
  json["invalid"] = summary.invalid;
  return json;
}

Json invalid_json(const InvalidPoint& point) {
  Json json;
  json["file"] = point.file;
  json["name"] = point.name;
  json["point"] = to_json(point.point);
  json["why"] = point.why;
  return json;
}

Json coverage_json(const ModelCoverage& model) {
  Json json;
  json["model"] = model.model;
  json["reached"] = Json::object();
  json["never"] = Json::array();
  for (const ModelCoverage::Row& row : model.rows) {
    if (row.times > 0) {
      json["reached"][row.id] = row.times;
    } else {
      json["never"].push_back(row.id);
    }
  }
  return json;
}

template <class Item>
Json list_json(const std::vector<Item>& items, Json (*one)(const Item&)) {
  Json list = Json::array();
  for (const Item& item : items) list.push_back(one(item));
  return list;
}

}  // namespace

std::string dump(const Json& json, int indent) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace);
}

Json to_json(const PointValues& point) {
  Json json = Json::object();
  for (const auto& [key, value] : point) json[key] = value;
  return json;
}

Json to_json(const machine::Outcome& outcome) {
  Json json;
  json["outcome"] = machine::name_of(outcome.kind);
  if (outcome.kind == machine::OutcomeKind::kSpins) json["kind"] = machine::name_of(outcome.spin);
  if (outcome.vector) json["vector"] = *outcome.vector;
  if (outcome.error_code) json["error_code"] = hex(*outcome.error_code);
  if (outcome.reason_set) json["reason_set"] = *outcome.reason_set;
  if (outcome.reason_code) json["reason_code"] = *outcome.reason_code;
  if (!outcome.at.empty()) json["at"] = outcome.at;
  if (!outcome.who.empty()) json["who"] = outcome.who;
  if (!outcome.text.empty()) json["text"] = outcome.text;
  if (outcome.process_alive) json["process_alive"] = *outcome.process_alive;
  if (!outcome.loop.empty()) json["loop"] = outcome.loop;
  return json;
}

Json outcomes_json(const machine::RunResult& run) {
  Json json = Json::object();
  for (std::size_t i = 0; i < run.vcpus.size(); ++i) {
    Json one = to_json(run.vcpus[i]);
    Json registers = Json::object();
    for (const auto& [name, value] : values_read(run.vcpus[i])) registers[name] = hex(value);
    one["registers"] = std::move(registers);
    json[fmt::format("vcpu{}", i)] = std::move(one);
  }
  return json;
}

Json to_json(const Diagnostic& diagnostic) {
  Json json;
  json["file"] = diagnostic.pos.file;
  json["line"] = diagnostic.pos.line;
  json["column"] = diagnostic.pos.column;
  json["found"] = diagnostic.found;
  json["accepted"] = diagnostic.accepted;
  json["suggestion"] = diagnostic.suggestion;
  json["text"] = to_string(diagnostic);
  return json;
}

Json to_json(const PointResult& result) {
  Json json;
  json["file"] = result.file;
  json["name"] = result.name;
  json["point"] = to_json(result.point);
  json["status"] = name_of(result.status);
  json["why"] = result.why;
  json["outcomes"] = result.run ? outcomes_json(*result.run) : Json::object();
  json["vm"] = result.run ? to_json(result.run->vm) : Json();
  json["harm"] = result.run ? Json(result.run->harm) : Json::array();
  json["seen_by"] = result.run ? Json(result.run->seen_by) : Json();
  json["hash"] = result.hash;
  json["differences"] = result.differences;
  if (result.xfail) json["xfail"] = true;
  if (!result.golden.empty()) json["golden"] = result.golden;
  return json;
}

Json to_json(const Report& report) {
  Json json;
  json["nptsim"] = 1;
  json["verb"] = report.verb;
  json["results"] = list_json<PointResult>(report.results, to_json);
  json["summary"] = summary_json(summarize(report));
  json["errors"] = list_json<Diagnostic>(report.diagnostics, to_json);
  json["invalid"] = list_json(report.invalid, invalid_json);
  if (!report.promoted.empty()) json["promoted"] = report.promoted;
  if (report.coverage) json["coverage"] = list_json(*report.coverage, coverage_json);
  if (report.interrupted) json["interrupted"] = true;
  return json;
}

std::string print_json(const Report& report) { return dump(to_json(report), 1) + "\n"; }

}  // namespace nptsim::report
