// The same points with several models side by side.
#ifndef NPTSIM_SIM_CLI_COMPARISON_H_
#define NPTSIM_SIM_CLI_COMPARISON_H_

#include <cstdint>
#include <vector>

#include "models/library.h"
#include "sim/cli/model_stack.h"
#include "sim/cli/options.h"
#include "sim/report/diff.h"

namespace nptsim::cli {

// For which points it is looked up where the runs part.
enum class Partings : std::uint8_t { kOfChanged, kAll };

// All points of `options.paths`, with each of the stacks; the first is what others are compared
// with.
report::DiffReport compare_models(const Options& options, const std::vector<ModelStack>& stacks,
                                  const ModelNames& names, models::Library& library,
                                  Partings partings = Partings::kOfChanged);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_COMPARISON_H_
