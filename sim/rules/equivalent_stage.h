// Changes of a stage's rows that no situation can show.
#ifndef NPTSIM_SIM_RULES_EQUIVALENT_STAGE_H_
#define NPTSIM_SIM_RULES_EQUIVALENT_STAGE_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "sim/rules/flow.h"
#include "sim/rules/mutate.h"
#include "sim/rules/told_apart.h"

namespace nptsim::rules {

class EquivalentStage {
 public:
  EquivalentStage(const Resolved& resolved, const Flow& flow, const ToldApart& told_apart,
                  std::size_t stage);

  // Of the row at this place.
  std::string why(const Mutation& mutation, std::size_t row) const;

 private:
  std::string why_condition(const Mutation& mutation, std::size_t row) const;
  std::string why_order(std::size_t row) const;
  std::string why_answer(std::size_t row) const;
  bool test_always_asked(std::size_t row, FactId fact) const;
  // Whether, where the stage is decided, some situation is in `where` and in none of `taken`.
  bool possible(const Conditions& where, const std::vector<Conditions>& taken) const;
  bool can_hold(std::size_t row) const;
  // Whether a situation that one version of a row takes, and the other does not, is one that a
  // later row with another effect takes instead.
  bool differs(std::size_t row, const Conditions& takes, const Conditions& leaves) const;
  std::vector<Conditions> before(std::size_t row) const;

  const Resolved& r_;
  const Flow& flow_;
  const ToldApart& told_apart_;
  const ResolvedStage& stage_;
  const std::vector<Flow::State>& sites_;
  std::vector<Conditions> rows_;
  std::optional<FactSpace> space_;
};

// `when:` as the solver has it.
Conditions conditions_of(const std::vector<FactTest>& tests);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_EQUIVALENT_STAGE_H_
