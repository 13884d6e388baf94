// A comparison of models for programs and for browsers.
#include <fmt/format.h>

#include "sim/report/diff_text.h"
#include "sim/report/json.h"
#include "sim/report/outcome_text.h"
#include "sim/report/text.h"

namespace nptsim::report {
namespace {

Json side_json(const PartingSide& side) {
  Json json;
  json["event"] = side.event;
  json["layer"] = side.layer;
  json["rule"] = side.rule;
  json["text"] = side.text;
  json["source"] = side.source;
  json["evidence"] = side.evidence;
  return json;
}

Json cell_json(const DiffCell& cell, const DiffModel& model) {
  Json json;
  json["model"] = model.label;
  if (!cell.result) {
    json["invalid"] = cell.invalid;
    return json;
  }
  const PointResult& result = *cell.result;
  json["outcomes"] = result.run ? outcomes_json(*result.run) : Json::object();
  json["vm"] = result.run ? to_json(result.run->vm) : Json();
  json["harm"] = result.run ? Json(result.run->harm) : Json::array();
  json["seen_by"] = result.run ? Json(result.run->seen_by) : Json();
  if (!result.why.empty()) json["why"] = result.why;
  if (cell.parting) {
    json["parting"]["before"] = side_json(cell.parting->before);
    json["parting"]["after"] = side_json(cell.parting->after);
  }
  return json;
}

const char* status_of(const DiffRow& row) {
  if (row.invalid()) return "invalid";
  return row.changed() ? "changed" : "same";
}

Json row_json(const DiffRow& row, const DiffReport& report) {
  Json json;
  json["file"] = row.file;
  json["name"] = row.name;
  json["point"] = to_json(row.point);
  json["status"] = status_of(row);
  json["models"] = Json::array();
  for (std::size_t i = 0; i < row.cells.size(); ++i) {
    json["models"].push_back(cell_json(row.cells[i], report.models[i]));
  }
  return json;
}

Json models_json(const DiffReport& report) {
  Json list = Json::array();
  for (const DiffModel& model : report.models) {
    Json one;
    one["model"] = model.label;
    one["overlays"] = Json::array();
    for (const DiffOverlay& overlay : model.overlays) {
      one["overlays"].push_back(
          {{"name", overlay.name}, {"text", overlay.text}, {"source", overlay.source}});
    }
    list.push_back(std::move(one));
  }
  return list;
}

// --- HTML ---

constexpr char kHead[] =
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>nptsim diff</title>\n"
    "<style>\n"
    "body{font:15px/1.4 sans-serif;margin:2em}table{border-collapse:collapse}\n"
    "th,td{border:1px solid #bbb;padding:.3em .6em;text-align:left;vertical-align:top}\n"
    "th{background:#eee}td.other{background:#fff3c4}code{font-size:90%}\n"
    ".source{color:#666}summary{cursor:pointer}\n"
    "</style></head><body>\n";

void add_side(const DiffModel& model, const PartingSide& side, std::string& out) {
  out += "<dt>" + markup(model.label) + "</dt><dd><code>" +
         markup(side.event.empty() ? "(nothing more)" : side.event) + "</code>";
  if (!side.rule.empty()) out += " <b>[" + markup(side.rule) + "]</b>";
  if (!side.text.empty()) out += "<br>" + markup(side.text);
  if (!side.source.empty()) {
    out += "<br><span class=\"source\">" + markup(side.source) + " (" + markup(side.evidence) +
           ")</span>";
  }
  out += "</dd>\n";
}

void add_details(const DiffGroup& group, const DiffReport& report, std::string& out) {
  for (std::size_t i = 1; i < report.models.size(); ++i) {
    const auto& parting = group.first().cells[i].parting;
    if (!parting) continue;
    out += "<details><summary>where the runs part</summary><dl>\n";
    add_side(report.models[0], parting->before, out);
    add_side(report.models[i], parting->after, out);
    out += "</dl></details>\n";
  }
}

void add_row(const DiffGroup& group, const DiffReport& report, std::string& out) {
  out += "<tr><td><b>" + markup(group.first().name) + "</b><br>" + markup(group.first().file);
  if (!group.points().empty()) out += "<br>" + markup(group.points());
  add_details(group, report, out);
  out += "</td>";
  for (const std::string& cell : group.cells) {
    out += cell == group.cells.front() ? "<td>" : "<td class=\"other\">";
    out += markup(cell) + "</td>";
  }
  out += "</tr>\n";
}

}  // namespace

std::string print_diff_json(const DiffReport& report) {
  const DiffSummary sum = summarize(report);
  Json json;
  json["nptsim"] = 1;
  json["verb"] = "diff";
  json["models"] = models_json(report);
  json["results"] = Json::array();
  for (const DiffRow& row : report.rows) json["results"].push_back(row_json(row, report));
  // What did not change has passed.
  json["summary"] = {{"passed", sum.same}, {"failed", sum.changed}, {"errors", sum.errors}};
  json["summary"]["invalid"] = sum.invalid;
  json["errors"] = Json::array();
  for (const Diagnostic& one : report.diagnostics) json["errors"].push_back(to_json(one));
  json["not_applicable"] = Json::array();
  for (const InvalidPoint& one : report.not_applicable) {
    json["not_applicable"].push_back({{"file", one.file}, {"name", one.name}, {"why", one.why}});
  }
  if (report.interrupted) json["interrupted"] = true;
  return dump(json, 1) + "\n";
}

std::string print_diff_html(const DiffReport& report) {
  std::string out = kHead;
  out += "<h1>What changes</h1>\n";
  for (const DiffModel& model : report.models) {
    out += "<p><b>" + markup(model.label) + "</b>";
    for (const DiffOverlay& overlay : model.overlays) {
      out += "<br>" + markup(overlay.text) + " <span class=\"source\">" + markup(overlay.source) +
             "</span>";
    }
    out += "</p>\n";
  }
  out += "<table><tr><th>scenario</th>";
  for (const DiffModel& model : report.models) out += "<th>" + markup(model.label) + "</th>";
  out += "</tr>\n";
  for (const DiffGroup& group : changed_groups(report)) add_row(group, report, out);
  const DiffSummary sum = summarize(report);
  out += fmt::format("</table>\n<p>{} changed, {} the same, {} invalid, {} not applicable.</p>\n",
                     sum.changed, sum.same, sum.invalid, report.not_applicable.size());
  return out + "</body></html>\n";
}

}  // namespace nptsim::report
