#include "sim/report/human.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/report/outcome_text.h"

namespace nptsim::report {
namespace {

constexpr char kIndent[] = "       ";

std::string label(const PointResult& result, const Style& style) {
  switch (result.status) {
    case Status::kPass:
      return result.xfail ? style.warn("xfail") + "  " : style.good("pass") + "   ";
    case Status::kFail:
      return style.bad("FAIL") + "   ";
    case Status::kError:
      return style.bad("ERROR") + "  ";
  }
  return "";
}

std::string paint_diff(const std::string& line, const Style& style) {
  const std::string clean = printable(line);
  if (clean.starts_with('-')) return style.bad(clean);
  if (clean.starts_with('+')) return style.good(clean);
  return clean;
}

void add_result(const PointResult& result, const Style& style, std::string& out) {
  out += label(result, style) + printable(name_of_point(result.file, result.name, result.point)) +
         "\n";
  const bool plain = result.status == Status::kPass && !result.xfail;
  // Of a run without answer the differences say the same, with their place.
  if (!result.why.empty() && !plain && (result.xfail || result.differences.empty())) {
    for (const std::string& line : split_lines(printable(result.why))) {
      out += kIndent + line + "\n";
    }
  }
  for (const std::string& line : result.differences) out += kIndent + printable(line) + "\n";
  if (!plain && result.run) out += kIndent + style.faint(describe(*result.run)) + "\n";
  if (result.golden.empty()) return;
  out += std::string(kIndent) + "differs from the golden file:\n";
  for (const std::string& line : result.golden) {
    out += std::string(kIndent) + "  " + paint_diff(line, style) + "\n";
  }
}

std::string sums(const Report& report, const Style& style) {
  const Summary sum = summarize(report);
  std::string text = fmt::format("{} passed, {} failed, {} {}", sum.passed, sum.failed, sum.errors,
                                 sum.errors == 1 ? "error" : "errors");
  if (sum.invalid > 0) {
    text +=
        fmt::format(", {} invalid {} not run", sum.invalid, sum.invalid == 1 ? "point" : "points");
  }
  if (report.interrupted) text += "; interrupted, the rest did not run";
  const bool good = sum.failed == 0 && sum.errors == 0 && !report.interrupted;
  return (good ? style.good(text) : style.bad(text)) + "\n";
}

}  // namespace

std::string print_human(const Report& report, const Style& style) {
  std::string out;
  for (const PointResult& result : report.results) add_result(result, style, out);
  for (const InvalidPoint& point : report.invalid) {
    out += style.warn("invalid") + " " +
           printable(name_of_point(point.file, point.name, point.point)) + "\n" + kIndent +
           printable(point.why) + "\n";
  }
  for (const std::string& file : report.promoted) out += "wrote   " + printable(file) + "\n";
  if (report.coverage) out += print_coverage(*report.coverage, style);
  return out + sums(report, style);
}

std::string print_coverage(const std::vector<ModelCoverage>& coverage, const Style& style) {
  std::string out;
  for (const ModelCoverage& model : coverage) {
    const auto reached = static_cast<std::size_t>(
        std::count_if(model.rows.begin(), model.rows.end(),
                      [](const ModelCoverage::Row& row) { return row.times > 0; }));
    out += fmt::format("\n{}: {} of {} rows reached\n", style.strong(model.model), reached,
                       model.rows.size());
    for (const ModelCoverage::Row& row : model.rows) {
      if (row.times == 0) out += "  never    " + row.id + "\n";
    }
    for (const ModelCoverage::Row& row : model.rows) {
      if (row.times > 0) out += fmt::format("  reached  {} ({})\n", row.id, row.times);
    }
  }
  return out + "\n";
}

std::string print_diagnostics(const Diagnostics& diagnostics, const Style& style) {
  std::string out;
  for (const Diagnostic& diagnostic : diagnostics) {
    std::string line = printable(to_string(diagnostic));
    const std::size_t at = line.find("error:");
    if (style.colour && at != std::string::npos) line.replace(at, 6, style.bad("error:"));
    out += line + "\n";
  }
  return out;
}

}  // namespace nptsim::report
