// The points of a scenario: one for each way to pick a value from every list in its `set:`.
#ifndef NPTSIM_SIM_SCENARIO_MATRIX_H_
#define NPTSIM_SIM_SCENARIO_MATRIX_H_

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/scenario/scenario.h"

namespace nptsim::scenario {

struct Point {
  // What was picked from the lists, in the order of `set:`; empty for a scenario without lists.
  std::vector<std::pair<std::string, std::string>> values;
  Scenario scenario;     // every setting has one value; machine keys are in `machine`
  std::string invalid;   // why this point contradicts itself; then it is listed and not run

  std::string description() const;  // "kernel=kvm-6.8 vmm=qemu-9.1"; empty without lists
};

inline constexpr std::size_t kMaxPoints = 10'000;

// Says why a point contradicts itself, or nothing. Called with models at hand.
using Contradiction = std::function<std::optional<std::string>(const Scenario&)>;

// In the order of the file, the last list turning fastest. A value that makes the scenario itself
// unreadable (`vcpus: [1, x]`) is a diagnostic.
Result<std::vector<Point>, Diagnostics> expand(const Scenario& scenario,
                                               const Contradiction& contradiction = {});

// The expectation for this point: the first case whose `when` holds; nullptr if none does.
const Expectation* expectation_for(const Scenario& point);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_MATRIX_H_
