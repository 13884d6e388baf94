#include "sim/report/tap.h"

#include <fmt/format.h>

#include "sim/report/json.h"
#include "sim/report/outcome_text.h"
#include "sim/report/text.h"

namespace nptsim::report {
namespace {

// '#' begins a directive and '\' escapes; a description is one line.
std::string escaped(std::string_view text) {
  std::string line;
  for (const char c : printable(text)) {
    if (c == '#' || c == '\\') line += '\\';
    line += c == '\n' || c == '\t' ? ' ' : c;
  }
  return line;
}

// The YAML block below a test that is not ok. A JSON string is a YAML string.
void add_block(const PointResult& result, std::string& out) {
  const auto add_list = [&](const char* key, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    out += fmt::format("  {}:\n", key);
    for (const std::string& line : lines) out += "    - " + dump(Json(line)) + "\n";
  };
  out += "  ---\n";
  out += fmt::format("  status: {}\n", name_of(result.status));
  if (!result.why.empty()) out += "  why: " + dump(Json(result.why)) + "\n";
  if (result.run) out += "  outcome: " + dump(Json(describe(*result.run))) + "\n";
  add_list("differences", result.differences);
  add_list("golden", result.golden);
  out += "  ...\n";
}

}  // namespace

std::string print_tap(const Report& report) {
  std::string out = "TAP version 14\n";
  const std::size_t skipped = report.invalid.size();
  out += fmt::format("1..{}\n", report.results.size() + skipped);
  std::size_t number = 0;
  for (const PointResult& result : report.results) {
    const bool ok = result.status == Status::kPass && !result.xfail;
    out += fmt::format("{} {} - {}", ok ? "ok" : "not ok", ++number,
                       escaped(name_of_point(result.file, result.name, result.point)));
    if (result.xfail) out += " # TODO " + escaped(result.why);
    out += "\n";
    if (!ok) add_block(result, out);
  }
  for (const InvalidPoint& point : report.invalid) {
    out += fmt::format("ok {} - {} # SKIP {}\n", ++number,
                       escaped(name_of_point(point.file, point.name, point.point)),
                       escaped(point.why));
  }
  for (const Diagnostic& diagnostic : report.diagnostics) {
    out += "# " + escaped(to_string(diagnostic)) + "\n";
  }
  if (report.interrupted) out += "Bail out! interrupted\n";
  return out;
}

}  // namespace nptsim::report
