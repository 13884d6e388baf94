// Sets of situations: which combinations of fact values are possible, and do some rows cover them?
//
// A box allows a set of values for each fact. Rows are boxes; implications rule out combinations.
// The search splits a box along the rows that cut it, so its work grows with the rows that matter;
// in the worst case the question is exponential, therefore it has a budget.
#ifndef NPTSIM_SIM_RULES_SOLVER_H_
#define NPTSIM_SIM_RULES_SOLVER_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "sim/rules/resolved.h"

namespace nptsim::rules {

// Allowed values by fact; a fact that is not named may have any.
using Conditions = std::vector<std::pair<FactId, Values>>;

inline bool mentions(const Conditions& conditions, FactId fact) {
  for (const auto& [tested, values] : conditions) {
    if (tested == fact) return true;
  }
  return false;
}

// A situation: one value for each fact that was asked about.
using Situation = std::vector<std::pair<FactId, unsigned>>;

// Takes out of a box, allowed values by number, what implications between the numbers rule out.
// False if nothing is left.
bool propagate(const std::vector<Constraint>& constraints, std::vector<Values>& box);

// Which facts are tied to which by implications.
struct FactTies {
  explicit FactTies(const Resolved& resolved);
  std::vector<std::vector<FactId>> neighbours;
};

// The facts that matter to some question, and the implications between them.
class FactSpace {
 public:
  // `domains[fact]`: the values that are possible at all.
  FactSpace(const Resolved& resolved, const FactTies& ties, std::span<const FactId> asked,
            std::span<const Values> domains);

  // A situation inside `where` that none of `rows` covers. `exhausted` is set when the budget ran
  // out; the answer is then not known. What the search takes is taken off the budget.
  std::optional<Situation> uncovered(const Conditions& where, std::span<const Conditions> rows,
                                     std::size_t& budget, bool& exhausted) const;
  const std::vector<FactId>& facts() const { return facts_; }

 private:
  friend class Search;
  using Box = std::vector<Values>;  // by local number
  using LocalConditions = std::vector<std::pair<std::uint32_t, Values>>;
  bool propagate(Box& box) const { return rules::propagate(constraints_, box); }
  bool narrow(Box& box, const Conditions& where) const;

  std::vector<FactId> facts_;         // local number -> fact
  std::vector<std::uint32_t> local_;  // fact -> local number
  std::size_t asked_ = 0;             // the first ones are those asked about
  Box domain_;
  std::vector<Constraint> constraints_;  // between local numbers
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_SOLVER_H_
