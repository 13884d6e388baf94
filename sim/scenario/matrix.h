// The points of a scenario: one for each way to pick a value from every list in its `set:`.
#ifndef NPTSIM_SIM_SCENARIO_MATRIX_H_
#define NPTSIM_SIM_SCENARIO_MATRIX_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/scenario/scenario.h"

namespace nptsim::scenario {

struct Point {
  Scenario scenario;    // every setting has one value; `picks` says which
  std::string invalid;  // why this point contradicts itself; then it is listed and not run
};

inline constexpr std::size_t kMaxPoints = 4096;

// Says why a point contradicts itself, or nothing. Called with models at hand.
using Contradiction = std::function<std::optional<std::string>(const Scenario&)>;

// In the order of the file, the last list turning fastest; a scenario without lists has one point.
// A value that cannot be read (`vcpus: [1, x]`) is a diagnostic; a point that contradicts itself
// (a program for vcpu1 where `vcpus` is 1) is invalid, unless all are: then that is a diagnostic.
Result<std::vector<Point>, Diagnostics> expand(const Scenario& scenario,
                                               const Contradiction& contradiction = {});

// The point of what was read, with one value for each setting.
Point make_point(Scenario read, const std::vector<Setting>& settings,
                 const Diagnostics& contradictions, const Contradiction& contradiction);

// The expectation for this point: the first case whose `when` holds; nullptr if none does.
const Expectation* expectation_for(const Scenario& point);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_MATRIX_H_
