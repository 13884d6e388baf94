// What can happen along a procedure: which facts have a value where, which answers are possible.
//
// One walker serves four questions: what a procedure can answer, whether every fact that a row
// tests has been given before, (with the guest assumed sealed) what a sealed guest can reach, and
// (with procedures entered as their callers do) what is known before each row.
#ifndef NPTSIM_SIM_RULES_FLOW_H_
#define NPTSIM_SIM_RULES_FLOW_H_

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/rules/resolved.h"
#include "sim/rules/solver.h"

namespace nptsim::rules {

// The answers of a stage or procedure, as values of its fact, and the fields that come with each.
struct AnswerSet {
  struct Field {
    Values values = 0;
    bool always = true;  // with every answer of this word
    bool operator==(const Field&) const = default;
  };
  Values words = 0;
  std::map<unsigned, std::map<FactId, Field>> fields;  // by word

  bool operator==(const AnswerSet&) const = default;
  void add(unsigned word, const std::map<FactId, Field>& fields_of_answer);
};

class Flow {
 public:
  enum class Assume : std::uint8_t { kAnyGuest, kSealedGuest, kAsCalled };

  Flow(const Resolved& resolved, Assume assume);

  // Finds what every procedure can answer. With kAnyGuest then reports facts and answers that are
  // tested where they may have no value; with kSealedGuest open-only actions that are reached.
  void run(Diagnostics& out);

  const AnswerSet& answers_of_procedure(std::size_t i) const { return summaries_[i]; }
  const AnswerSet& answers_of_stage(std::size_t i) const { return stage_answers_[i]; }
  bool row_reached(RowId row) const { return reached_rows_[row]; }

  struct Source {
    FactId fact = kNoFact;
    Values words = 0;
    Conditions known;  // what surely holds if this is who answered last
    bool operator==(const Source&) const = default;
  };
  // What is known before a row. `possible` of a fact that may change any time is its whole domain,
  // of a fact that no row has given yet 0.
  struct State {
    bool reachable = true;
    bool no_answer = true;
    std::vector<Values> possible;
    std::vector<Source> sources;                      // who may have given `result`
    std::map<FactId, std::vector<Conditions>> given;  // under which conditions it surely is
    std::vector<Conditions> ruled_out;                // with kAsCalled: rows before have returned
  };
  using Box = std::vector<Values>;

  // With kAsCalled. Before a row; null: nobody comes to it.
  const State* before(RowId row) const {
    const auto found = before_.find(row);
    return found == before_.end() ? nullptr : &found->second;
  }
  // At each row that decides the stage.
  const std::vector<State>& deciders(std::size_t stage) const { return deciders_[stage]; }

  // Whether the tests may hold there, all of them.
  bool may_hold(const State& state, const std::vector<FactTest>& tests) const;
  // Whether the test of this fact holds there whenever the others do.
  bool is_sure(const State& state, const std::vector<FactTest>& tests, FactId fact) const;
  // The words of this one's answer that may be the latest there; 0: somebody else answered.
  Values latest_words(const State& state, FactId fact) const;
  // What of these facts is possible there; none if nothing is.
  std::optional<Conditions> possible(const State& state, std::span<const FactId> facts) const;
  // Whether `holds` is true of each answer that may be the latest there where the tests hold.
  bool all_latest(const State& state, const std::vector<FactTest>& tests,
                  const std::function<bool(FactId, const std::string&)>& holds) const;
  // Whether some answer of this word comes with fields.
  bool has_fields(FactId answer, const std::string& word) const;
  bool surely_given(const State& state, FactId fact, const std::vector<FactTest>& tests) const;
  const FactTies& ties() const { return ties_; }

 private:
  struct Site {  // how a procedure was first reached
    std::size_t procedure = 0;
    const ResolvedRow* row = nullptr;
  };
  struct StageView {
    std::unique_ptr<FactSpace> space;
    std::vector<Conditions> rows;
  };

