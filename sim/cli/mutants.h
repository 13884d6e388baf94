// The mutants of all models that some scenarios use, and which points could notice each.
#ifndef NPTSIM_SIM_CLI_MUTANTS_H_
#define NPTSIM_SIM_CLI_MUTANTS_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "models/library.h"
#include "sim/cli/point_run.h"
#include "sim/cli/points.h"
#include "sim/rules/equivalence.h"
#include "sim/rules/mutate.h"

namespace nptsim::cli {

// A row as a file has it: its kind of model, id and place.
struct RuleKey {
  rules::ModelKind kind = rules::ModelKind::kKernel;
  std::string row;
  std::string file;
  int line = 0;
  auto operator<=>(const RuleKey&) const = default;
};

struct RuleMutant {
  rules::ModelKind kind = rules::ModelKind::kKernel;
  rules::Mutation mutation;
  std::string equivalent;            // why it makes no difference in any version; empty: it may
  std::set<std::size_t> same_in;     // the versions of which that is known
  std::set<std::string> neighbours;  // ids of the rows that a change of order puts before it
};

// What the points did with the rules as they are.
class Baseline {
 public:
  // Runs every point once. Points whose claims do not hold cannot notice anything and are left out.
  // `in`: only rows of the models of these names are changed, and only points that have no others
  // (but for their overlays) are asked; empty: of all.
  Baseline(const std::vector<PointToRun>& points, const std::vector<std::string>& in,
           models::Library& library, unsigned jobs);

  const std::vector<const PointToRun*>& points() const { return points_; }
  std::uint64_t steps(std::size_t point) const { return steps_[point]; }
  const std::vector<RuleMutant>& mutants() const { return mutants_; }

  // Whether some point reached the row, as it is; of two that change places, both.
  bool reached(const RuleMutant& mutant) const;
  // The points that could notice, those that will do so soonest first: whoever reached the row,
  // then, if it is about when the row holds, its table. Who never came there did the same without
  // it, but for what happens before a run begins: of a table that a start-up can reach everybody
  // whose model has it.
  std::vector<std::size_t> witnesses(const RuleMutant& mutant) const;

 private:
  struct Seen {
    bool passes = false;
    std::uint64_t steps = 0;
    std::vector<std::size_t> models;  // in models_
    std::set<RuleKey> rows;
    std::set<std::pair<rules::ModelKind, std::string>> tables;
  };
  struct UsedModel {
    rules::ModelKind kind;
    rules::Spelled name, peer;
    std::vector<rules::Spelled> overlays;
    rules::Model model;
    std::set<RuleKey> rows;
    bool changes = true;  // false: it gives no mutants
    bool asked = true;    // ... and may notice some: one of `in` with overlays
  };

  Seen look(const PointToRun& point, models::Library& library);
  void take_models(const PointToRun& point, models::Library& library,
                   std::vector<std::size_t>& out);
  void find_mutants(const std::vector<std::string>& in, models::Library& library);
  void prove_equivalences(bool all, models::Library& library);
  void take_equivalents(std::size_t model, const rules::Equivalence& equivalence);
  bool may_differ(const RuleMutant& mutant, std::size_t model) const;
  bool may_notice(const RuleMutant& mutant, std::size_t point) const;
  void find_start_tables();

  std::vector<const PointToRun*> points_;
  std::vector<std::uint64_t> steps_;
  std::vector<std::vector<std::size_t>> used_;  // in models_, by point
  std::vector<UsedModel> models_;
  std::map<std::tuple<rules::ModelKind, std::string, std::string>, std::size_t> numbers_;
  std::vector<RuleMutant> mutants_;
  std::map<std::tuple<RuleKey, rules::MutationKind, std::size_t>, std::size_t> mutant_numbers_;
  std::map<RuleKey, std::vector<std::size_t>> by_row_, by_model_;
  std::map<std::pair<rules::ModelKind, std::string>, std::vector<std::size_t>> by_table_;
  std::set<std::pair<rules::ModelKind, std::string>> start_tables_;
};

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_MUTANTS_H_
