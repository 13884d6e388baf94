// Layers into a model: versions first, then overlays, each in the order given.
#ifndef NPTSIM_SIM_RULES_MERGE_H_
#define NPTSIM_SIM_RULES_MERGE_H_

#include <span>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/rules/model.h"

namespace nptsim::rules {

// A row with a known id replaces that row in place; a new one in a table that is there already says
// where it goes. Layers that are overlays refuse to touch each other's rows without `over:`.
Result<Model, Diagnostics> merge(std::span<const Layer> layers);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_MERGE_H_
