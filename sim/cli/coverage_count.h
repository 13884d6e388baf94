// How often the rows of each model were reached, over many runs.
#ifndef NPTSIM_SIM_CLI_COVERAGE_COUNT_H_
#define NPTSIM_SIM_CLI_COVERAGE_COUNT_H_

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "sim/machine/event.h"
#include "sim/machine/setup.h"
#include "sim/report/result.h"
#include "sim/rules/coverage.h"

namespace nptsim::cli {

class CoverageCount {
 public:
  // The rows of a run's models, with what was counted while it ran.
  void add(const machine::Setup& setup, const rules::Coverage& coverage);
  // A row that a start-up event names.
  void add_start(const machine::Setup& setup, const machine::Event& event);
  void add(const CoverageCount& other);

  // Calls use(kind, model, row) for each row that was reached.
  template <class Use>
  void for_each_reached(Use&& use) const {
    for (const auto& [key, model] : models_) {
      for (const auto& [row, times] : model.times) {
        use(static_cast<rules::ModelKind>(key.first), key.second, row);
      }
    }
  }

  // Models by kind and name, rows in the model's own order.
  std::vector<report::ModelCoverage> report() const;

 private:
  struct Model {
    std::vector<std::string> rows;
    std::map<std::string, std::uint64_t> times;
  };
  Model& model_of(const rules::Program& program);

  std::map<std::pair<unsigned, std::string>, Model> models_;  // kind, name
};

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_COVERAGE_COUNT_H_
