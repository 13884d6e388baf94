// A model with somebody on its other side, so that it can be checked.
#ifndef NPTSIM_SIM_CLI_CHECKED_MODEL_H_
#define NPTSIM_SIM_CLI_CHECKED_MODEL_H_

#include <string>
#include <vector>

#include "models/library.h"

namespace nptsim::cli {

// A kernel is checked with the VMM that it exits to, and a VMM with its kernel: `peer`, or (empty)
// the newest one that fits.
Result<rules::Checked, Diagnostics> checked_with_peer(
    models::Library& library, const std::vector<models::Listed>& all, rules::ModelKind kind,
    const std::string& name, const std::string& peer,
    const std::vector<rules::Spelled>& overlays = {});

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_CHECKED_MODEL_H_