  void summarize_stages();
  bool gave_up();
  void walk_procedure(std::size_t procedure);
  State entry_state(std::size_t procedure) const;
  void walk_rows(const std::vector<ResolvedRow>& rows, State& state);
  void walk_row(const ResolvedRow& row, State& state);
  void walk_loop(const ResolvedRow& row, State& state, std::set<FactId>& written);
  void take_row(const ResolvedRow& row, State& state, std::set<FactId>& written);
  void take_decide(const ResolvedRow& row, State& state, std::set<FactId>& written);
  void take_call(const ResolvedRow& row, State& state, std::set<FactId>& written);
  void take_return(const ResolvedRow& row, const State& state);

  Box box_of(const State& state) const;
  bool propagate(Box& box) const { return rules::propagate(r_.constraints, box); }
  // The box when this source answered last; false if it cannot be.
  bool assume_source(const Source& source, Box& box) const;
  // The situations before a row that its tests leave; false if there are none.
  bool narrow(const State& state, const std::vector<FactTest>& tests, FactId without, Box& box,
              std::vector<Source>& sources) const;
  Values words_meant(const FactTest& test, FactId source) const;
  void assume_tests(State& state, const std::vector<FactTest>& tests) const;
  void assume_not(State& state, const std::vector<FactTest>& tests) const;
  void rule_out(State& state, const std::vector<FactTest>& tests) const;
  State join(State skipped, State taken, const std::vector<FactTest>& tests,
             const std::set<FactId>& written);
  static void forget(State& state, FactId fact);
  void give(State& state, FactId fact, Values values, std::set<FactId>& written) const;
  void take_answers(State& state, FactId fact, const AnswerSet& answers, std::set<FactId>& written);
  void give_sometimes(State& state, FactId fact, Values values, FactId source, Values words,
                      std::set<FactId>& written) const;

  // FactSpace::uncovered within what is left of the analysis' budget.
  std::optional<Situation> search(const FactSpace& space, const Conditions& where,
                                  std::span<const Conditions> covers, bool& exhausted) const;
  const AnswerSet& answers_of(FactId answer) const;
  bool covered(const std::vector<Conditions>& boxes, const Box& box) const;
  void check_tests(const ResolvedRow& row, const std::vector<FactTest>& tests, const State& state);
  void check_result_test(const ResolvedRow& row, const FactTest& test, const State& state);
  void check_stage_tests(const ResolvedRow& row, const ResolvedStage& stage, const State& state);
  void check_takes(const ResolvedRow& row, const State& state);
  void refuse_open_action(const ResolvedRow* site, const ResolvedRow& row, const ResolvedUse& use);
  bool is_ruled_out(const State& state, const Box& box) const;
  std::string why_reached(const ResolvedRow& row) const;
  std::string chain_to(std::size_t procedure) const;
  std::string when_given(const State& state, FactId fact) const;

  const Resolved& r_;
  Box full_;                  // every value of every fact
  std::vector<bool> stable_;  // by fact, as Resolved::stable()
  Assume assume_;
  FactTies ties_;
  std::vector<StageView> stage_views_;
  std::vector<AnswerSet> stage_answers_;
  std::vector<AnswerSet> summaries_;
  std::vector<AnswerSet> exit_answers_;
  std::vector<AnswerSet> ioctl_answers_;
  std::vector<std::set<std::size_t>> callers_;
  std::vector<bool> entered_;
  std::vector<std::vector<Values>> entry_;  // by procedure: what callers leave possible
  std::vector<std::optional<Site>> first_site_;
  std::set<std::size_t> waiting_;  // procedures to walk again
  std::vector<bool> reached_rows_;
  std::map<RowId, State> before_;
  std::vector<std::vector<State>> deciders_;  // by stage
  std::size_t procedure_ = 0;
  std::size_t budget_ = 0;              // row visits left
  mutable std::size_t boxes_left_ = 0;  // of all searches together
  bool report_ = false;
  Diagnostics* out_ = nullptr;
  std::set<std::pair<RowId, std::string>> told_;
  // By procedure and fact: what may have changed since a row gave the fact under that condition.
  std::map<std::pair<std::size_t, FactId>, FactId> unreliable_;
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_FLOW_H_
