// Ctrl-C: the first one asks for an end with what there is, the second one ends at once.
#ifndef NPTSIM_SIM_CLI_INTERRUPT_H_
#define NPTSIM_SIM_CLI_INTERRUPT_H_

namespace nptsim::cli {

void catch_interrupts();
bool interrupted();
// For machine::RunOptions, which looks at it between steps.
const bool* interrupt_flag();

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_INTERRUPT_H_
