#include "sim/rules/equivalent_row.h"

#include <algorithm>
#include <utility>

#include "sim/rules/same_effect.h"

namespace nptsim::rules {
namespace {

const FactTest* find_test(const std::vector<FactTest>& tests, FactId fact) {
  const auto found = std::find_if(tests.begin(), tests.end(),
                                  [fact](const FactTest& one) { return one.fact == fact; });
  return found == tests.end() ? nullptr : &*found;
}

std::vector<FactTest> without(std::vector<FactTest> tests, std::size_t which) {
  tests.erase(tests.begin() + static_cast<std::ptrdiff_t>(which));
  return tests;
}

FactTest opposite(const Resolved& r, FactTest test) {
  test.inverted = !test.inverted;
  if (test.fact != kResultFact) {
    test.allowed = all_values(r.fact(test.fact).info.values.size()) & ~test.allowed;
  }
  return test;
}

// Both lists; false if they cannot hold together by what they say of one fact. Two tests of the
// latest answer are left as the first one says.
bool merge_tests(std::vector<FactTest>& into, const std::vector<FactTest>& more) {
  for (const FactTest& test : more) {
    const auto same = std::find_if(into.begin(), into.end(),
                                   [&](const FactTest& one) { return one.fact == test.fact; });
    if (same == into.end()) {
      into.push_back(test);
    } else if (test.fact != kResultFact) {
      same->allowed &= test.allowed;
      if (same->allowed == 0) return false;
    } else if (!same->inverted && !test.inverted) {
      std::erase_if(same->words, [&](const std::string& word) {
        return std::find(test.words.begin(), test.words.end(), word) == test.words.end();
      });
      if (same->words.empty()) return false;
    } else if (same->inverted != test.inverted) {
      const std::vector<std::string>& denied = same->inverted ? same->words : test.words;
      std::vector<std::string> left = same->inverted ? test.words : same->words;
      std::erase_if(left, [&](const std::string& word) {
        return std::find(denied.begin(), denied.end(), word) != denied.end();
      });
      if (left.empty()) return false;
    }
  }
  return true;
}

ResolvedAnswer done() {
  ResolvedAnswer answer;
  answer.word = "done";
  return answer;
}

}  // namespace

EquivalentRow::EquivalentRow(const Resolved& resolved, const Flow& flow,
                             const ToldApart& told_apart, const RowPlaceIn& place)
    : r_(resolved), flow_(flow), told_apart_(told_apart), place_(place) {
  before_ = flow_.before(row().id);
}

std::string EquivalentRow::why(const Mutation& mutation) const {
  if (before_ == nullptr) return "control never comes to the row";
  switch (mutation.kind) {
    case MutationKind::kDropCondition:
    case MutationKind::kInvertCondition:
      return why_condition(mutation);
    case MutationKind::kOrder:
      return why_order();
    default:
      break;
  }
  if (!flow_.may_hold(*before_, row().when)) return "the row never holds";
  if (mutation.kind == MutationKind::kOtherAnswer) return why_answer();
  if (mutation.kind == MutationKind::kDropRow) return why_not_there();
  return "";
}

// --- conditions ---

std::string EquivalentRow::why_condition(const Mutation& mutation) const {
  const std::vector<FactTest>& tests = row().when;
  if (mutation.which >= tests.size()) return "";
  const FactTest& test = tests[mutation.which];
  const bool dropped = mutation.kind == MutationKind::kDropCondition;
  if (dropped && flow_.is_sure(*before_, tests, test.fact)) {
    return "where the others hold it holds too";
  }
  std::vector<FactTest> left = without(tests, mutation.which);
  const bool has_value =
      test.fact == kResultFact
          ? !before_->no_answer
          : !r_.fact(test.fact).held_by_frames() || flow_.surely_given(*before_, test.fact, left);
  if (!has_value || !only_answers(row()) || row().row->new_step) return "";
  std::vector<FactTest> else_tests = left;
  else_tests.push_back(opposite(r_, test));
  if (!ends_like_row(else_tests)) return "";
  if (!dropped && !ends_like_row(tests)) return "";
  return "control ends with the same answer either way";
}

// --- answers ---

std::string EquivalentRow::why_answer() const {
  const ResolvedRow* other = other_answer_of(place_.procedure->rows, row());
  if (other == nullptr) return "";
  const ResolvedAnswer& said = row().answer;
  const bool same = said.hands_on ? latest_is(other->answer)
                    : other->answer.hands_on
                        ? latest_is(said)
                        : alike(told_apart_, place_.procedure->call_fact, said, other->answer);
  return same ? "nobody tells the two answers apart" : "";
}

// Whether what would be handed on is like this answer.
bool EquivalentRow::latest_is(const ResolvedAnswer& answer) const {
  if (row().row->go != Go::kNowhere || !row().actions.empty()) return false;
  if (!answer.fields.empty()) return false;
  return flow_.all_latest(*before_, row().when, [&](FactId fact, const std::string& word) {
    ResolvedAnswer latest;
    latest.word = word;
    return !flow_.has_fields(fact, word) &&
           alike(told_apart_, place_.procedure->call_fact, latest, answer);
  });
}

std::string EquivalentRow::why_not_there() const {
  if (!only_answers(row()) || row().row->new_step || !ends_like_row(row().when)) return "";
  return "control ends with the same answer without it";
}

bool EquivalentRow::ends_like_row(const std::vector<FactTest>& known) const {
  if (!flow_.may_hold(*before_, known)) return true;
  const auto is_like_row = [&](const ResolvedAnswer& answer) {
    return alike(told_apart_, place_.procedure->call_fact, row().answer, answer);
  };
  for (std::size_t i = place_.at + 1; i < place_.list->size(); ++i) {
    const ResolvedRow& later = (*place_.list)[i];
    const Meets how = meets(later, known);
    if (how == Meets::kNever) continue;
    const bool only_ends = only_answers(later) && !later.row->new_step;
    if (!only_ends || !is_like_row(later.answer)) return false;
    if (how == Meets::kSurely) return true;
  }
  // At its end a loop goes on.
  return place_.list == &place_.procedure->rows && is_like_row(done());
}

EquivalentRow::Meets EquivalentRow::meets(const ResolvedRow& later,
                                          const std::vector<FactTest>& known) const {
  std::vector<FactTest> asked = later.when;
  // Others may act before the rest is asked.
  if (later.row->new_step) std::erase_if(asked, [&](const auto& t) { return !r_.stable(t.fact); });
  std::vector<FactTest> together = known;
  if (!merge_tests(together, asked) || !flow_.may_hold(*before_, together)) return Meets::kNever;
  const bool sure = std::all_of(later.when.begin(), later.when.end(), [&](const FactTest& test) {
    std::vector<FactTest> with = known;
    const FactTest* said = find_test(known, test.fact);
    if (said != nullptr) {
      return test.fact != kResultFact && (said->allowed & ~test.allowed) == 0;
    }
    with.push_back(test);
    return flow_.is_sure(*before_, with, test.fact);
  });
  return sure ? Meets::kSurely : Meets::kUnknown;
}

// --- order ---

std::string EquivalentRow::why_order() const {
  if (place_.at + 1 >= place_.list->size()) return "";
  const ResolvedRow& next = (*place_.list)[place_.at + 1];
  if (exclude_each_other(next)) return "the two rows exclude each other";
  const bool plain =
      only_answers(row()) && only_answers(next) && !row().row->new_step && !next.row->new_step;
  if (plain && alike(told_apart_, place_.procedure->call_fact, row().answer, next.answer)) {
    return "the two rows say the same";
  }
  if (both_end_alike(next)) return "the two rows do the same, and control ends";
  if (commute(r_, *place_.procedure, row(), next)) return "neither row sees what the other does";
  if (decides_in_vain(r_, row(), next) || decides_in_vain(r_, next, row())) {
    return "where the one returns nobody hears what the other decides";
  }
  return "";
}

// If one of them holds the same is done, and the other is not asked.
bool EquivalentRow::both_end_alike(const ResolvedRow& next) const {
  return row().answers && !row().row->new_step && row().row->loop == LoopKind::kNone &&
         same_effect(told_apart_, place_.procedure->call_fact, row(), next);
}

// By facts that are what they were when the second of them is asked, in either order. Behind a row
// that returns nothing is asked any more.
bool EquivalentRow::exclude_each_other(const ResolvedRow& next) const {
  // Others may act where a row waits or begins a step.
  const bool steps =
      row().row->new_step || next.row->new_step || !row().wait.empty() || !next.wait.empty();
  const auto counts = [&](FactId fact) {
    if (steps && fact != kResultFact && !r_.stable(fact)) return false;
    return (row().answers || leaves_alone(r_, row(), fact)) &&
           (next.answers || leaves_alone(r_, next, fact));
  };
  std::vector<FactTest> together = row().when, more = next.when;
  std::erase_if(together, [&](const FactTest& test) { return !counts(test.fact); });
  std::erase_if(more, [&](const FactTest& test) { return !counts(test.fact); });
  return !merge_tests(together, more) || !flow_.may_hold(*before_, together);
}

}  // namespace nptsim::rules
