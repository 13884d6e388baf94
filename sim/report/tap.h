// Results in the Test Anything Protocol, version 14
// (https://testanything.org/tap-version-14-specification.html).
#ifndef NPTSIM_SIM_REPORT_TAP_H_
#define NPTSIM_SIM_REPORT_TAP_H_

#include <string>

#include "sim/report/result.h"

namespace nptsim::report {

// Invalid points are skipped tests; a known disagreement is a TODO that fails, as TAP has it.
std::string print_tap(const Report& report);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_TAP_H_
