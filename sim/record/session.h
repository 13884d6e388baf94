// A scenario, run for real: its slots, its script, its vCPUs one after the other as the model's one
// schedule has them.
#ifndef NPTSIM_SIM_RECORD_SESSION_H_
#define NPTSIM_SIM_RECORD_SESSION_H_

#include <cstdint>
#include <string>

#include "sim/base/result.h"
#include "sim/machine/machine.h"
#include "sim/record/host.h"
#include "sim/record/observation.h"
#include "sim/scenario/scenario.h"

namespace nptsim::record {

struct Limits {
  unsigned milliseconds = 250;        // of each vCPU
  std::uint64_t exits = 1000;         // to user space
  const bool* interrupted = nullptr;  // somebody wants an end now
};

// `start` is the machine before its first step: its memory and its registers are what the real one
// begins with. The error is a sentence: this host refused what is no part of the scenario.
Result<Observation, std::string> run_for_real(const scenario::Scenario& point,
                                              machine::Machine& start, const Host& host,
                                              const Limits& limits);

}  // namespace nptsim::record

#endif  // NPTSIM_SIM_RECORD_SESSION_H_
