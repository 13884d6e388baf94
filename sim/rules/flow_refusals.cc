// What the walk along a procedure refuses, in words.
#include <algorithm>

#include "sim/rules/flow.h"
#include "sim/rules/spelling.h"

namespace nptsim::rules {
namespace {

std::string row_name(const Row& row) {
  std::string text = "row '" + row.id.text + "'";
  if (row.origin.overlay) text += " of overlay '" + row.origin.layer + "'";
  return text + " (" + to_string(row.origin.pos) + ")";
}

}  // namespace

bool Flow::covered(const std::vector<Conditions>& boxes, const Box& box) const {
  for (const Conditions& one : boxes) {
    if (std::all_of(one.begin(), one.end(), [&](const auto& condition) {
          return (box[condition.first] & ~condition.second) == 0;
        })) {
      return true;
    }
  }
  if (boxes.size() < 2) return false;
  std::vector<FactId> asked;
  for (const Conditions& one : boxes) {
    for (const auto& [fact, values] : one) {
      if (std::find(asked.begin(), asked.end(), fact) == asked.end()) asked.push_back(fact);
    }
  }
  const FactSpace space(r_, ties_, asked, box);
  bool exhausted = false;
  return !search(space, {}, boxes, exhausted) && !exhausted;
}

bool Flow::surely_given(const State& state, FactId fact, const std::vector<FactTest>& tests) const {
  const auto given = state.given.find(fact);
  if (given == state.given.end()) return false;
  Box box;
  std::vector<Source> sources;
  if (!narrow(state, tests, fact, box, sources)) return true;  // the row never runs
  const bool asks_result = std::any_of(
      tests.begin(), tests.end(), [](const FactTest& test) { return test.fact == kResultFact; });
  if (covered(given->second, box)) return true;
  if (sources.empty() || (state.no_answer && !asks_result)) return false;
  // Whoever answered last, that answer is now the value of its fact.
  return std::all_of(sources.begin(), sources.end(), [&](const Source& source) {
    Box one = box;
    return !assume_source(source, one) || covered(given->second, one);
  });
}

std::string Flow::when_given(const State& state, FactId fact) const {
  const auto given = state.given.find(fact);
  if (given == state.given.end() || given->second.empty()) {
    const auto by = unreliable_.find({procedure_, fact});
    if (by == unreliable_.end()) return "no row before gives it for certain";
    return "a row gives it, but '" + r_.fact_name(by->second) + "' may have changed since";
  }
  std::string text = "it surely has one only when ";
  bool first = true;
  for (const Conditions& guard : given->second) {
    if (!first) text += ", or ";
    first = false;
    bool inner = true;
    for (const auto& [tested, values] : guard) {
      if (!inner) text += " and ";
      inner = false;
      text += r_.fact_name(tested) + " is " + spell_values(r_.fact(tested), values);
    }
  }
  return text;
}

void Flow::check_tests(const ResolvedRow& row, const std::vector<FactTest>& tests,
                       const State& state) {
  if (assume_ != Assume::kAnyGuest) return;
  for (const FactTest& test : tests) {
    if (test.fact == kResultFact) {
      check_result_test(row, test, state);
      continue;
    }
    if (!r_.fact(test.fact).held_by_frames() || surely_given(state, test.fact, tests)) continue;
    out_->push_back({test.pos,
                     "row '" + row.row->id.text + "' tests '" + r_.fact_name(test.fact) +
                         "', which may have no value here: " + when_given(state, test.fact),
                     "", "test it under the same conditions, or give it earlier"});
  }
}

void Flow::check_result_test(const ResolvedRow& row, const FactTest& test, const State& state) {
  if (state.no_answer) {
    out_->push_back(
        {test.pos,
         "row '" + row.row->id.text + "' tests 'result', but nothing may have answered before", "",
         ""});
    return;
  }
  std::set<std::string> words;
  for (const Source& source : state.sources) {
    const std::vector<std::string>& all = r_.fact(source.fact).info.values;
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((source.words >> i) & 1) words.insert(all[i]);
    }
  }
  const std::vector<std::string> possible(words.begin(), words.end());
  for (const std::string& word : test.words) {
    if (words.count(word) == 0) {
      out_->push_back(unknown_value(test.pos, "result", word, possible));
    }
  }
}

