// The flow of a model as a graph: procedures, their rows, the stages they decide, the answers.
#ifndef NPTSIM_SIM_RULES_GRAPH_H_
#define NPTSIM_SIM_RULES_GRAPH_H_

#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/rules/check.h"

namespace nptsim::rules {

// Graphviz text; the same model gives the same text.
std::string draw(const Checked& checked);

// Rows, stages and procedures that no exported procedure leads to. They do no harm, so this is
// something to tell, not a refusal.
struct Unreached {
  std::string what;  // "row", "stage" or "procedure"
  std::string name;
  SourcePos pos;
};
std::vector<Unreached> unreached(const Checked& checked);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_GRAPH_H_
