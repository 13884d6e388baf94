#include "sim/rules/told_apart.h"

#include <algorithm>

namespace nptsim::rules {
namespace {

bool has(const std::vector<std::string>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

bool allows(const Resolved& r, const FactTest& test, std::string_view word) {
  const std::vector<std::string>& values = r.fact(test.fact).info.values;
  const auto at = std::find(values.begin(), values.end(), word) - values.begin();
  return (test.allowed >> at & 1) != 0;
}

}  // namespace

bool ToldApart::operator()(FactId fact, std::string_view a, std::string_view b) const {
  Seen seen;
  return a != b && told({fact, a, b}, seen);
}

bool ToldApart::told(const Pair& pair, Seen& seen) const {
  if (!seen.insert(pair).second) return false;
  const ResolvedFact& fact = r_.fact(pair.fact);
  if (!has(fact.info.values, pair.a) || !has(fact.info.values, pair.b)) return true;
  const bool entered = fact.info.kind == FactKind::kCall && fact.called_by == Go::kCall &&
                       r_.procedures[fact.owner].exported;
  return (entered && outsiders_tell(pair)) || own_rows_tell(pair, seen);
}

// Who hands the answer on to his own caller has not looked at it; the caller may.
bool ToldApart::own_rows_tell(const Pair& pair, Seen& seen) const {
  for (const ResolvedStage& one : r_.stages) {
    if (rows_tell(one.rows, pair)) return true;
  }
  return std::any_of(r_.procedures.begin(), r_.procedures.end(), [&](const auto& one) {
    return rows_tell(one.rows, pair) ||
           (hands_on(one.rows, pair.fact) && told({one.call_fact, pair.a, pair.b}, seen));
  });
}

bool ToldApart::outsiders_tell(const Pair& pair) const {
  if (!outsiders_) return true;
  const std::string& name = r_.procedures[r_.fact(pair.fact).owner].procedure->name.text;
  return std::any_of(outsiders_->begin(), outsiders_->end(),
                     [&](const ToldApart* one) { return one->from_outside(name, pair.a, pair.b); });
}

bool ToldApart::from_outside(std::string_view procedure, std::string_view a,
                             std::string_view b) const {
  const auto tells = [&](const std::vector<Exported>& targets, const std::vector<FactId>& facts) {
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (targets[i].name != procedure) continue;
      const bool handed_on =
          std::any_of(r_.procedures.begin(), r_.procedures.end(),
                      [&](const ResolvedProcedure& one) { return hands_on(one.rows, facts[i]); });
      Seen seen;
      if (handed_on || told({facts[i], a, b}, seen)) return true;
    }
    return false;
  };
  return tells(r_.outside.exits, r_.exit_facts) || tells(r_.outside.ioctls, r_.ioctl_facts);
}

bool ToldApart::rows_tell(const std::vector<ResolvedRow>& rows, const Pair& pair) const {
  return std::any_of(rows.begin(), rows.end(), [&](const ResolvedRow& row) {
    return row_tells(row, pair) || rows_tell(row.rows, pair);
  });
}

bool ToldApart::row_tells(const ResolvedRow& row, const Pair& pair) const {
  const auto tells = [&](const FactTest& test) { return test_tells(test, pair); };
  // While a loop goes on anybody may have answered.
  if (std::any_of(row.wait.begin(), row.wait.end(), tells)) return true;
  if (std::any_of(row.while_holds.begin(), row.while_holds.end(), tells)) return true;
  return std::any_of(row.when.begin(), row.when.end(), [&](const FactTest& test) {
    return tells(test) && (test.fact != kResultFact || may_be_latest(row, pair.fact));
  });
}

bool ToldApart::test_tells(const FactTest& test, const Pair& pair) const {
  if (test.fact == kResultFact) return has(test.words, pair.a) != has(test.words, pair.b);
  return test.fact == pair.fact && allows(r_, test, pair.a) != allows(r_, test, pair.b);
}

bool ToldApart::may_be_latest(const ResolvedRow& row, FactId fact) const {
  const Flow::State* state = flow_.before(row.id);
  return state != nullptr && flow_.latest_words(*state, fact) != 0;
}

bool ToldApart::hands_on(const std::vector<ResolvedRow>& rows, FactId fact) const {
  return std::any_of(rows.begin(), rows.end(), [&](const ResolvedRow& row) {
    if (hands_on(row.rows, fact)) return true;
    if (!row.answers || !row.answer.hands_on) return false;
    if (row.row->go == Go::kNowhere) return may_be_latest(row, fact);
    return r_.fact_of_call(row.row->go, row.target) == fact;
  });
}

}  // namespace nptsim::rules
