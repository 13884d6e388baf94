// Inside of run(): how frames begin, and how answers come back.
#ifndef NPTSIM_SIM_RULES_CALLS_H_
#define NPTSIM_SIM_RULES_CALLS_H_

#include "sim/rules/fact_reader.h"

namespace nptsim::rules {

// `caller` stands behind its call; `callee` is all zeros.
void begin_called(const Program& program, const FrameWords& caller, const Program& callee_program,
                  ProcedureId procedure, FrameWords& callee);

// A stage's row has answered.
void keep_stage_answer(const Program& program, FrameWords& frame, const StageRow& row);

// What `caller` called has answered.
void keep_call_answer(const Program& program, FrameWords& caller, const Answer& answer);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_CALLS_H_
