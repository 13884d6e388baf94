// Runs a frame of a program until the machine has to do something.
#ifndef NPTSIM_SIM_RULES_RUN_H_
#define NPTSIM_SIM_RULES_RUN_H_

#include <cstdint>

#include "sim/rules/frame.h"
#include "sim/rules/frame_stack.h"
#include "sim/rules/listener.h"
#include "sim/rules/program.h"

namespace nptsim::rules {

enum class Stop : std::uint8_t {
  kStepEnd,  // the next row begins an atomic step: run again when the actor is picked
  kCall,     // push a frame of this program: begin_call, run it, take_answer here
  kExit,     // the same for program.exits()[target] of another program
  kIoctl,    // the same for program.ioctls()[target]
  kReturn,   // the frame is over: pop it, give `answer` to the frame below
  kWaits,    // for a fact; not enabled until ready()
  kStopped,  // an action could not finish; run again when what it met is dealt with
};

struct RunResult {
  Stop stop = Stop::kStepEnd;
  std::uint16_t target = 0;  // kCall: ProcedureId; kExit, kIoctl: index
  bool moved = false;        // something ran before the stop
  Answer answer;             // kReturn
};

// A fresh frame at the beginning of a procedure, locals zero.
FrameWords begin(const Program& program, ProcedureId procedure);
// The same in `frame`, which is all zeros.
void begin(const Program& program, ProcedureId procedure, FrameWords& frame);

// The frame for the call at which `caller` has just stopped: locals by `with:`, facts by `takes:`.
// For an exit or ioctl `program` is the caller's, `callee_program` the target's.
FrameWords begin_call(const Program& program, const FrameWords& caller,
                      const Program& callee_program, ProcedureId procedure);

// The callee has returned: its answer becomes the caller's `result`, with the fields.
void take_answer(const Program& program, FrameWords& caller, const Answer& answer);

// Runs the frame on top of the stack, the procedures of this program that it calls, and those that
// called it while their frames have the same owner. A call or return is left to the caller (kCall,
// kReturn) when the stack is full, its end is reached, or the context is interrupted().
//
// `fresh`: nothing has happened yet in this step, so a boundary right at the start is none.
RunResult run(const Program& program, FrameStack& stack, Context& context,
              Listener* listener = nullptr, bool fresh = false);
// The same for a frame alone: every call and return is left to the caller.
RunResult run(const Program& program, FrameWords& frame, Context& context,
              Listener* listener = nullptr, bool fresh = false);

// False only while the frame stands at a `wait:` that does not hold.
bool ready(const Program& program, const FrameWords& frame, const Context& context);

// The stage alone, on computed facts and settings: for benchmarks, and for whoever wants a verdict
// without a procedure. Facts of a frame are read from `frame` (which may be nullptr if none is).
struct Verdict {
  RowId row = 0;
  Answer answer;
};
Verdict decide(const Program& program, StageId stage, const FrameWords* frame,
               const Context& context);

// The same when the facts are known already, as bits: for benchmarks and tests.
std::uint64_t situation_bits(const Program& program, StageId stage, const FrameWords* frame,
                             const Context& context);
RowId decide_known(const Program& program, StageId stage, std::uint64_t bits);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_RUN_H_
