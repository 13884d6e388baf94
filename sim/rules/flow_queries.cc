// What is known before a row, for whoever asks what a change of it can do.
#include <algorithm>

#include "sim/rules/flow.h"

namespace nptsim::rules {
namespace {

// The boxes of `ruled_out` that a space of these facts can tell.
std::vector<FactId> facts_in(const std::vector<Conditions>& boxes) {
  std::vector<FactId> facts;
  for (const Conditions& box : boxes) {
    for (const auto& [fact, values] : box) {
      if (std::find(facts.begin(), facts.end(), fact) == facts.end()) facts.push_back(fact);
    }
  }
  return facts;
}

}  // namespace

// A fact that no row has given fails every test, so whoever was sent away by one had it.
bool Flow::is_ruled_out(const State& state, const Box& box) const {
  if (state.ruled_out.empty()) return false;
  const std::vector<FactId> facts = facts_in(state.ruled_out);
  const bool all_given = std::all_of(facts.begin(), facts.end(), [&](FactId fact) {
    if (!r_.fact(fact).held_by_frames()) return true;
    const auto given = state.given.find(fact);
    return given != state.given.end() && covered(given->second, box);
  });
  return all_given && covered(state.ruled_out, box);
}

bool Flow::may_hold(const State& state, const std::vector<FactTest>& tests) const {
  Box box;
  std::vector<Source> sources;
  return narrow(state, tests, kNoFact, box, sources) && !is_ruled_out(state, box);
}

bool Flow::is_sure(const State& state, const std::vector<FactTest>& tests, FactId fact) const {
  const auto test = std::find_if(tests.begin(), tests.end(),
                                 [fact](const FactTest& one) { return one.fact == fact; });
  Box box;
  std::vector<Source> sources;
  if (!narrow(state, tests, fact, box, sources)) return true;  // the row never runs
  if (fact == kResultFact) {
    return !state.no_answer && std::all_of(sources.begin(), sources.end(), [&](const Source& one) {
      return (one.words & ~words_meant(*test, one.fact)) == 0;
    });
  }
  if (r_.fact(fact).held_by_frames() && !surely_given(state, fact, tests)) return false;
  box[fact] &= ~test->allowed;
  return box[fact] == 0 || !propagate(box) || is_ruled_out(state, box);
}

Values Flow::latest_words(const State& state, FactId fact) const {
  for (const Source& source : state.sources) {
    if (source.fact == fact) return source.words;
  }
  return 0;
}

std::optional<Conditions> Flow::possible(const State& state, std::span<const FactId> facts) const {
  Box box = box_of(state);
  if (!propagate(box)) return std::nullopt;
  Conditions here;
  for (const FactId fact : facts) here.emplace_back(fact, box[fact]);
  return here;
}

bool Flow::all_latest(const State& state, const std::vector<FactTest>& tests,
                      const std::function<bool(FactId, const std::string&)>& holds) const {
  Box box;
  std::vector<Source> sources;
  if (!narrow(state, tests, kNoFact, box, sources)) return true;
  if (state.no_answer) return false;
  for (const Source& source : sources) {
    const std::vector<std::string>& words = r_.fact(source.fact).info.values;
    for (std::size_t i = 0; i < words.size(); ++i) {
      if ((source.words >> i & 1) != 0 && !holds(source.fact, words[i])) return false;
    }
  }
  return true;
}

bool Flow::has_fields(FactId answer, const std::string& word) const {
  const AnswerSet& answers = answers_of(answer);
  const auto fields = answers.fields.find(r_.value_index(answer, word));
  return fields != answers.fields.end() && !fields->second.empty();
}

}  // namespace nptsim::rules
