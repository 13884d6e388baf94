// What is known along a procedure, and how rows change it.
#include <algorithm>

#include "sim/rules/flow.h"

namespace nptsim::rules {
namespace {

constexpr std::size_t kMaxGuards = 32;  // conditions remembered for one fact

}  // namespace

Flow::Box Flow::box_of(const State& state) const {
  Box box(full_.size());
  const Values* const full = full_.data();
  const Values* const possible = state.possible.data();
  Values* const out = box.data();
  for (std::size_t fact = 0; fact < full_.size(); ++fact) {
    out[fact] = possible[fact] == 0 ? full[fact] : possible[fact];
  }
  return box;
}

// The values of `source` that a test of `result` allows.
Values Flow::words_meant(const FactTest& test, FactId source) const {
  Values meant = 0;
  const std::vector<std::string>& words = r_.fact(source).info.values;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const bool named =
        std::find(test.words.begin(), test.words.end(), words[i]) != test.words.end();
    if (named != test.inverted) meant |= 1ull << i;
  }
  return meant;
}

bool Flow::narrow(const State& state, const std::vector<FactTest>& tests, FactId without, Box& box,
                  std::vector<Source>& sources) const {
  box = box_of(state);
  sources = state.sources;
  bool asks_result = false;
  for (const FactTest& test : tests) {
    if (test.fact == without) continue;
    if (test.fact == kResultFact) {
      asks_result = true;
      for (Source& source : sources) source.words &= words_meant(test, source.fact);
      continue;
    }
    if (r_.fact(test.fact).held_by_frames() && state.possible[test.fact] == 0) return false;
    box[test.fact] &= test.allowed;
    if (box[test.fact] == 0) return false;
  }
  if (!propagate(box)) return false;
  for (Source& source : sources) source.words &= box[source.fact];
  std::erase_if(sources, [&](const Source& source) {
    Box one = box;
    return source.words == 0 || !assume_source(source, one);
  });
  return !asks_result || !sources.empty();
}

bool Flow::assume_source(const Source& source, Box& box) const {
  box[source.fact] &= source.words;
  if (box[source.fact] == 0) return false;
  for (const auto& [fact, values] : source.known) {
    box[fact] &= values;
    if (box[fact] == 0) return false;
  }
  return propagate(box);
}

void Flow::assume_tests(State& state, const std::vector<FactTest>& tests) const {
  Box box;
  std::vector<Source> sources;
  if (!narrow(state, tests, kNoFact, box, sources)) {
    state.reachable = false;
    return;
  }
  const bool asks_result = std::any_of(
      tests.begin(), tests.end(), [](const FactTest& test) { return test.fact == kResultFact; });
  if (asks_result) state.no_answer = false;
  state.sources = std::move(sources);
  for (FactId fact = 0; fact < box.size(); ++fact) {
    if (stable_[fact] && state.possible[fact] != 0) state.possible[fact] = box[fact];
  }
  if (state.sources.size() == 1 && !state.no_answer) {
    state.possible[state.sources[0].fact] &= state.sources[0].words;
  }
}

// A row with one condition was skipped, so that one does not hold.
void Flow::assume_not(State& state, const std::vector<FactTest>& tests) const {
  if (tests.size() != 1) return;
  const FactTest& test = tests[0];
  if (test.fact == kResultFact) {
    for (Source& source : state.sources) source.words &= ~words_meant(test, source.fact);
    std::erase_if(state.sources, [](const Source& source) { return source.words == 0; });
    if (state.sources.empty() && !state.no_answer) state.reachable = false;
    if (state.sources.size() == 1 && !state.no_answer) {
      state.possible[state.sources[0].fact] &= state.sources[0].words;
    }
    return;
  }
  if (!r_.stable(test.fact) || state.possible[test.fact] == 0) return;
  const bool sure = state.given.count(test.fact) != 0 || r_.fact(test.fact).info.fixed;
  if (!sure) return;
  const Values left = state.possible[test.fact] & ~test.allowed;
  if (left == 0) {
    // A fact that may not have been given yet also fails the test.
    const auto given = state.given.find(test.fact);
    const bool always = r_.fact(test.fact).info.fixed ||
                        (given != state.given.end() &&
                         std::any_of(given->second.begin(), given->second.end(),
                                     [](const Conditions& guard) { return guard.empty(); }));
    if (always) state.reachable = false;
    return;
  }
  state.possible[test.fact] = left;
  for (Source& source : state.sources) {
    if (source.fact == test.fact) source.words &= left;
  }
  std::erase_if(state.sources, [](const Source& source) { return source.words == 0; });
}

// Who had this was sent away by the row, so behind it these tests do not hold together: as long as
// their facts stay what they are.
void Flow::rule_out(State& state, const std::vector<FactTest>& tests) const {
  if (assume_ != Assume::kAsCalled || !state.reachable) return;
  Conditions together;
  for (const FactTest& test : tests) {
    if (!r_.stable(test.fact)) return;
    together.emplace_back(test.fact, test.allowed);
  }
  state.ruled_out.push_back(std::move(together));
}

