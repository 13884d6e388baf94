// Inside of run(): how frames begin, and how answers come back.
#ifndef NPTSIM_SIM_RULES_CALLS_H_
#define NPTSIM_SIM_RULES_CALLS_H_

#include "sim/rules/fact_reader.h"

namespace nptsim::rules {

// The facts and locals that a call hands over; `callee` has just begun.
void hand_over(const Code& code, const Op& op, const FrameWords& caller, FrameWords& callee);

// A stage's row has answered.
void keep_stage_answer(const Code& code, FrameWords& frame, const StageRow& row);

// The answer that `caller` has just got from what it called by this op: what else it says.
void keep_call_answer(const Code& code, const Op& op, FrameWords& caller);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_CALLS_H_
