// Results as JUnit's XML, which build servers show: one suite for each file.
#ifndef NPTSIM_SIM_REPORT_JUNIT_H_
#define NPTSIM_SIM_REPORT_JUNIT_H_

#include <string>

#include "sim/report/result.h"

namespace nptsim::report {

std::string print_junit(const Report& report);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_JUNIT_H_
