// Where the frames of a procedure keep the facts that its rows may ask for.
#ifndef NPTSIM_SIM_RULES_SLOTS_H_
#define NPTSIM_SIM_RULES_SLOTS_H_

#include <map>
#include <optional>

#include "sim/rules/resolved.h"

namespace nptsim::rules {

// Nothing when they do not fit; a fact that no row there asks for has no slot.
std::optional<std::map<FactId, FactSlot>> slots_of(const Resolved& resolved,
                                                   const ResolvedProcedure& procedure);

void check_slots(const Resolved& resolved, Diagnostics& out);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_SLOTS_H_
