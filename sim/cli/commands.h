// The verbs: each prints what it found and gives the exit status.
#ifndef NPTSIM_SIM_CLI_COMMANDS_H_
#define NPTSIM_SIM_CLI_COMMANDS_H_

#include "sim/base/diagnostic.h"
#include "sim/cli/exit_status.h"
#include "sim/cli/options.h"
#include "sim/report/result.h"

namespace nptsim::cli {

ExitStatus run_command(const Options& options);
ExitStatus lint_command(const Options& options);
ExitStatus diff_command(const Options& options);
ExitStatus sweep_command(const Options& options);
ExitStatus merge_command(const Options& options);
ExitStatus mutate_command(const Options& options);
ExitStatus explain_command(const Options& options);
ExitStatus models_command(const Options& options);
ExitStatus schema_command(const Options& options);
ExitStatus check_command(const Options& options);
ExitStatus import_command(const Options& options);
ExitStatus record_command(const Options& options);
ExitStatus evidence_command(const Options& options);

// In the format that was asked for; diagnostics to standard error where the format has no place.
void print_report(const report::Report& report, Format format);
// Bad input that ends a command: in JSON a report with errors only.
ExitStatus print_bad_input(const Diagnostics& diagnostics, const Options& options);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_COMMANDS_H_
