#include <utility>
#include <vector>

#include "sim/cli/commands.h"
#include "sim/cli/comparison.h"
#include "sim/cli/console.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/root.h"
#include "sim/report/diff_text.h"
#include "sim/report/human.h"

namespace nptsim::cli {
namespace {

using report::DiffReport;

Result<std::vector<ModelStack>, Diagnostics> stacks_of(const Options& options,
                                                       const ModelNames& names,
                                                       models::Library& library) {
  std::vector<ModelStack> stacks;
  Diagnostics diagnostics;
  const auto take = [&](const std::string& text) {
    auto stack = parse_stack(text, names, library);
    if (stack.ok()) {
      stacks.push_back(std::move(stack).value());
    } else {
      append(diagnostics, stack.error());
    }
  };
  if (!options.from.empty()) take(options.from);
  for (const std::string& text : options.to) take(text);
  if (!diagnostics.empty()) return diagnostics;
  if (!options.from.empty()) return stacks;
  if (stacks.front().overlays.empty() || stacks.front().models.empty()) {
    return Diagnostics{{{},
                        "'" + stacks.front().label + "' is to be compared with what?",
                        "--from MODEL, or an overlay with a `base:` in --to",
                        ""}};
  }
  stacks.insert(stacks.begin(), stacks.front().without_overlays());
  return stacks;
}

void print_comparison(const DiffReport& report, Format format) {
  switch (format) {
    case Format::kJson:
      return print(report::print_diff_json(report));
    case Format::kHtml:
      print(report::print_diff_html(report));
      break;
    case Format::kMail:
      print(report::print_diff_mail(report));
      break;
    default:
      print(report::print_diff(report, style_of_output()));
      break;
  }
  print_error(report::print_diagnostics(report.diagnostics, style_of_error()));
}

// Like a diff of texts: 1 when something changes. A run without an answer is never "the same", and
// an overlay with which nothing can be built has no effect to tell of.
ExitStatus diff_status(const DiffReport& report) {
  const report::DiffSummary sum = report::summarize(report);
  ExitStatus status = ExitStatus::kAsExpected;
  if (sum.errors > 0) status = worse(status, ExitStatus::kIncomplete);
  if (sum.changed > 0) status = worse(status, ExitStatus::kDifferent);
  const bool nothing_ran = sum.invalid > 0 && sum.same + sum.changed + sum.errors == 0;
  if (nothing_ran || !report.diagnostics.empty()) status = worse(status, ExitStatus::kBadInput);
  if (report.interrupted) status = worse(status, ExitStatus::kInterrupted);
  return status;
}

}  // namespace

ExitStatus diff_command(const Options& options) {
  const auto root = find_root();
  if (!root.ok()) return print_bad_input(root.error(), options);
  catch_interrupts();
  models::Library library(root.value());
  const ModelNames names(library);
  auto stacks = stacks_of(options, names, library);
  if (!stacks.ok()) return print_bad_input(stacks.error(), options);
  const DiffReport report = compare_models(options, stacks.value(), names, library);
  print_comparison(report, options.format);
  return diff_status(report);
}

}  // namespace nptsim::cli
