#include "sim/rules/same_effect.h"

#include <algorithm>

#include "sim/rules/mutate.h"
#include "sim/rules/same_row.h"

namespace nptsim::rules {
namespace {

bool same_fields(const ResolvedAnswer& a, const ResolvedAnswer& b) {
  return std::is_permutation(a.fields.begin(), a.fields.end(), b.fields.begin(), b.fields.end());
}

// A stage that only decides: none of its rows does anything.
bool is_silent(const ResolvedStage& stage) {
  return std::all_of(stage.rows.begin(), stage.rows.end(),
                     [](const ResolvedRow& row) { return row.actions.empty(); });
}

// Nobody's state is changed but the frame's own facts.
bool only_decides(const Resolved& r, const ResolvedRow& row) {
  const Row& said = *row.row;
  const bool quiet =
      row.actions.empty() && row.wait.empty() && !said.new_step && said.loop == LoopKind::kNone;
  if (!quiet) return false;
  return said.go == Go::kNowhere || (said.go == Go::kDecide && is_silent(r.stages[row.target]));
}

void add_tested(const std::vector<FactTest>& tests, std::set<FactId>& facts) {
  for (const FactTest& test : tests) facts.insert(test.fact);
}

// The facts that a row asks for before or while it runs, in its own frame.
std::set<FactId> asked_by(const Resolved& r, const ResolvedRow& row) {
  std::set<FactId> facts;
  add_tested(row.when, facts);
  add_tested(row.wait, facts);
  add_tested(row.while_holds, facts);
  if (row.row->go == Go::kDecide) {
    for (const ResolvedRow& one : r.stages[row.target].rows) add_tested(one.when, facts);
  }
  if (row.row->go == Go::kCall) {
    const std::vector<FactId>& takes = r.procedures[row.target].takes;
    facts.insert(takes.begin(), takes.end());
  }
  for (const ResolvedRow& inner : row.rows) facts.merge(asked_by(r, inner));
  return facts;
}

bool overlap(const std::set<FactId>& a, const std::set<FactId>& b) {
  return std::any_of(a.begin(), a.end(), [&](FactId fact) { return b.contains(fact); });
}

bool goes_somewhere(const ResolvedRow& row) {
  return row.row->go != Go::kNowhere ||
         std::any_of(row.rows.begin(), row.rows.end(), goes_somewhere);
}

bool returns(const ResolvedRow& row) {
  return row.answers || std::any_of(row.rows.begin(), row.rows.end(), returns);
}

// Whether some row asks who answered last, or hands it on.
bool asks_latest(const Resolved& r, const std::vector<ResolvedRow>& rows) {
  return std::any_of(rows.begin(), rows.end(), [&](const ResolvedRow& row) {
    return (row.answers && row.answer.hands_on) || asked_by(r, row).contains(kResultFact);
  });
}

bool undisturbed(const Resolved& r, const ResolvedRow& quiet, const ResolvedRow& other) {
  const std::set<FactId> asked = asked_by(r, quiet);
  return std::all_of(asked.begin(), asked.end(),
                     [&](FactId fact) { return leaves_alone(r, other, fact); });
}

}  // namespace

const ResolvedRow* other_answer_of(const std::vector<ResolvedRow>& table, const ResolvedRow& row) {
  std::vector<const ResolvedRow*> flat;
  flatten_rows(table, flat);
  const auto self =
      static_cast<std::size_t>(std::find(flat.begin(), flat.end(), &row) - flat.begin());
  for (std::size_t i = 1; i < flat.size(); ++i) {
    const ResolvedRow* other = flat[(self + i) % flat.size()];
    if (other->row->answer && !same_words(other->row->answer, row.row->answer)) return other;
  }
  return nullptr;
}

bool only_answers(const ResolvedRow& row) {
  const Row& said = *row.row;
  return row.answers && row.actions.empty() && row.wait.empty() && said.go == Go::kNowhere &&
         said.loop == LoopKind::kNone;
}

bool alike(const ToldApart& told_apart, FactId fact, const ResolvedAnswer& a,
           const ResolvedAnswer& b) {
  if (a.hands_on || b.hands_on) return a.hands_on == b.hands_on;
  return same_fields(a, b) && !told_apart(fact, a.word, b.word);
}

bool same_effect(const ToldApart& told_apart, FactId fact, const ResolvedRow& a,
                 const ResolvedRow& b) {
  Row left = *a.row, right = *b.row;
  for (Row* row : {&left, &right}) {
    row->id.text.clear();
    row->when.clear();
    row->answer.reset();
  }
  return does_the_same(left, right) && alike(told_apart, fact, a.answer, b.answer);
}

std::set<FactId> given_by(const Resolved& r, const ResolvedRow& row) {
  std::set<FactId> facts;
  const auto add_uses = [&](const ResolvedRow& one) {
    for (const ResolvedUse& use : one.actions) facts.insert(use.gives.begin(), use.gives.end());
  };
  add_uses(row);
  if (row.row->go != Go::kNowhere) {
    facts.insert(r.fact_of_call(row.row->go, row.target));
    facts.insert(kResultFact);
  }
  if (row.row->go == Go::kDecide) {
    for (const ResolvedRow& one : r.stages[row.target].rows) {
      add_uses(one);
      for (const auto& [field, value] : one.answer.fields) facts.insert(field);
    }
  } else if (row.row->go != Go::kNowhere) {  // a procedure may answer with any
    for (const auto& [name, field] : r.field_by_name) facts.insert(field);
  }
  for (const ResolvedRow& inner : row.rows) facts.merge(given_by(r, inner));
  return facts;
}

bool leaves_alone(const Resolved& r, const ResolvedRow& row, FactId fact) {
  if (fact != kResultFact && (r.fact(fact).is_setting() || r.fact(fact).info.fixed)) return true;
  if (given_by(r, row).contains(fact)) return false;
  return fact == kResultFact || r.fact(fact).held_by_frames() || only_decides(r, row);
}

bool commute(const Resolved& r, const ResolvedProcedure& procedure, const ResolvedRow& a,
             const ResolvedRow& b) {
  if (returns(a) || returns(b)) return false;
  const bool a_quiet = only_decides(r, a), b_quiet = only_decides(r, b);
  if (!a_quiet && !b_quiet) return false;
  if (goes_somewhere(a) && goes_somewhere(b) && asks_latest(r, procedure.rows)) return false;
  std::set<FactId> a_gives = given_by(r, a), b_gives = given_by(r, b);
  a_gives.erase(kResultFact);
  b_gives.erase(kResultFact);
  if (overlap(a_gives, b_gives)) return false;
  return undisturbed(r, a, b) && undisturbed(r, b, a);
}

bool decides_in_vain(const Resolved& r, const ResolvedRow& returning, const ResolvedRow& deciding) {
  const Row& said = *returning.row;
  // Others may act where a row waits or begins a step: then the question has another answer.
  const bool at_once = !said.new_step && returning.wait.empty() && said.loop == LoopKind::kNone;
  if (!returning.answers || !at_once || deciding.answers || !only_decides(r, deciding)) return false;
  const bool hands_it_on = returning.answer.hands_on && said.go == Go::kNowhere;
  return !hands_it_on && !overlap(asked_by(r, returning), given_by(r, deciding));
}

}  // namespace nptsim::rules
