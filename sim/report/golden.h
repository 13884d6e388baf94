// Golden files: what the model says today about the points of a scenario file (docs/formats.md).
//
// Not a claim about reality: that is `expect:`. A change here is a change of the model, to be read
// by a person and then promoted.
#ifndef NPTSIM_SIM_REPORT_GOLDEN_H_
#define NPTSIM_SIM_REPORT_GOLDEN_H_

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/report/result.h"

namespace nptsim::report {

// Beside "x/flash.yaml" lies "x/flash.golden.json".
std::string golden_path(std::string_view scenario_file);

// The whole file for these results; those that did not run are left out.
std::string golden_text(const std::vector<const PointResult*>& results);

struct Golden {
  // By name and point: the lines that a diff shows.
  std::map<std::string, std::vector<std::string>> points;
};
Result<Golden, Diagnostics> read_golden(std::string_view text, const std::string& file);

// Compares each result that ran; one that differs fails, with the difference. Results of points
// that only the golden file has are added for `file`, the scenario's.
void compare_with_golden(const Golden& golden, const std::string& file,
                         const std::vector<PointResult*>& results,
                         std::vector<PointResult>& additional);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_GOLDEN_H_
