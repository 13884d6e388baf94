// Golden files on the disk.
#ifndef NPTSIM_SIM_CLI_GOLDEN_FILES_H_
#define NPTSIM_SIM_CLI_GOLDEN_FILES_H_

#include <string>
#include <string_view>

#include "sim/base/diagnostic.h"
#include "sim/report/result.h"

namespace nptsim::cli {

bool has_golden(const std::string& scenario_file);

// Compares the results of one scenario file with its golden file, if there is one.
void compare_with_golden_file(const std::string& scenario_file, report::Report& report);

// Writes the golden file of a scenario file, unless it says all of this already.
void promote(const std::string& scenario_file, report::Report& report);

// The whole file or nothing: whoever reads meanwhile sees the old one. Empty if it worked.
Diagnostics write_atomically(const std::string& path, std::string_view text);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_GOLDEN_FILES_H_
