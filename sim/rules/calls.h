// Inside of run(): how frames begin, and how answers come back.
#ifndef NPTSIM_SIM_RULES_CALLS_H_
#define NPTSIM_SIM_RULES_CALLS_H_

#include "sim/rules/fact_reader.h"

namespace nptsim::rules {

// The facts and locals that a call hands over; `callee` has just begun.
void hand_over(const Code& code, const Op& op, const FrameWords& caller, FrameWords& callee);

// A stage's row has answered.
inline void keep_stage_answer(const Code& code, FrameWords& frame, const StageRow& row) {
  frame.set_answer(row.answer);
  const FactSlot* const slots = code.slots.data() + code.procedures[frame.procedure()].first_slot;
  for (std::uint32_t i = 0; i < row.stored; ++i) {
    const StoredFact& stored = code.stored[row.first_stored + i];
    store_fact(frame, slots[code.facts[stored.fact].frame_number], stored.value);
  }
}

// The answer that `caller` has just got from what it called by this op: what else it says. Mostly
// nothing.
void keep_answer_words(const Code& code, const CallCode& call, FrameWords& caller);
inline void keep_call_answer(const Code& code, const Op& op, FrameWords& caller) {
  const CallCode& call = code.calls[op.b];
  if (call.result_slot.width != 0 || caller.answer_has_fields()) {
    keep_answer_words(code, call, caller);
  }
}

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_CALLS_H_
