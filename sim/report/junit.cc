#include "sim/report/junit.h"

#include <fmt/format.h>

#include <map>

#include "sim/report/outcome_text.h"
#include "sim/report/text.h"

namespace nptsim::report {
namespace {

std::string case_name(const std::string& name, const PointValues& point) {
  if (point.empty()) return name;
  return name + " [" + describe(point) + "]";
}

std::string body_of(const PointResult& result) {
  std::string text = join(result.differences, "\n");
  if (!result.golden.empty()) text += (text.empty() ? "" : "\n") + join(result.golden, "\n");
  if (result.run) text += (text.empty() ? "" : "\n") + describe(*result.run);
  return text;
}

std::string message_of(const PointResult& result) {
  if (!result.why.empty()) return result.why;
  if (!result.differences.empty()) return result.differences.front();
  return "differs from the golden file";
}

void add_case(const PointResult& result, std::string& out) {
  out += fmt::format("    <testcase classname=\"{}\" name=\"{}\"", markup(result.file),
                     markup(case_name(result.name, result.point)));
  if (result.xfail) {
    out += fmt::format(">\n      <skipped message=\"{}\"/>\n    </testcase>\n", markup(result.why));
  } else if (result.status == Status::kPass) {
    out += "/>\n";
  } else {
    const char* element = result.status == Status::kFail ? "failure" : "error";
    out += fmt::format(">\n      <{0} message=\"{1}\">{2}</{0}>\n    </testcase>\n", element,
                       markup(message_of(result)), markup(body_of(result)));
  }
}

struct Suite {
  std::vector<const PointResult*> results;
  std::vector<const InvalidPoint*> invalid;
  std::size_t failed = 0, errors = 0, skipped = 0;
};

}  // namespace

std::string print_junit(const Report& report) {
  std::vector<std::string> order;
  std::map<std::string, Suite> suites;
  const auto suite_of = [&](const std::string& file) -> Suite& {
    if (!suites.contains(file)) order.push_back(file);
    return suites[file];
  };
  std::size_t skipped_in_all = 0;
  for (const PointResult& result : report.results) {
    Suite& suite = suite_of(result.file);
    suite.results.push_back(&result);
    suite.failed += result.status == Status::kFail;
    suite.errors += result.status == Status::kError;
    suite.skipped += result.xfail;
    skipped_in_all += result.xfail;
  }
  for (const InvalidPoint& point : report.invalid) {
    Suite& suite = suite_of(point.file);
    suite.invalid.push_back(&point);
    ++suite.skipped;
    ++skipped_in_all;
  }
  const Summary sum = summarize(report);
  std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
  out += fmt::format(
      "<testsuites name=\"nptsim {}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n",
      markup(report.verb), report.results.size() + report.invalid.size(), sum.failed, sum.errors,
      skipped_in_all);
  for (const std::string& file : order) {
    const Suite& suite = suites[file];
    out += fmt::format(
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\">\n",
        markup(file), suite.results.size() + suite.invalid.size(), suite.failed, suite.errors,
        suite.skipped);
    for (const PointResult* result : suite.results) add_case(*result, out);
    for (const InvalidPoint* point : suite.invalid) {
      out += fmt::format(
          "    <testcase classname=\"{}\" name=\"{}\">\n      <skipped message=\"{}\"/>\n"
          "    </testcase>\n",
          markup(point->file), markup(case_name(point->name, point->point)), markup(point->why));
    }
    out += "  </testsuite>\n";
  }
  return out + "</testsuites>\n";
}

}  // namespace nptsim::report
