// How a recorded run ended, vCPU by vCPU, and what it left in memory.
#ifndef NPTSIM_SIM_TRACE_ENDING_H_
#define NPTSIM_SIM_TRACE_ENDING_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/yaml/node.h"

namespace nptsim::trace {

// An aligned word of 8 bytes of a region's memory that is another one than at the start.
struct MemoryChange {
  std::string region;
  std::uint64_t offset = 0;
  std::uint64_t word = 0;

  bool operator==(const MemoryChange&) const = default;
};

struct RecordedEnding {
  unsigned vcpu = 0;
  std::string outcome_class;
  std::optional<std::uint64_t> vector, error_code;  // of an exception
  std::map<std::string, std::uint64_t> registers;   // by name; empty: not recorded
};

// From `endings:` and `memory:` of a recording.
std::vector<RecordedEnding> read_endings(const yaml::Node& list, Diagnostics& diagnostics);
std::vector<MemoryChange> read_memory_changes(const yaml::Node& list, Diagnostics& diagnostics);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_ENDING_H_
