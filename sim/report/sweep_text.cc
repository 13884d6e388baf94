// A whole sweep as a table with a letter for each outcome, and for programs.
#include <fmt/format.h>

#include <algorithm>

#include "sim/report/json.h"
#include "sim/report/sweep.h"
#include "sim/report/sweep_grid.h"
#include "sim/report/text.h"

namespace nptsim::report {
namespace {

// More lines tell a person nothing.
constexpr std::size_t kMostRows = 400;

std::string quoted(const std::string& text) {
  if (text.find_first_of(",\"\n\r") == std::string::npos) return text;
  std::string out = "\"";
  for (const char c : text) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

std::vector<std::size_t> counts_of(const Sweep& sweep) {
  std::vector<std::size_t> counts(sweep.cells.size());
  for (const std::uint32_t cell : sweep.points) ++counts[cell];
  return counts;
}

std::string axes_text(const Sweep& sweep, const std::vector<std::size_t>& relevant) {
  std::string out;
  for (std::size_t i = 0; i < sweep.axes.size(); ++i) {
    const SweepAxis& axis = sweep.axes[i];
    const bool matters = std::find(relevant.begin(), relevant.end(), i) != relevant.end();
    out += fmt::format("  {}: {} value{}{}\n", axis.key, axis.values.size(),
                       axis.values.size() == 1 ? "" : "s",
                       matters ? "" : ", changes nothing and is not shown");
  }
  return out;
}

}  // namespace

std::string print_sweep(const Sweep& sweep, const std::string& columns) {
  const SweepGrid grid(sweep, columns);
  std::string out = printable(sweep.file + ": " + sweep.name) + "\n";
  out += axes_text(sweep, grid.relevant()) + "\n";
  const std::vector<std::size_t> counts = counts_of(sweep);
  std::vector<std::vector<std::string>> legend;
  for (const std::uint32_t cell : grid.by_frequency()) {
    const SweepCell& one = sweep.cells[cell];
    legend.push_back({grid.letter(cell), one.outcome,
                      fmt::format("{} point{}", counts[cell], counts[cell] == 1 ? "" : "s"),
                      one.seen_by.empty() ? "" : "seen by " + one.seen_by, one.why});
  }
  for (const std::string& line : table(legend)) out += printable(line) + "\n";
  if (grid.relevant().empty()) return out;
  out += "\n";
  if (grid.rows() > kMostRows) {
    return out + fmt::format("{} rows are too many to show here: --format csv, json or svg\n",
                             grid.rows());
  }
  for (const std::string& line : grid.lines()) out += printable(line) + "\n";
  return out;
}

std::string print_sweep_csv(const Sweep& sweep) {
  std::string out;
  for (const SweepAxis& axis : sweep.axes) out += quoted(axis.key) + ",";
  out += "outcome,seen_by,why\n";
  std::vector<std::string> ends;
  for (const SweepCell& cell : sweep.cells) {
    ends.push_back(quoted(cell.outcome) + "," + quoted(cell.seen_by) + "," + quoted(cell.why));
  }
  std::vector<std::vector<std::string>> values;
  for (const SweepAxis& axis : sweep.axes) {
    values.emplace_back();
    for (const std::string& value : axis.values) values.back().push_back(quoted(value) + ",");
  }
  for (std::uint64_t i = 0; i < sweep.points.size(); ++i) {
    for (std::size_t axis = 0; axis < sweep.axes.size(); ++axis) {
      out += values[axis][sweep.value_of(i, axis)];
    }
    out += ends[sweep.points[i]] + "\n";
  }
  return out;
}

std::string print_sweep_json(const Sweep& sweep) {
  Json json;
  json["nptsim"] = 1;
  json["verb"] = "sweep";
  json["file"] = sweep.file;
  json["name"] = sweep.name;
  json["hash"] = sweep.hash;
  json["axes"] = Json::array();
  for (const SweepAxis& axis : sweep.axes) {
    json["axes"].push_back({{"key", axis.key}, {"values", axis.values}});
  }
  const std::vector<std::size_t> counts = counts_of(sweep);
  json["outcomes"] = Json::array();
  for (std::size_t i = 0; i < sweep.cells.size(); ++i) {
    const SweepCell& cell = sweep.cells[i];
    json["outcomes"].push_back({{"outcome", cell.outcome},
                                {"seen_by", cell.seen_by},
                                {"why", cell.why},
                                {"points", counts[i]}});
  }
  // By index in `outcomes`; the last axis turns fastest.
  json["points"] = sweep.points;
  return dump(json) + "\n";
}

}  // namespace nptsim::report
