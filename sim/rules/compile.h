// From a checked model and its settings to a Program.
#ifndef NPTSIM_SIM_RULES_COMPILE_H_
#define NPTSIM_SIM_RULES_COMPILE_H_

#include <map>
#include <string>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/rules/check.h"
#include "sim/rules/program.h"
#include "sim/rules/words.h"

namespace nptsim::rules {

struct Settings {
  // Params that differ from their default, and where that was said. Capabilities may be set too.
  std::map<std::string, Spelled> values;
  // Chooses the column of each capability; empty: `default`.
  std::string vm_type;
};

// Diagnostics only about the settings: the model itself has passed check().
Result<Program, Diagnostics> compile(const Checked& checked, const Settings& settings,
                                     WordTable& words);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_COMPILE_H_
