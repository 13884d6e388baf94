// Results for a person at a terminal.
#ifndef NPTSIM_SIM_REPORT_HUMAN_H_
#define NPTSIM_SIM_REPORT_HUMAN_H_

#include <string>
#include <vector>

#include "sim/report/result.h"
#include "sim/report/text.h"

namespace nptsim::report {

// One line for each result, what differs below it, coverage if it was asked for, and the sums.
std::string print_human(const Report& report, const Style& style);

std::string print_coverage(const std::vector<ModelCoverage>& coverage, const Style& style);

// Diagnostics, one line each.
std::string print_diagnostics(const Diagnostics& diagnostics, const Style& style);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_HUMAN_H_
