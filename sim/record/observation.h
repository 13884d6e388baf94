// What user space saw of a real run, in the words of a recording (traces/README.md).
#ifndef NPTSIM_SIM_RECORD_OBSERVATION_H_
#define NPTSIM_SIM_RECORD_OBSERVATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/isa/registers.h"
#include "sim/trace/memory_change.h"

namespace nptsim::record {

struct Observed {
  std::string event;
  std::optional<unsigned> vcpu;  // none: the VMM's own doing, which every vCPU sees
  std::vector<std::pair<std::string, std::string>> fields;
};

// Of one vCPU.
struct Ending {
  unsigned vcpu = 0;
  std::string how;                 // a class of outcomes (sim/trace/outcome_class.h)
  std::string detail;              // for people
  std::optional<unsigned> vector;  // of an exception that nobody handled
  std::optional<std::uint64_t> error_code;
  std::optional<isa::Registers> registers;  // none: it was stopped somewhere
};

struct Observation {
  std::vector<Observed> events;
  std::vector<Ending> endings;  // of the vCPUs that ran, in their order
  std::vector<trace::MemoryChange> memory;
  bool stopped = false;  // by the time limit: nothing is said of memory
};

}  // namespace nptsim::record

#endif  // NPTSIM_SIM_RECORD_OBSERVATION_H_
