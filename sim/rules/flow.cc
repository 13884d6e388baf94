#include "sim/rules/flow.h"

#include <algorithm>

namespace nptsim::rules {
namespace {

// Of one analysis: far more than any real model takes.
constexpr std::size_t kRowVisits = 400000;
constexpr std::size_t kBoxes = 20'000'000;
constexpr std::size_t kBoxesOfOneSearch = 20000;
constexpr unsigned kLoopRounds = 8;

const std::map<FactId, AnswerSet::Field> kNoFields;

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
      reached_rows_(resolved.rows.size(), false),
      deciders_(resolved.stages.size()) {
  for (const ResolvedFact& fact : r_.facts) {
    full_.push_back(all_values(fact.info.values.size()));
    stable_.push_back(fact.stable());
  }
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
      answers.add(r_.value_index(stage.result_fact, row.answer.word), fields_of(row.answer));
    }
    view.space = std::make_unique<FactSpace>(r_, ties_, asked, domains);
    stage_views_.push_back(std::move(view));
    stage_answers_.push_back(std::move(answers));
  }
}

void Flow::run(Diagnostics& out) {
  out_ = &out;
  budget_ = kRowVisits;
  boxes_left_ = kBoxes;
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
    if (gave_up()) return;
  }
  report_ = true;
  for (std::size_t i = 0; i < r_.procedures.size() && !gave_up(); ++i) {
    if (entered_[i]) walk_procedure(i);
  }
}

bool Flow::gave_up() {
  if (budget_ != 0 && boxes_left_ != 0) return false;
  out_->push_back({r_.model.pos, "the procedures are too intricate to be checked",
                   "fewer loops in loops, less recursion, fewer facts asked together", ""});
  return true;
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
  if (assume_ == Assume::kSealedGuest) state.possible[r_.sealed_fact] &= r_.sealed_value;
  if (assume_ != Assume::kAnyGuest) {
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
  summary.add(r_.value_index(r_.procedures[procedure].call_fact, "done"), kNoFields);
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
  if (report_ && assume_ == Assume::kAsCalled) before_[row.id] = state;
  State taken = state;
  assume_tests(taken, row.when);
  if (!taken.reachable) return;  // never runs
  reached_rows_[row.id] = true;
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
  assume_not(state, row.when);
  if (!taken.reachable) rule_out(state, row.when);
  state = join(std::move(state), std::move(taken), row.when, written);
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
                      next.no_answer == head.no_answer && next.sources == head.sources &&
                      next.ruled_out == head.ruled_out;
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

std::optional<Situation> Flow::search(const FactSpace& space, const Conditions& where,
                                      std::span<const Conditions> covers, bool& exhausted) const {
  std::size_t boxes = std::min(kBoxesOfOneSearch, boxes_left_);
  boxes_left_ -= boxes;
  const auto found = space.uncovered(where, covers, boxes, exhausted);
  boxes_left_ += boxes;
  return found;
}

void Flow::take_decide(const ResolvedRow& row, State& state, std::set<FactId>& written) {
  const ResolvedStage& stage = r_.stages[row.target];
  const StageView& view = stage_views_[row.target];
  if (report_ && assume_ == Assume::kAnyGuest) check_stage_tests(row, stage, state);
  if (report_ && assume_ == Assume::kAsCalled) deciders_[row.target].push_back(state);
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
    const auto found = search(*view.space, where, std::span(view.rows).first(i), exhausted);
    if (!found && !exhausted) continue;  // cannot be chosen here
    reached_rows_[one.id] = true;
    const unsigned word = r_.value_index(stage.result_fact, one.answer.word);
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

const AnswerSet& Flow::answers_of(FactId answer) const {
  const ResolvedFact& fact = r_.fact(answer);
  if (fact.info.kind == FactKind::kStage) return stage_answers_[fact.owner];
  if (fact.called_by == Go::kCall) return summaries_[fact.owner];
  return (fact.called_by == Go::kExit ? exit_answers_ : ioctl_answers_)[fact.owner];
}

void Flow::take_return(const ResolvedRow& row, const State& state) {
  AnswerSet& summary = summaries_[procedure_];
  const AnswerSet before = summary;
  const FactId fact = r_.procedures[procedure_].call_fact;
  if (!row.answer.hands_on) {
    summary.add(r_.value_index(fact, row.answer.word), fields_of(row.answer));
  } else {
    if (report_ && assume_ == Assume::kAnyGuest && state.no_answer) {
      out_->push_back(
          {row.row->origin.pos,
           "row '" + row.row->id.text + "' hands on 'result', but nothing may have answered before",
           "", ""});
    }
    for (const Source& source : state.sources) {
      const AnswerSet& from = answers_of(source.fact);
      for (unsigned i = 0; i < r_.fact(source.fact).info.values.size(); ++i) {
        if (((source.words & from.words) >> i & 1) == 0) continue;
        const auto fields = from.fields.find(i);
        summary.add(r_.value_index(fact, r_.fact(source.fact).info.values[i]),
                    fields == from.fields.end() ? kNoFields : fields->second);
      }
    }
  }
  if (summary != before) waiting_.insert(callers_[procedure_].begin(), callers_[procedure_].end());
}

}  // namespace nptsim::rules
