#include "sim/rules/flow.h"

#include <algorithm>

#include "sim/rules/spelling.h"

namespace nptsim::rules {
namespace {

constexpr std::size_t kRowVisits = 400000;   // of one analysis: far more than any real model takes
constexpr std::size_t kStageSearch = 20000;  // boxes for one row of a stage at one place
constexpr std::size_t kMaxGuards = 32;       // conditions remembered for one fact
constexpr unsigned kLoopRounds = 8;

const std::map<FactId, AnswerSet::Field> kNoFields;

bool is_stable(const Resolved& r, FactId fact) {
  return fact != kResultFact && r.fact(fact).stable();
}

std::string row_name(const Row& row) {
  std::string text = "row '" + row.id.text + "'";
  if (row.origin.overlay) text += " of overlay '" + row.origin.layer + "'";
  return text + " (" + to_string(row.origin.pos) + ")";
}

bool mentions(const Conditions& guard, FactId fact) {
  return std::any_of(guard.begin(), guard.end(),
                     [&](const auto& condition) { return condition.first == fact; });
}

AnswerSet answers_of_shapes(const Resolved& r, FactId fact,
                            const std::vector<AnswerShape>& shapes) {
  AnswerSet set;
  const std::vector<std::string>& words = r.fact(fact).info.values;
  for (const AnswerShape& shape : shapes) {
    std::map<FactId, AnswerSet::Field> fields;
    for (const AnswerShape::Field& field : shape.fields) {
      const FactId id = r.field_by_name.find(field.name)->second;
      const std::vector<std::string>& values = r.fact(id).info.values;
      for (const std::string& value : field.values) {
        const auto at = std::find(values.begin(), values.end(), value) - values.begin();
        fields[id].values |= 1ull << at;
      }
    }
    const auto word = std::find(words.begin(), words.end(), shape.word) - words.begin();
    set.add(static_cast<unsigned>(word), fields);
  }
  return set;
}

std::map<FactId, AnswerSet::Field> fields_of(const ResolvedAnswer& answer) {
  std::map<FactId, AnswerSet::Field> fields;
  for (const auto& [field, value] : answer.fields) fields[field].values |= 1ull << value;
  return fields;
}

unsigned word_index(const Resolved& r, FactId fact, const std::string& word) {
  const std::vector<std::string>& words = r.fact(fact).info.values;
  const auto at = std::find(words.begin(), words.end(), word);
  NPTSIM_CHECK(at != words.end());
  return static_cast<unsigned>(at - words.begin());
}

// The facts of a frame that rows may give, loops included.
void collect_given(const Resolved& r, const std::vector<ResolvedRow>& rows, std::set<FactId>& out) {
  const auto collect_uses = [&](const ResolvedRow& row) {
    for (const ResolvedUse& use : row.actions) out.insert(use.gives.begin(), use.gives.end());
  };
  for (const ResolvedRow& row : rows) {
    collect_uses(row);
    if (row.row->go != Go::kNowhere) out.insert(r.fact_of_call(row.row->go, row.target));
    if (row.row->go == Go::kDecide) {
      for (const ResolvedRow& one : r.stages[row.target].rows) collect_uses(one);
    }
    collect_given(r, row.rows, out);
  }
}

}  // namespace

void AnswerSet::add(unsigned word, const std::map<FactId, Field>& fields_of_answer) {
  std::map<FactId, Field>& known = fields[word];
  const bool fresh = ((words >> word) & 1) == 0;
  words |= 1ull << word;
  if (fresh) {
    known = fields_of_answer;
    return;
  }
  for (auto& [field, was] : known) {
    const auto now = fields_of_answer.find(field);
    if (now == fields_of_answer.end()) {
      was.always = false;
    } else {
      was.values |= now->second.values;
      was.always &= now->second.always;
    }
  }
  for (const auto& [field, now] : fields_of_answer) {
    known.emplace(field, Field{now.values, false});  // earlier answers came without it
  }
}

// --- set-up ---

Flow::Flow(const Resolved& resolved, Assume assume)
    : r_(resolved),
      assume_(assume),
      ties_(resolved),
      summaries_(resolved.procedures.size()),
      callers_(resolved.procedures.size()),
      entered_(resolved.procedures.size(), assume == Assume::kAnyGuest),
      entry_(resolved.procedures.size()),
      first_site_(resolved.procedures.size()),
      reached_rows_(resolved.rows.size(), false) {
  summarize_stages();
  for (std::size_t i = 0; i < r_.outside.exits.size(); ++i) {
    exit_answers_.push_back(answers_of_shapes(r_, r_.exit_facts[i], r_.outside.exits[i].answers));
  }
  for (std::size_t i = 0; i < r_.outside.ioctls.size(); ++i) {
    ioctl_answers_.push_back(
        answers_of_shapes(r_, r_.ioctl_facts[i], r_.outside.ioctls[i].answers));
  }
}

void Flow::summarize_stages() {
  std::vector<Values> domains;
  for (const ResolvedFact& fact : r_.facts) domains.push_back(all_values(fact.info.values.size()));
  for (const ResolvedStage& stage : r_.stages) {
    AnswerSet answers;
    StageView view;
    std::vector<FactId> asked;
    for (const ResolvedRow& row : stage.rows) {
      Conditions conditions;
      for (const FactTest& test : row.when) {
        conditions.emplace_back(test.fact, test.allowed);
        if (std::find(asked.begin(), asked.end(), test.fact) == asked.end()) {
          asked.push_back(test.fact);
        }
      }
      view.rows.push_back(std::move(conditions));
      answers.add(word_index(r_, stage.result_fact, row.answer.word), fields_of(row.answer));
    }
    view.space = std::make_unique<FactSpace>(r_, ties_, asked, domains);
    stage_views_.push_back(std::move(view));
    stage_answers_.push_back(std::move(answers));
  }
}

void Flow::run(Diagnostics& out) {
  out_ = &out;
  budget_ = kRowVisits;
  for (std::size_t i = 0; i < r_.procedures.size(); ++i) {
    if (assume_ == Assume::kAnyGuest || r_.procedures[i].exported) {
      entered_[i] = true;
      waiting_.insert(i);
    }
  }
  // Callees come later in most files, so the last first.
  while (!waiting_.empty()) {
    const std::size_t next = *waiting_.rbegin();
    waiting_.erase(next);
    walk_procedure(next);
    if (budget_ == 0) {
      out.push_back({r_.model.pos, "the procedures are too intricate to be checked",
                     "fewer loops in loops, less recursion", ""});
      return;
    }
  }
  report_ = true;
  for (std::size_t i = 0; i < r_.procedures.size(); ++i) {
    if (entered_[i]) walk_procedure(i);
  }
}

Flow::State Flow::entry_state(std::size_t procedure) const {
  State state;
  for (const ResolvedFact& fact : r_.facts) {
    state.possible.push_back(fact.held_by_frames() ? 0 : all_values(fact.info.values.size()));
  }
  for (const FactId fact : r_.procedures[procedure].takes) {
    state.possible[fact] = all_values(r_.fact(fact).info.values.size());
    state.given[fact] = {Conditions{}};
  }
  if (assume_ == Assume::kSealedGuest) {
    state.possible[r_.sealed_fact] &= r_.sealed_value;
    if (!r_.procedures[procedure].exported && !entry_[procedure].empty()) {
      for (FactId fact = 0; fact < r_.facts.size(); ++fact) {
        const bool taken = r_.fact(fact).held_by_frames() && state.possible[fact] != 0;
        if (r_.fact(fact).info.fixed || taken) state.possible[fact] &= entry_[procedure][fact];
      }
    }
  }
  Box box = box_of(state);
  state.reachable = propagate(box);
  for (FactId fact = 0; fact < r_.facts.size(); ++fact) {
    if (r_.fact(fact).info.fixed) state.possible[fact] = box[fact];
  }
  return state;
}

void Flow::walk_procedure(std::size_t procedure) {
  procedure_ = procedure;
  State state = entry_state(procedure);
  walk_rows(r_.procedures[procedure].rows, state);
  if (!state.reachable) return;
  AnswerSet& summary = summaries_[procedure];
  const AnswerSet before = summary;
  summary.add(word_index(r_, r_.procedures[procedure].call_fact, "done"), kNoFields);
  if (summary != before) waiting_.insert(callers_[procedure].begin(), callers_[procedure].end());
}

// --- rows ---

void Flow::walk_rows(const std::vector<ResolvedRow>& rows, State& state) {
  for (const ResolvedRow& row : rows) {
    if (!state.reachable) return;
    if (budget_ == 0) return;
    --budget_;
    walk_row(row, state);
  }
}

void Flow::walk_row(const ResolvedRow& row, State& state) {
  if (report_) check_tests(row, row.when, state);
  Box box;
  std::vector<Source> sources;
  if (!narrow(state, row.when, kNoFact, box, sources)) return;  // never runs
  reached_rows_[row.id] = true;
  State taken = state;
  assume_tests(taken, row.when);
  std::set<FactId> written;
  if (row.row->loop != LoopKind::kNone) {
    walk_loop(row, taken, written);
  } else {
    take_row(row, taken, written);
  }
  if (row.when.empty()) {
    state = std::move(taken);
    return;
  }
  State skipped = state;
  assume_not(skipped, row.when);
  state = join(skipped, taken, row.when, written);
}

void Flow::walk_loop(const ResolvedRow& row, State& state, std::set<FactId>& written) {
  collect_given(r_, row.rows, written);
  const bool report = report_;
  report_ = false;
  State head = state;
  for (unsigned round = 0;; ++round) {
    State body = head;
    if (row.row->loop == LoopKind::kRepeat) assume_tests(body, row.while_holds);
    walk_rows(row.rows, body);
    const State next = body.reachable ? join(head, body, {}, written) : head;
    const bool same = next.possible == head.possible && next.given == head.given &&
                      next.no_answer == head.no_answer && next.sources == head.sources;
    if (same || budget_ == 0) break;
    head = next;
    if (round == kLoopRounds) {  // settle it: everything that the loop gives may be anything
      for (const FactId fact : written) {
        head.possible[fact] = all_values(r_.fact(fact).info.values.size());
      }
      head.given = state.given;
    }
  }
  report_ = report;
  if (report_) {
    check_tests(row, row.while_holds, head);
    State body = head;
    if (row.row->loop == LoopKind::kRepeat) assume_tests(body, row.while_holds);
    walk_rows(row.rows, body);
  }
  state = head;
  if (row.row->loop == LoopKind::kRepeat) assume_not(state, row.while_holds);
}

void Flow::take_row(const ResolvedRow& row, State& state, std::set<FactId>& written) {
  if (report_) check_tests(row, row.wait, state);
  for (const ResolvedUse& use : row.actions) {
    if (report_ && assume_ == Assume::kSealedGuest && use.action->sealed == nullptr) {
      refuse_open_action(nullptr, row, use);
    }
    for (const FactId fact : use.gives) {
      give(state, fact, all_values(r_.fact(fact).info.values.size()), written);
    }
  }
  if (row.row->go == Go::kDecide) {
    take_decide(row, state, written);
  } else if (row.row->go != Go::kNowhere) {
    take_call(row, state, written);
  }
  if (row.answers && state.reachable) {
    take_return(row, state);
    state.reachable = false;
  }
}

void Flow::take_decide(const ResolvedRow& row, State& state, std::set<FactId>& written) {
  const ResolvedStage& stage = r_.stages[row.target];
  const StageView& view = stage_views_[row.target];
  if (report_ && assume_ == Assume::kAnyGuest) check_stage_tests(row, stage, state);
  Box box = box_of(state);
  if (!propagate(box)) return;
  Conditions here;
  for (const FactId fact : view.space->facts()) here.emplace_back(fact, box[fact]);
  AnswerSet answers;
  std::map<FactId, Values> given_with;  // words whose rows all give the fact
  std::map<FactId, Values> given_somewhere;
  for (std::size_t i = 0; i < stage.rows.size(); ++i) {
    const ResolvedRow& one = stage.rows[i];
    Conditions where = here;
    where.insert(where.end(), view.rows[i].begin(), view.rows[i].end());
    bool exhausted = false;
    const auto found =
        view.space->uncovered(where, std::span(view.rows).first(i), kStageSearch, exhausted);
    if (!found && !exhausted) continue;  // cannot be chosen here
    reached_rows_[one.id] = true;
    const unsigned word = word_index(r_, stage.result_fact, one.answer.word);
    const bool fresh = ((answers.words >> word) & 1) == 0;
    answers.add(word, fields_of(one.answer));
    std::set<FactId> gives;
    for (const ResolvedUse& use : one.actions) {
      if (report_ && assume_ == Assume::kSealedGuest && use.action->sealed == nullptr) {
        refuse_open_action(&row, one, use);
      }
      gives.insert(use.gives.begin(), use.gives.end());
    }
    for (auto& [fact, words] : given_with) {
      if (gives.count(fact) == 0) words &= ~(1ull << word);
    }
    for (const FactId fact : gives) {
      given_somewhere[fact] |= 1ull << word;
      if (fresh) given_with[fact] |= 1ull << word;
    }
  }
  take_answers(state, stage.result_fact, answers, written);
  for (const auto& [fact, words] : given_somewhere) {
    give_sometimes(state, fact, all_values(r_.fact(fact).info.values.size()), stage.result_fact,
                   given_with[fact], written);
  }
}

void Flow::take_call(const ResolvedRow& row, State& state, std::set<FactId>& written) {
  const Go go = row.row->go;
  const FactId fact = r_.fact_of_call(go, row.target);
  if (go == Go::kExit) return take_answers(state, fact, exit_answers_[row.target], written);
  if (go == Go::kIoctl) return take_answers(state, fact, ioctl_answers_[row.target], written);
  callers_[row.target].insert(procedure_);
  if (assume_ == Assume::kAnyGuest) {
    if (report_) check_takes(row, state);
  } else {
    // What is possible here is possible there.
    Box box = box_of(state);
    if (!propagate(box)) return;
    std::vector<Values>& entry = entry_[row.target];
    const std::vector<Values> before = entry;
    if (entry.empty()) entry.resize(r_.facts.size(), 0);
    for (FactId i = 0; i < r_.facts.size(); ++i) entry[i] |= box[i];
    if (!entered_[row.target] || entry != before) {
      entered_[row.target] = true;
      waiting_.insert(row.target);
    }
    if (!first_site_[row.target] && row.target != procedure_) {
      first_site_[row.target] = Site{procedure_, &row};
    }
  }
  take_answers(state, fact, summaries_[row.target], written);
}

void Flow::take_return(const ResolvedRow& row, const State& state) {
  AnswerSet& summary = summaries_[procedure_];
  const AnswerSet before = summary;
  const FactId fact = r_.procedures[procedure_].call_fact;
  if (!row.answer.hands_on) {
    summary.add(word_index(r_, fact, row.answer.word), fields_of(row.answer));
  } else {
    if (report_ && assume_ == Assume::kAnyGuest && state.no_answer) {
      out_->push_back(
          {row.row->origin.pos,
           "row '" + row.row->id.text + "' hands on 'result', but nothing may have answered before",
           "", ""});
    }
    for (const Source& source : state.sources) {
      const Go go = r_.fact(source.fact).called_by;
      const std::size_t owner = r_.fact(source.fact).owner;
      const AnswerSet& from = r_.fact(source.fact).info.kind == FactKind::kStage
                                  ? stage_answers_[owner]
                              : go == Go::kCall ? summaries_[owner]
                              : go == Go::kExit ? exit_answers_[owner]
                                                : ioctl_answers_[owner];
      for (unsigned i = 0; i < r_.fact(source.fact).info.values.size(); ++i) {
        if (((source.words & from.words) >> i & 1) == 0) continue;
        const auto fields = from.fields.find(i);
        summary.add(word_index(r_, fact, r_.fact(source.fact).info.values[i]),
                    fields == from.fields.end() ? kNoFields : fields->second);
      }
    }
  }
  if (summary != before) waiting_.insert(callers_[procedure_].begin(), callers_[procedure_].end());
}

// --- states ---

Flow::Box Flow::box_of(const State& state) const {
  Box box = state.possible;
  for (FactId fact = 0; fact < box.size(); ++fact) {
    if (box[fact] == 0) box[fact] = all_values(r_.fact(fact).info.values.size());
  }
  return box;
}

bool Flow::propagate(Box& box) const {
  for (bool changed = true; changed;) {
    changed = false;
    for (const Constraint& c : r_.constraints) {
      const Values fact = box[c.fact];
      if ((fact & c.value) == 0) continue;
      const Values narrowed = box[c.implied] & c.allowed;
      if (fact == c.value) {
        if (narrowed == box[c.implied]) continue;
        box[c.implied] = narrowed;
        if (narrowed == 0) return false;
        changed = true;
      } else if (narrowed == 0) {
        box[c.fact] = fact & ~c.value;
        changed = true;
      }
    }
  }
  return true;
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
    if (is_stable(r_, fact) && state.possible[fact] != 0) state.possible[fact] = box[fact];
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
  if (!is_stable(r_, test.fact) || state.possible[test.fact] == 0) return;
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

Flow::State Flow::join(const State& skipped, const State& taken, const std::vector<FactTest>& tests,
                       const std::set<FactId>& written) {
  if (!taken.reachable) return skipped;
  if (!skipped.reachable) return taken;
  State out = skipped;
  out.no_answer |= taken.no_answer;
  for (FactId fact = 0; fact < out.possible.size(); ++fact) {
    out.possible[fact] |= taken.possible[fact];
  }
  for (Source source : taken.sources) {
    // Who answered in this row did so under its conditions.
    if (written.count(source.fact) != 0) {
      for (const FactTest& test : tests) {
        if (is_stable(r_, test.fact) && written.count(test.fact) == 0) {
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
      const bool one = taken.sources.size() == 1 && skipped.sources.size() == 1 &&
                       written.count(taken.sources[0].fact) == 0 && !skipped.no_answer;
      can_tell &= one;
      if (one) guard.emplace_back(taken.sources[0].fact, words_meant(test, taken.sources[0].fact));
    } else {
      can_tell &= is_stable(r_, test.fact) && written.count(test.fact) == 0;
      if (!is_stable(r_, test.fact)) {
        for (const FactId fact : written) unreliable_[{procedure_, fact}] = test.fact;
      }
      guard.emplace_back(test.fact, test.allowed);
    }
  }
  std::sort(guard.begin(), guard.end());
  out.given.clear();
  for (const auto& [fact, guards] : taken.given) {
    const auto before = skipped.given.find(fact);
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
      if (before != skipped.given.end() && in(before->second, one)) {
        add(one);
      } else if (can_tell && !tests.empty()) {
        Conditions joined = one;
        joined.insert(joined.end(), guard.begin(), guard.end());
        add(std::move(joined));
      }
    }
    if (before != skipped.given.end() && in(guards, Conditions{})) {
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

// --- refusals ---

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
  return !space.uncovered({}, boxes, kStageSearch, exhausted) && !exhausted;
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
        const unsigned word = word_index(r_, stage.result_fact, one.answer.word);
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
