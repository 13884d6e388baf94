// `check`: a recording beside the model. `import`: a first scenario from a recording.
#include <string>

#include "models/library.h"
#include "sim/cli/commands.h"
#include "sim/cli/console.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/root.h"
#include "sim/cli/trace_check.h"
#include "sim/report/json.h"
#include "sim/trace/draft.h"
#include "sim/trace/verdict_text.h"

namespace nptsim::cli {
namespace {

using trace::Agreement;

ExitStatus agreement_status(Agreement agreement) {
  switch (agreement) {
    case Agreement::kAgrees:
      return ExitStatus::kAsExpected;
    case Agreement::kParts:
      return ExitStatus::kDifferent;
    case Agreement::kNotModelled:
      return ExitStatus::kIncomplete;
  }
  return ExitStatus::kBug;
}

void print_checked(const TraceCheck& check, Format format) {
  if (format == Format::kHuman) return print(trace::verdict_text(check.trace));
  report::Json json;
  json["nptsim"] = 1;
  json["verb"] = "check";
  json["results"] = report::Json::array({trace::verdict_json(check.trace)});
  const Agreement agreement = trace::agreement_of(check.trace);
  json["summary"] = {{"passed", agreement == Agreement::kAgrees ? 1 : 0},
                     {"failed", agreement == Agreement::kParts ? 1 : 0},
                     {"errors", agreement == Agreement::kNotModelled ? 1 : 0}};
  print(report::dump(json, 1) + "\n");
}

}  // namespace

ExitStatus check_command(const Options& options) {
  const auto root = find_root();
  if (!root.ok()) return print_bad_input(root.error(), options);
  catch_interrupts();
  models::Library library(root.value());
  const std::string scenario = options.paths.size() > 1 ? options.paths[1] : "";
  const auto check = check_trace(options.paths[0], scenario, library, options.max_steps);
  if (!check.ok()) return print_bad_input(check.error(), options);
  print_checked(check.value(), options.format);
  return interrupted() ? ExitStatus::kInterrupted
                       : agreement_status(trace::agreement_of(check.value().trace));
}

ExitStatus import_command(const Options& options) {
  const auto root = find_root();
  if (!root.ok()) return print_bad_input(root.error(), options);
  models::Library library(root.value());
  const auto drafted = draft_of(options.paths[0], library);
  if (!drafted.ok()) return print_bad_input(drafted.error(), options);
  if (!drafted.value().why_not.empty()) {
    print_error("nptsim: no scenario can be drafted: " + drafted.value().why_not + "\n");
    return ExitStatus::kIncomplete;
  }
  print(drafted.value().text);
  return ExitStatus::kAsExpected;
}

}  // namespace nptsim::cli
