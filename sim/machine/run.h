// One fixed schedule of a machine, to its end, and the proof that a spin is one.
//
// The script's acts without a place come first, then the vCPUs in order, each until it ends, waits
// or cycles. An actor cycles when an equal machine comes back after its own steps alone; it is then
// parked, the others run on, and at last all parked actors run together: if their joint machine
// comes back too, they spin. A cycle that advances a counter is taken to just before the counter's
// wrap and must survive it.
#ifndef NPTSIM_SIM_MACHINE_RUN_H_
#define NPTSIM_SIM_MACHINE_RUN_H_

#include <cstdint>

#include "sim/machine/machine.h"
#include "sim/machine/outcome.h"

namespace nptsim::machine {

struct RunOptions {
  std::uint64_t max_steps = 20'000'000;  // of one run; reaching it is kUndecided, never an answer
  EventSink* sink = nullptr;             // events go there; null: none are built
  rules::Coverage* coverage = nullptr;
  const bool* interrupted = nullptr;     // set from outside: the run ends as kUndecided
};

RunResult run(Machine& machine, const RunOptions& options);

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_RUN_H_
