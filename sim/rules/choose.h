// Inside of run(): which row of a stage holds.
#ifndef NPTSIM_SIM_RULES_CHOOSE_H_
#define NPTSIM_SIM_RULES_CHOOSE_H_

#include "sim/rules/fact_reader.h"

namespace nptsim::rules {

// The first row that holds. Facts are asked for when a row needs them, and once.
const StageRow& choose(const Program& program, StageId stage, const FactReader& facts);

// The same; `decider` asked, and the listener hears what was looked at on the way.
const StageRow& choose_aloud(const Program& program, StageId stage, const FactReader& facts,
                             const RowInfo& decider, Listener& listener);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_CHOOSE_H_
