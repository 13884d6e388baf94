// A checked model, compiled for one set of settings. Holds everything it needs; immutable.
#ifndef NPTSIM_SIM_RULES_PROGRAM_H_
#define NPTSIM_SIM_RULES_PROGRAM_H_

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/rules/frame.h"
#include "sim/rules/model.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::rules {

enum class FactKind : std::uint8_t {
  kComputed,    // by a function of the vocabulary, when a row asks
  kGiven,       // by an action
  kStage,       // the answer of the stage with this name
  kCall,        // the answer of the procedure with this name, called, exited to or asked by ioctl
  kField,       // a field of an answer
  kParam,       // a setting
  kCapability,  // a setting that depends on the type of VM
};
std::string_view name_of(FactKind kind);

// What a person may want to know about a row.
struct RowInfo {
  std::string id;
  std::string source;
  Evidence evidence = Evidence::kNone;
  std::string text;
  Origin origin;
  std::string table;  // the stage or procedure it belongs to
  bool in_stage = false;
};

struct FactInfo {
  std::string name;
  std::vector<std::string> values;
  FactKind kind = FactKind::kComputed;
  Needs needs = Needs::kNothing;
  bool fixed = false;
};

// What does not depend on the settings: shared by all programs of a model.
struct Descriptions {
  std::vector<RowInfo> rows;    // by RowId
  std::vector<FactInfo> facts;  // by FactId
};

// --- what run() reads; nobody else needs to ---

enum class OpKind : std::uint8_t {
  kGuard,      // tests [a, a+count); if one fails, go to b
  kStep,       // a step begins here
  kWait,       // tests [a, a+count); the first of them that fails is waited for
  kDo,         // uses[a]
  kDecide,     // stages[a]
  kStageDone,  // stage_rows[a] has acted: its answer, and back to where it was decided
  kCall,       // procedure a
  kExit,       // exits[a]
  kIoctl,      // ioctls[a]
  kReturn,     // answers[a]
  kReturnResult,
  kLoopBegin,  // the cursor stands before the first item
  kNext,       // uses[a] (an iterator); if there is none, go to b
  kJump,       // to b
};

struct Op {
  OpKind kind = OpKind::kJump;
  bool begins = false;  // its row: the row's `when` holds
  std::uint8_t count = 0;
  RowId row = 0;
  std::uint16_t a = 0;
  std::uint16_t b = 0;
  // kGuard: b where nobody listens, behind guards that are sure to fail as well.
  std::uint16_t b_quiet = 0;
};

struct FactCode {
  FactKind kind = FactKind::kComputed;
  bool needs_registers = false;
  std::uint8_t constant = 0;  // settings
  std::uint8_t unknown = 0;   // index of `unknown`
  std::uint8_t values = 0;
  std::uint16_t frame_number = 0;  // of those that frames hold
  ComputeFn compute = nullptr;
};

// Where a procedure's frame holds a fact, as its value's index + 1. Width 0: no row there asks.
struct FactSlot {
  std::uint8_t word = 0;
  std::uint8_t shift = 0;
  std::uint8_t width = 0;
};

// What a test looks at.
enum class TestKind : std::uint8_t { kComputed, kSetting, kHeld, kResult };

// A fact must have one of the allowed values; for `result` one of words[first, first + count).
struct Test {
  TestKind kind = TestKind::kComputed;
  bool inverted = false;
  FactSlot slot;  // kHeld: in frames of the procedure that the test is in
  FactId fact = 0;
  std::uint16_t first = 0;
  std::uint16_t count = 0;
  std::uint64_t allowed = 0;
  ComputeFn compute = nullptr;  // kComputed, of a fact that any view can compute
};

// A stage looks at facts as bits: one for each group of values that its rows do not tell apart.
struct StageFact {
  FactId fact = 0;
  std::uint32_t first_bit = 0;  // in value_bits, by value
  ComputeFn compute = nullptr;  // as in Test
};
// What a frame keeps of a stage's answer.
struct StoredFact {
  FactId fact = 0;
  std::uint8_t value = 0;
};
struct StageRow {
  std::uint64_t forbidden = 0;  // the row holds when no bit of these is set
  std::uint32_t facts = 0;      // of the stage's facts, those that it tests
  RowId row = 0;
  std::uint16_t first_op = 0;  // of its actions; 0 when it has none (op 0 is nobody's)
  std::uint32_t first_stored = 0;
  std::uint32_t stored = 0;
  Answer answer;
};
struct StageCode {
  std::uint32_t first_row = 0;
  std::uint32_t rows = 0;
  std::uint32_t first_fact = 0;
  std::uint32_t facts = 0;
  std::uint64_t constant_bits = 0;  // of the settings
  std::uint32_t constant_facts = 0;
};

