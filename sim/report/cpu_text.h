// A processor's file as text: each value with its source.
#ifndef NPTSIM_SIM_REPORT_CPU_TEXT_H_
#define NPTSIM_SIM_REPORT_CPU_TEXT_H_

#include <string>

#include "sim/report/text.h"
#include "sim/yaml/node.h"

namespace nptsim::report {

// Sections in order; a value is a scalar, or a map of `value`, `source` and `evidence`.
std::string print_cpu(const yaml::Node& document, const Style& style);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_CPU_TEXT_H_
