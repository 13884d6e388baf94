#include "sim/rules/calls.h"

#include "sim/rules/run.h"

namespace nptsim::rules {
namespace {

const Op& call_of(const Program& program, const FrameWords& caller) {
  NPTSIM_CHECK(!caller.empty() && caller.pc() > 0);
  const Op& op = program.code().ops[caller.pc() - 1u];
  NPTSIM_CHECK(op.kind == OpKind::kCall || op.kind == OpKind::kExit || op.kind == OpKind::kIoctl);
  return op;
}

// A value that came as a word: the answer of a call, or a field of it.
void keep_word(const Code& code, FrameWords& frame, FactId fact, WordId word) {
  const FactSlot slot = slot_of(code, frame.procedure(), fact);
  if (slot.width == 0) return;  // nobody asks
  const std::vector<WordId>& words = code.fact_words[fact];
  for (std::size_t value = 0; value < words.size(); ++value) {
    if (words[value] == word) return store_fact(frame, slot, static_cast<unsigned>(value));
  }
}

}  // namespace

void begin(const Program& program, ProcedureId procedure, FrameWords& frame) {
  NPTSIM_CHECK(procedure < program.code().procedures.size());
  frame.set_procedure(procedure);
  frame.set_pc(program.code().procedures[procedure].first_op);
}

void begin_called(const Program& program, const FrameWords& caller, const Program& callee_program,
                  ProcedureId procedure, FrameWords& callee) {
  const Code& code = program.code();
  const Op& op = call_of(program, caller);
  const CallCode& call = code.calls[op.b];
  begin(callee_program, procedure, callee);
  for (std::uint32_t i = 0; i < call.passings; ++i) {
    const Passing& passing = code.passings[call.first_passing + i];
    callee.local(passing.to) = value_of(passing.from, caller);
  }
  if (op.kind != OpKind::kCall) return;
  for (const FactId fact : code.procedures[procedure].takes) {
    const unsigned value = load_fact(caller, slot_of(code, caller.procedure(), fact));
    if (value != kNoValue) store_fact(callee, slot_of(code, procedure, fact), value);
  }
}

void keep_stage_answer(const Program& program, FrameWords& frame, const StageRow& row) {
  const Code& code = program.code();
  frame.set_answer(row.answer);
  for (std::uint32_t i = 0; i < row.stored; ++i) {
    const StoredFact& stored = code.stored[row.first_stored + i];
    store_fact(frame, slot_of(code, frame.procedure(), stored.fact), stored.value);
  }
}

void keep_call_answer(const Program& program, FrameWords& caller, const Answer& answer) {
  const Code& code = program.code();
  const CallCode& call = code.calls[call_of(program, caller).b];
  caller.set_answer(answer);
  keep_word(code, caller, call.result_fact, answer.word);
  for (const Answer::Field& field : answer.fields) {
    if (field.name == kNoWord) break;
    for (const FieldCode& known : code.fields) {
      if (known.name == field.name) keep_word(code, caller, known.fact, field.value);
    }
  }
}

}  // namespace nptsim::rules
