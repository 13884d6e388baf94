// A recording beside every candidate that a scenario declares.
#ifndef NPTSIM_SIM_CLI_TRACE_CHECK_H_
#define NPTSIM_SIM_CLI_TRACE_CHECK_H_

#include <cstdint>
#include <set>
#include <string>

#include "models/library.h"
#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/trace/draft.h"
#include "sim/trace/verdict_text.h"

namespace nptsim::cli {

struct TraceCheck {
  trace::CheckedTrace trace;
  std::set<std::string> rules;  // that the recording showed at work: "kernel pfn.ok"
};

// `scenario`: a file; empty: the recording's own in scenarios/recorded, or else a draft. The points
// of its matrix are the candidates.
Result<TraceCheck, Diagnostics> check_trace(const std::string& path, const std::string& scenario,
                                            models::Library& library, std::uint64_t max_steps);

// A first scenario, as text.
Result<trace::Drafted, Diagnostics> draft_of(const std::string& path, models::Library& library);

// Where the scenario of a recording lies: scenarios/recorded/NAME.yaml for traces/NAME.yaml.
std::string scenario_beside(const std::string& path, const std::string& root);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_TRACE_CHECK_H_
