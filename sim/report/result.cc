#include "sim/report/result.h"

namespace nptsim::report {

std::string_view name_of(Status status) {
  constexpr std::string_view kNames[] = {"pass", "fail", "error"};
  return kNames[static_cast<unsigned>(status)];
}

std::string describe(const PointValues& point) {
  std::string text;
  for (const auto& [key, value] : point) {
    if (!text.empty()) text += " ";
    text += key + "=" + value;
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
