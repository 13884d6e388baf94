#include "sim/rules/equivalent_stage.h"

#include <algorithm>
#include <utility>

#include "sim/rules/same_effect.h"

namespace nptsim::rules {
namespace {

constexpr std::size_t kBoxes = 20000;  // of one question

Conditions both(Conditions a, const Conditions& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace

Conditions conditions_of(const std::vector<FactTest>& tests) {
  Conditions conditions;
  for (const FactTest& test : tests) conditions.emplace_back(test.fact, test.allowed);
  return conditions;
}

EquivalentStage::EquivalentStage(const Resolved& resolved, const Flow& flow,
                                 const ToldApart& told_apart, std::size_t stage)
    : r_(resolved),
      flow_(flow),
      told_apart_(told_apart),
      stage_(resolved.stages[stage]),
      sites_(flow.deciders(stage)) {
  std::vector<FactId> asked;
  std::vector<Values> domains;
  for (const ResolvedFact& fact : r_.facts) domains.push_back(all_values(fact.info.values.size()));
  for (const ResolvedRow& row : stage_.rows) {
    rows_.push_back(conditions_of(row.when));
    for (const FactTest& test : row.when) {
      if (std::find(asked.begin(), asked.end(), test.fact) == asked.end()) {
        asked.push_back(test.fact);
      }
    }
  }
  space_.emplace(r_, flow_.ties(), asked, domains);
}

std::string EquivalentStage::why(const Mutation& mutation, std::size_t row) const {
  if (sites_.empty()) return "";  // asked by others than rows
  switch (mutation.kind) {
    case MutationKind::kDropCondition:
    case MutationKind::kInvertCondition:
      return why_condition(mutation, row);
    case MutationKind::kOrder:
      return why_order(row);
    case MutationKind::kOtherAnswer:
      return why_answer(row);
    default:
      return can_hold(row) ? "" : "the row never holds";
  }
}

std::string EquivalentStage::why_condition(const Mutation& mutation, std::size_t row) const {
  const std::vector<FactTest>& tests = stage_.rows[row].when;
  if (mutation.which >= tests.size()) return "";
  const FactId fact = tests[mutation.which].fact;
  if (!test_always_asked(row, fact)) return "";
  Conditions changed = rows_[row];
  if (mutation.kind == MutationKind::kDropCondition) {
    changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(mutation.which));
  } else {
    changed[mutation.which].second =
        all_values(r_.fact(fact).info.values.size()) & ~changed[mutation.which].second;
  }
  if (differs(row, changed, rows_[row]) || differs(row, rows_[row], changed)) return "";
  return "in every situation the same is done and answered";
}

// A fact without a value fails every test, whatever it says.
bool EquivalentStage::test_always_asked(std::size_t row, FactId fact) const {
  if (!r_.fact(fact).held_by_frames()) return true;
  return std::all_of(sites_.begin(), sites_.end(), [&](const Flow::State& site) {
    return flow_.surely_given(site, fact, stage_.rows[row].when);
  });
}

std::string EquivalentStage::why_order(std::size_t row) const {
  if (row + 1 >= rows_.size()) return "";
  if (same_effect(told_apart_, stage_.result_fact, stage_.rows[row], stage_.rows[row + 1])) {
    return "the two rows say the same";
  }
  const bool overlap = possible(both(rows_[row], rows_[row + 1]), before(row));
  return overlap ? "" : "the two rows exclude each other";
}

std::string EquivalentStage::why_answer(std::size_t row) const {
  if (!can_hold(row)) return "the row never holds";
  const ResolvedRow* other = other_answer_of(stage_.rows, stage_.rows[row]);
  const bool same = other != nullptr &&
                    alike(told_apart_, stage_.result_fact, stage_.rows[row].answer, other->answer);
  return same ? "nobody tells the two answers apart" : "";
}

bool EquivalentStage::possible(const Conditions& where,
                               const std::vector<Conditions>& taken) const {
  return std::any_of(sites_.begin(), sites_.end(), [&](const Flow::State& site) {
    const auto here = flow_.possible(site, space_->facts());
    if (!here) return false;
    std::size_t budget = kBoxes;
    bool exhausted = false;
    return space_->uncovered(both(*here, where), taken, budget, exhausted) || exhausted;
  });
}

std::vector<Conditions> EquivalentStage::before(std::size_t row) const {
  return {rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(row)};
}

bool EquivalentStage::can_hold(std::size_t row) const { return possible(rows_[row], before(row)); }

bool EquivalentStage::differs(std::size_t row, const Conditions& takes,
                              const Conditions& leaves) const {
  std::vector<Conditions> taken = before(row);
  taken.push_back(leaves);
  for (std::size_t later = row + 1; later < rows_.size(); ++later) {
    const bool same =
        same_effect(told_apart_, stage_.result_fact, stage_.rows[row], stage_.rows[later]);
    if (!same && possible(both(takes, rows_[later]), taken)) return true;
    taken.push_back(rows_[later]);
  }
  // Nobody may be left without a row.
  return possible(takes, taken);
}

}  // namespace nptsim::rules