struct ActionUseCode {
  std::uint16_t definition = 0;  // in actions or iterators
  std::uint32_t first_arg = 0;
  std::uint16_t args = 0;
  std::array<FactId, ActionResult::kMaxGiven> gives{};
  std::uint8_t give_count = 0;
};

struct Passing {
  std::uint8_t to = 0;  // local of the callee
  ArgValue from;
};
// By op.b of a call.
struct CallCode {
  FactId result_fact = 0;
  FactSlot result_slot;     // in frames of the procedure that calls
  bool hands_over = false;  // locals or facts
  std::uint32_t first_passing = 0;
  std::uint32_t passings = 0;
};

struct ProcedureCode {
  std::string name;
  std::uint16_t first_op = 0;
  std::uint32_t first_slot = 0;  // + frame number of a fact
  std::vector<std::string> locals;
  std::vector<FactId> takes;
  bool exported = false;
};

struct FieldCode {
  WordId name = kNoWord;
  FactId fact = 0;
};

// A program's own code: for run() and the compiler.
struct Code {
  std::vector<Op> ops;
  std::vector<Test> tests;
  std::vector<WordId> test_words;
  std::vector<FactCode> facts;
  std::vector<StageCode> stages;
  std::vector<StageRow> stage_rows;
  std::vector<StageFact> stage_facts;
  std::vector<StoredFact> stored;
  std::vector<std::uint64_t> value_bits;
  std::vector<ActionUseCode> uses;
  std::vector<ArgValue> args;
  std::vector<ActionDef> actions;
  std::vector<IteratorDef> iterators;
  std::vector<Answer> answers;
  std::vector<CallCode> calls;
  std::vector<Passing> passings;
  std::vector<ProcedureCode> procedures;
  std::vector<FactSlot> slots;
  std::vector<FieldCode> fields;
  std::vector<std::vector<WordId>> fact_words;  // by fact and value, of answers and fields
};

class Program {
 public:
  ModelKind kind() const { return kind_; }
  const std::string& name() const { return name_; }

  std::optional<ProcedureId> find_procedure(std::string_view name) const;
  std::optional<StageId> find_stage(std::string_view name) const;
  const std::string& procedure_name(ProcedureId id) const { return code_.procedures[id].name; }
  const std::string& stage_name(StageId id) const { return stage_names_[id]; }
  std::span<const std::string> stage_names() const { return stage_names_; }
  std::size_t procedure_count() const { return code_.procedures.size(); }
  // What `exit:` and `ioctl:` rows name; the machine maps these to procedures of other programs.
  std::span<const std::string> exits() const { return exits_; }
  std::span<const std::string> ioctls() const { return ioctls_; }

  std::span<const RowInfo> rows() const { return described_->rows; }
  std::span<const FactInfo> facts() const { return described_->facts; }
  std::span<const std::string> locals_of(ProcedureId id) const {
    return code_.procedures[id].locals;
  }
  // The row at which a frame stands.
  const RowInfo& row_of(const FrameWords& frame) const { return rows()[code_.ops[frame.pc()].row]; }
  // The value that a param or capability has in this program, if there is one of that name.
  std::optional<std::string_view> setting(std::string_view name) const;
  // Only words that this program knows; those that others added to the table later are "".
  const std::string& word(WordId word) const;

  const Code& code() const { return code_; }

 private:
  friend class Emitter;  // compile.cc

  ModelKind kind_ = ModelKind::kKernel;
  std::string name_;
  Code code_;
  std::shared_ptr<const Descriptions> described_;
  std::vector<std::string> stage_names_;
  std::vector<std::string> exits_;
  std::vector<std::string> ioctls_;
  std::vector<std::string> words_;  // by WordId
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_PROGRAM_H_
