// What is wrong with the models themselves, without a scenario, or seen by all of them.
#ifndef NPTSIM_SIM_CLI_LINT_MODELS_H_
#define NPTSIM_SIM_CLI_LINT_MODELS_H_

#include <vector>

#include "models/library.h"
#include "sim/cli/options.h"
#include "sim/report/result.h"

namespace nptsim::cli {

// One result for each version and each proposal, with what was found as its differences: the
// loader's refusals (rows that nothing reaches, stages that are not total, sources that are
// missing), rows that differ in nothing from those that they replace, overlays that have no base,
// or whose base rows a later version does not have.
std::vector<report::PointResult> lint_models(models::Library& library);

// One result for each version that follows another: whether some scenario of `options.paths` tells
// the two apart, by an outcome or by any event.
std::vector<report::PointResult> lint_versions(const Options& options, models::Library& library);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_LINT_MODELS_H_
