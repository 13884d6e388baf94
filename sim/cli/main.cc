#include <cstdio>
#include <exception>
#include <string>
#include <vector>

#include "sim/base/bug.h"
#include "sim/cli/commands.h"
#include "sim/cli/console.h"
#include "sim/cli/options.h"
#include "sim/cli/workers.h"

namespace nptsim::cli {
namespace {

ExitStatus run_verb(const Options& options) {
  switch (options.verb) {
    case Verb::kRun:
      return run_command(options);
    case Verb::kExplain:
      return explain_command(options);
    case Verb::kDiff:
      return diff_command(options);
    case Verb::kSweep:
      return sweep_command(options);
    case Verb::kMerge:
      return merge_command(options);
    case Verb::kMutate:
      return mutate_command(options);
    case Verb::kModels:
      return models_command(options);
    case Verb::kLint:
      return lint_command(options);
    case Verb::kSchema:
      return schema_command(options);
    case Verb::kCheck:
      return check_command(options);
    case Verb::kImport:
      return import_command(options);
    case Verb::kRecord:
      return record_command(options);
    case Verb::kEvidence:
      return evidence_command(options);
    case Verb::kNone:
      break;
  }
  NPTSIM_BUG("no verb");
}

ExitStatus run(const std::vector<std::string>& arguments) {
  const Parsed parsed = parse_options(arguments);
  if (parsed.options) return run_verb(*parsed.options);
  print(parsed.out);
  print_error(parsed.error);
  return parsed.status;
}

}  // namespace
}  // namespace nptsim::cli

int main(int argc, char** argv) {
  nptsim::cli::keep_freed_memory();
  try {
    const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
    const nptsim::cli::ExitStatus status = nptsim::cli::run(arguments);
    // What did not reach the reader was not said.
    if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
      std::perror("nptsim: standard output");
      return static_cast<int>(nptsim::cli::ExitStatus::kBadInput);
    }
    return static_cast<int>(status);
  } catch (const std::exception& error) {
    NPTSIM_BUG(error.what());
  }
}
