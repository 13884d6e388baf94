// One point: built, run, judged.
#ifndef NPTSIM_SIM_CLI_POINT_RUN_H_
#define NPTSIM_SIM_CLI_POINT_RUN_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "models/library.h"
#include "sim/cli/coverage_count.h"
#include "sim/cli/exit_status.h"
#include "sim/cli/points.h"
#include "sim/machine/event.h"
#include "sim/machine/setup.h"
#include "sim/report/result.h"
#include "sim/trace/ending.h"

namespace nptsim::cli {

struct PointRunOptions {
  std::uint64_t max_steps = 0;
  bool milestones = false;  // keep what a golden file needs
  bool coverage = false;
  bool hash = true;                        // of the canonical scenario, into the result
  bool memory_changes = false;             // compare the VM's memory before and after
  machine::EventSink* listener = nullptr;  // hears every event, the start-up's too
};

struct PointRun {
  report::PointResult result;
  Diagnostics diagnostics;  // it could not be built, or cannot be executed
  CoverageCount coverage;
  std::shared_ptr<const machine::Setup> setup;  // null: not built
  std::vector<trace::MemoryChange> memory_changes;
  std::uint64_t start_events = 0;  // how many came from the start-up
  std::uint64_t last_event = 0;
};

PointRun run_point(const PointToRun& point, models::Library& library,
                   const PointRunOptions& options);

// A result for a point that never ran.
report::PointResult not_run(const PointToRun& point, bool hash = true);

ExitStatus status_of(const report::PointResult& result);
ExitStatus status_of(const report::Report& report);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_POINT_RUN_H_
