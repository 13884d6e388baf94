// A recorded ending beside the model's.
#ifndef NPTSIM_SIM_TRACE_COMPARE_ENDING_H_
#define NPTSIM_SIM_TRACE_COMPARE_ENDING_H_

#include <string>
#include <vector>

#include "sim/machine/outcome.h"
#include "sim/trace/ending.h"

namespace nptsim::trace {

// In which they differ, a sentence each; empty: in nothing.
std::vector<std::string> differences(const RecordedEnding& recorded, const machine::RunResult& run);
std::vector<std::string> differences(const std::vector<MemoryChange>& recorded,
                                     const std::vector<MemoryChange>& model);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_COMPARE_ENDING_H_
