// The scenario format as a JSON Schema, for editors. Made from the tables that the readers use.
#ifndef NPTSIM_SIM_SCENARIO_SCHEMA_H_
#define NPTSIM_SIM_SCENARIO_SCHEMA_H_

#include <string>

namespace nptsim::scenario {

// JSON Schema, draft 7, indented, with a newline at the end.
std::string scenario_schema();

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_SCHEMA_H_
