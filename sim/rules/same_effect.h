// What rows do once they hold: whether two of them do the same, or do not disturb each other.
#ifndef NPTSIM_SIM_RULES_SAME_EFFECT_H_
#define NPTSIM_SIM_RULES_SAME_EFFECT_H_

#include <set>
#include <vector>

#include "sim/rules/resolved.h"
#include "sim/rules/told_apart.h"

namespace nptsim::rules {

// The answer that the row gets by MutationKind::kOtherAnswer, as the row that gives it; null: the
// table always says the same.
const ResolvedRow* other_answer_of(const std::vector<ResolvedRow>& table, const ResolvedRow& row);

// Does nothing but answer.
bool only_answers(const ResolvedRow& row);

// Whether two answers of the stage or procedure with this fact are alike to all who ask.
bool alike(const ToldApart& told_apart, FactId fact, const ResolvedAnswer& a,
           const ResolvedAnswer& b);

// Whether two rows of the stage do the same and give answers that are alike.
bool same_effect(const ToldApart& told_apart, FactId fact, const ResolvedRow& a,
                 const ResolvedRow& b);

// The facts that a row gives, with those inside of it.
std::set<FactId> given_by(const Resolved& resolved, const ResolvedRow& row);

// Whether the fact is the same before and behind the row: a setting, what never changes, or what
// only rows give and this one does not; anything if all that it does is to decide something.
bool leaves_alone(const Resolved& resolved, const ResolvedRow& row, FactId fact);

// Whether two rows of a procedure may be run in any order although both may hold.
bool commute(const Resolved& resolved, const ResolvedProcedure& procedure, const ResolvedRow& a,
             const ResolvedRow& b);

// Whether the first of two rows of a procedure returns, and the other one only decides what nobody
// hears of then: whether it is asked before or behind makes no difference.
bool decides_in_vain(const Resolved& resolved, const ResolvedRow& returning,
                     const ResolvedRow& deciding);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_SAME_EFFECT_H_
