#include "sim/scenario/schema.h"

#include "sim/cli/commands.h"
#include "sim/cli/console.h"

namespace nptsim::cli {

ExitStatus schema_command(const Options&) {
  print(scenario::scenario_schema());
  return ExitStatus::kAsExpected;
}

}  // namespace nptsim::cli
