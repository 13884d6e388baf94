// Inside of check and compile: a model whose names are numbers.
#ifndef NPTSIM_SIM_RULES_RESOLVED_H_
#define NPTSIM_SIM_RULES_RESOLVED_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "sim/rules/check.h"
#include "sim/rules/model.h"
#include "sim/rules/program.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::rules {

// Values of a fact as a set; a fact has at most 64.
using Values = std::uint64_t;
inline constexpr std::size_t kMaxFactValues = 64;
constexpr Values all_values(std::size_t count) {
  return count >= kMaxFactValues ? ~0ull : (1ull << count) - 1;
}

inline constexpr FactId kNoFact = 0xfffe;
inline constexpr FactId kResultFact = 0xffff;

// "fact in allowed". For `result` the words are spelled: they depend on who answered last.
struct FactTest {
  FactId fact = kNoFact;
  Values allowed = 0;
  std::vector<std::string> words;
  bool inverted = false;
  SourcePos pos;
};

// fact == value -> implied in allowed
struct Constraint {
  FactId fact = 0;
  Values value = 0;  // one bit
  FactId implied = 0;
  Values allowed = 0;
};

struct ResolvedUse {
  const ActionDef* action = nullptr;
  const IteratorDef* iterator = nullptr;
  std::vector<ArgValue> args;
  std::vector<FactId> gives;
};

struct ResolvedAnswer {
  std::string word;                                 // empty with hands_on
  bool hands_on = false;                            // return: result
  std::vector<std::pair<FactId, unsigned>> fields;  // field fact, value's index
};

struct ResolvedRow {
  const Row* row = nullptr;
  RowId id = 0;
  std::vector<FactTest> when;
  std::vector<FactTest> wait;
  std::vector<FactTest> while_holds;
  std::vector<ResolvedUse> actions;
  ResolvedUse iterator;
  std::size_t target = 0;  // stage, procedure, or place in Outside
  std::vector<Passing> passings;
  bool answers = false;
  ResolvedAnswer answer;
  std::vector<ResolvedRow> rows;
};

struct ResolvedStage {
  const Stage* stage = nullptr;
  FactId result_fact = kNoFact;
  std::vector<ResolvedRow> rows;
};

struct ResolvedProcedure {
  const Procedure* procedure = nullptr;
  FactId call_fact = kNoFact;
  bool exported = false;
  std::vector<FactId> takes;
  std::vector<ResolvedRow> rows;
};

// Fields that come with a word, by who answers; a field may be missing in some answers.
struct WordFields {
  std::map<FactId, Values> values;
  std::map<FactId, bool> always;
};

struct ResolvedFact {
  FactInfo info;
  const FactDef* definition = nullptr;
  const Param* param = nullptr;
  const Capability* capability = nullptr;
  std::size_t owner = 0;          // stage, procedure or place in Outside
  Go called_by = Go::kNowhere;    // kCall, kExit or kIoctl for a kCall fact
  std::size_t default_value = 0;  // of a setting
  bool nameable = true;           // false: rows cannot name it (another fact has the name)

  bool stable() const { return info.fixed || held_by_frames(); }
  bool held_by_frames() const {
    return info.kind == FactKind::kGiven || info.kind == FactKind::kStage ||
           info.kind == FactKind::kCall || info.kind == FactKind::kField;
  }
  bool is_setting() const {
    return info.kind == FactKind::kParam || info.kind == FactKind::kCapability;
  }
};

struct Resolved {
  Model model;
  Vocabulary vocabulary;
  Outside outside;
  CheckLimits limits;

  std::vector<ResolvedFact> facts;
  std::map<std::string, FactId, std::less<>> fact_by_name;
  std::map<std::string, FactId, std::less<>> field_by_name;
  std::vector<Constraint> constraints;
  FactId sealed_fact = kNoFact;
  Values sealed_value = 0;
  std::vector<ResolvedStage> stages;
  std::vector<ResolvedProcedure> procedures;
  std::map<std::string, std::size_t, std::less<>> stage_by_name;
  std::map<std::string, std::size_t, std::less<>> procedure_by_name;
  std::vector<FactId> exit_facts;  // by place in outside.exits
  std::vector<FactId> ioctl_facts;
  std::vector<const Row*> rows;  // by RowId
  std::vector<std::string> row_tables;
  std::vector<bool> row_in_stage;

  // Filled by the flow analysis: the answers that each procedure can give.
  std::vector<std::vector<AnswerShape>> procedure_answers;
  std::vector<std::vector<AnswerShape>> stage_answers;
  std::vector<Exported> exported;

  // Filled last.
  std::shared_ptr<const Descriptions> described;

  const ResolvedFact& fact(FactId id) const { return facts[id]; }
  // Whether it keeps its value until a row of the same frame gives another.
  bool stable(FactId id) const { return id != kResultFact && facts[id].stable(); }
  // The index of a value that is there.
  unsigned value_index(FactId id, std::string_view value) const;
  const std::string& fact_name(FactId id) const;
  FactId fact_of_call(Go go, std::size_t target) const;
};

// "a, b or c" of the values in the set.
std::string spell_values(const ResolvedFact& fact, Values values);

// Gives names their numbers. False when something is unknown or missing (then `out` is unusable).
// `resolved.model`, `vocabulary`, `outside` and `limits` are set already.
bool resolve(Resolved& resolved, Diagnostics& out);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_RESOLVED_H_
