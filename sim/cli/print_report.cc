#include "sim/cli/commands.h"
#include "sim/cli/console.h"
#include "sim/report/human.h"
#include "sim/report/json.h"
#include "sim/report/junit.h"
#include "sim/report/tap.h"

namespace nptsim::cli {
namespace {

const char* name_of(Verb verb) {
  switch (verb) {
    case Verb::kRun:
      return "run";
    case Verb::kExplain:
      return "explain";
    case Verb::kDiff:
      return "diff";
    case Verb::kSweep:
      return "sweep";
    case Verb::kMerge:
      return "merge";
    case Verb::kMutate:
      return "mutate";
    case Verb::kModels:
      return "models";
    case Verb::kLint:
      return "lint";
    case Verb::kSchema:
      return "schema";
    case Verb::kCheck:
      return "check";
    case Verb::kImport:
      return "import";
    case Verb::kRecord:
      return "record";
    case Verb::kEvidence:
      return "evidence";
    case Verb::kNone:
      break;
  }
  return "";
}

}  // namespace

void print_report(const report::Report& report, Format format) {
  switch (format) {
    case Format::kHuman:
      print(report::print_human(report, style_of_output()));
      break;
    case Format::kJson:
      print(report::print_json(report));
      return;
    case Format::kTap:
      print(report::print_tap(report));
      break;
    case Format::kJunit:
      print(report::print_junit(report));
      break;
    default:
      break;
  }
  print_error(report::print_diagnostics(report.diagnostics, style_of_error()));
}

ExitStatus print_bad_input(const Diagnostics& diagnostics, const Options& options) {
  report::Report report;
  report.verb = name_of(options.verb);
  report.diagnostics = diagnostics;
  switch (options.format) {
    case Format::kJson:
    case Format::kTap:
    case Format::kJunit:
      print_report(report, options.format);
      break;
    default:
      print_error(report::print_diagnostics(diagnostics, style_of_error()));
  }
  return ExitStatus::kBadInput;
}

}  // namespace nptsim::cli