Flow::State Flow::join(State skipped, State taken, const std::vector<FactTest>& tests,
                       const std::set<FactId>& written) {
  if (!taken.reachable) return skipped;
  if (!skipped.reachable) return taken;
  const bool one_answered = taken.sources.size() == 1 && skipped.sources.size() == 1 &&
                            written.count(taken.sources[0].fact) == 0 && !skipped.no_answer;
  const auto given_before = std::move(skipped.given);
  State out = std::move(skipped);
  out.no_answer |= taken.no_answer;
  std::erase_if(out.ruled_out, [&](const Conditions& one) {
    return std::find(taken.ruled_out.begin(), taken.ruled_out.end(), one) == taken.ruled_out.end();
  });
  for (FactId fact = 0; fact < out.possible.size(); ++fact) {
    out.possible[fact] |= taken.possible[fact];
  }
  for (Source source : taken.sources) {
    // Who answered in this row did so under its conditions.
    if (written.count(source.fact) != 0) {
      for (const FactTest& test : tests) {
        if (r_.stable(test.fact) && written.count(test.fact) == 0) {
          source.known.emplace_back(test.fact, test.allowed);
        }
      }
      std::sort(source.known.begin(), source.known.end());
    }
    const auto same = std::find_if(out.sources.begin(), out.sources.end(),
                                   [&](const Source& s) { return s.fact == source.fact; });
    if (same == out.sources.end()) {
      out.sources.push_back(std::move(source));
    } else {
      same->words |= source.words;
      std::erase_if(same->known, [&](const auto& condition) {
        return std::find(source.known.begin(), source.known.end(), condition) == source.known.end();
      });
    }
  }
  // What the row gave is given when its conditions held, if that can still be told afterwards.
  Conditions guard;
  bool can_tell = true;
  for (const FactTest& test : tests) {
    if (test.fact == kResultFact) {
      can_tell &= one_answered;
      if (one_answered)
        guard.emplace_back(taken.sources[0].fact, words_meant(test, taken.sources[0].fact));
    } else {
      can_tell &= r_.stable(test.fact) && written.count(test.fact) == 0;
      if (!r_.stable(test.fact)) {
        for (const FactId fact : written) unreliable_[{procedure_, fact}] = test.fact;
      }
      guard.emplace_back(test.fact, test.allowed);
    }
  }
  std::sort(guard.begin(), guard.end());
  out.given.clear();
  for (const auto& [fact, guards] : taken.given) {
    const auto before = given_before.find(fact);
    std::vector<Conditions> both;
    const auto add = [&](Conditions one) {
      std::sort(one.begin(), one.end());
      one.erase(std::unique(one.begin(), one.end()), one.end());
      if (both.size() < kMaxGuards && std::find(both.begin(), both.end(), one) == both.end()) {
        both.push_back(std::move(one));
      }
    };
    const auto in = [](const std::vector<Conditions>& list, const Conditions& one) {
      return std::find(list.begin(), list.end(), one) != list.end();
    };
    for (const Conditions& one : guards) {
      if (before != given_before.end() && in(before->second, one)) {
        add(one);
      } else if (can_tell && !tests.empty()) {
        Conditions joined = one;
        joined.insert(joined.end(), guard.begin(), guard.end());
        add(std::move(joined));
      }
    }
    if (before != given_before.end() && in(guards, Conditions{})) {
      for (const Conditions& one : before->second) add(one);
    }
    if (!both.empty()) out.given[fact] = std::move(both);
  }
  return out;
}

// What was told by the fact's old value is not known any more.
void Flow::forget(State& state, FactId fact) {
  for (auto at = state.given.begin(); at != state.given.end();) {
    std::erase_if(at->second, [&](const Conditions& guard) { return mentions(guard, fact); });
    at = at->second.empty() ? state.given.erase(at) : std::next(at);
  }
  for (Source& source : state.sources) {
    std::erase_if(source.known, [&](const auto& condition) { return condition.first == fact; });
  }
  std::erase_if(state.ruled_out, [&](const Conditions& one) { return mentions(one, fact); });
}

void Flow::give(State& state, FactId fact, Values values, std::set<FactId>& written) const {
  written.insert(fact);
  forget(state, fact);
  state.possible[fact] = values;
  state.given[fact] = {Conditions{}};
}

void Flow::give_sometimes(State& state, FactId fact, Values values, FactId source, Values words,
                          std::set<FactId>& written) const {
  const bool always = (state.possible[source] & ~words) == 0;
  if (always) return give(state, fact, values, written);
  written.insert(fact);
  forget(state, fact);
  state.possible[fact] |= values;
  if (words != 0) state.given[fact].push_back({{source, words}});
}

void Flow::take_answers(State& state, FactId fact, const AnswerSet& answers,
                        std::set<FactId>& written) {
  if (answers.words == 0) {  // it never comes back, as far as is known yet
    state.reachable = false;
    return;
  }
  give(state, fact, answers.words, written);
  state.sources = {{fact, answers.words, {}}};
  state.no_answer = false;
  std::map<FactId, AnswerSet::Field> by_field;  // values; words that always bring it
  std::map<FactId, Values> always;
  for (const auto& [word, fields] : answers.fields) {
    for (const auto& [field, with] : fields) {
      by_field[field].values |= with.values;
      if (with.always) always[field] |= 1ull << word;
    }
  }
  for (const auto& [field, with] : by_field) {
    give_sometimes(state, field, with.values, fact, always[field], written);
  }
}

}  // namespace nptsim::rules
