#include "sim/report/result.h"

#include <sstream>

namespace nptsim::report {

std::string_view name_of(Status status) {
  constexpr std::string_view kNames[] = {"pass", "fail", "error"};
  return kNames[static_cast<unsigned>(status)];
}

namespace {

// A program's lines, as "mov al, [rbx]; hlt".
std::string on_one_line(const std::string& value) {
  constexpr std::string_view kBlank = " \t\r";
  std::string text;
  std::istringstream lines(value);
  for (std::string line; std::getline(lines, line);) {
    const auto first = line.find_first_not_of(kBlank);
    if (first == std::string::npos) continue;
    if (!text.empty()) text += "; ";
    text += line.substr(first, line.find_last_not_of(kBlank) + 1 - first);
  }
  return text;
}

}  // namespace

std::string describe(const PointValues& point) {
  std::string text;
  for (const auto& [key, value] : point) {
    if (!text.empty()) text += " ";
    text += key + "=" + on_one_line(value);
  }
  return text;
}

std::string name_of_point(const std::string& file, const std::string& name,
                          const PointValues& point) {
  std::string text = file;
  if (!name.empty()) text += ": " + name;
  if (!point.empty()) text += " [" + describe(point) + "]";
  return text;
}

Summary summarize(const Report& report) {
  Summary summary;
  for (const PointResult& result : report.results) {
    switch (result.status) {
      case Status::kPass:
        ++summary.passed;
        break;
      case Status::kFail:
        ++summary.failed;
        break;
      case Status::kError:
        ++summary.errors;
        break;
    }
  }
  summary.invalid = report.invalid.size();
  return summary;
}

}  // namespace nptsim::report