// A stage's row may test what frames hold only if it is given wherever the stage is decided.
void Flow::check_stage_tests(const ResolvedRow& row, const ResolvedStage& stage,
                             const State& state) {
  for (std::size_t i = 0; i < stage.rows.size(); ++i) {
    const ResolvedRow& one = stage.rows[i];
    for (const FactTest& test : one.when) {
      if (!r_.fact(test.fact).held_by_frames() || surely_given(state, test.fact, one.when))
        continue;
      // Rows before it may have taken the situations in which it has no value.
      const auto given = state.given.find(test.fact);
      std::vector<Conditions> taken;
      if (given != state.given.end()) taken = given->second;
      for (std::size_t j = 0; j < i; ++j) {
        const Conditions& before = stage_views_[row.target].rows[j];
        if (!mentions(before, test.fact)) taken.push_back(before);
      }
      Box box;
      std::vector<Source> sources;
      if (!narrow(state, one.when, test.fact, box, sources) || covered(taken, box)) continue;
      if (!told_.emplace(row.id, r_.fact_name(test.fact)).second) continue;
      out_->push_back({row.row->target.pos,
                       "row '" + row.row->id.text + "' decides '" + stage.stage->name.text +
                           "', whose row '" + one.row->id.text + "' tests '" +
                           r_.fact_name(test.fact) +
                           "', which may have no value here: " + when_given(state, test.fact),
                       "", ""});
    }
  }
}

void Flow::check_takes(const ResolvedRow& row, const State& state) {
  for (const FactId fact : r_.procedures[row.target].takes) {
    if (surely_given(state, fact, {})) continue;
    out_->push_back({row.row->target.pos,
                     "row '" + row.row->id.text + "' calls '" + row.row->target.text +
                         "', which takes '" + r_.fact_name(fact) +
                         "', and that may have no value here: " + when_given(state, fact),
                     "", ""});
  }
}

// Which rows of stages make a row's conditions true for a sealed guest.
std::string Flow::why_reached(const ResolvedRow& row) const {
  std::string text;
  for (const FactTest& test : row.when) {
    for (const ResolvedStage& stage : r_.stages) {
      const bool by_result = test.fact == kResultFact;
      if (!by_result && stage.result_fact != test.fact) continue;
      const Values words = by_result ? words_meant(test, stage.result_fact) : test.allowed;
      for (const ResolvedRow& one : stage.rows) {
        const unsigned word = r_.value_index(stage.result_fact, one.answer.word);
        if (!reached_rows_[one.id] || ((words >> word) & 1) == 0) continue;
        text += "; '" + stage.stage->name.text + "' is '" + one.answer.word + "' by " +
                row_name(*one.row);
      }
    }
  }
  return text;
}

std::string Flow::chain_to(std::size_t procedure) const {
  std::vector<std::string> parts;
  std::set<std::size_t> seen;
  while (!r_.procedures[procedure].exported && first_site_[procedure] &&
         seen.insert(procedure).second) {
    const Site& site = *first_site_[procedure];
    parts.push_back(row_name(*site.row->row) + " calls '" +
                    r_.procedures[procedure].procedure->name.text + "'" + why_reached(*site.row));
    procedure = site.procedure;
  }
  std::string text = "'" + r_.procedures[procedure].procedure->name.text + "' is entered; ";
  for (auto part = parts.rbegin(); part != parts.rend(); ++part) text += *part + "; ";
  return text;
}

void Flow::refuse_open_action(const ResolvedRow* site, const ResolvedRow& row,
                              const ResolvedUse& use) {
  if (!told_.emplace(row.id, use.action->name).second) return;
  std::string text = "action '" + use.action->name + "' needs the guest's registers, but " +
                     r_.fact_name(r_.sealed_fact) + ": " +
                     spell_values(r_.fact(r_.sealed_fact), r_.sealed_value) +
                     " can reach it: " + chain_to(procedure_);
  if (site != nullptr) {
    text += row_name(*site->row) + " decides '" + site->row->target.text + "'" +
            why_reached(*site) + "; ";
  }
  text += row_name(*row.row) + " does it" + why_reached(row);
  out_->push_back(
      {row.row->origin.pos, text, "",
       "let one of these rows hold only for a guest that is not sealed, or use an action "
       "that works without registers"});
}

}  // namespace nptsim::rules
