// Executes one instruction.
#ifndef NPTSIM_SIM_ISA_EXECUTE_H_
#define NPTSIM_SIM_ISA_EXECUTE_H_

#include "sim/isa/instruction.h"
#include "sim/isa/memory_port.h"
#include "sim/isa/outcome.h"
#include "sim/isa/registers.h"

namespace nptsim::isa {

// Performs one instruction, or one iteration of a rep instruction. `registers` change only for
// kRetired and kIteration; of kStopped only the port knows the reason. The caller asks for pending
// events and single-step traps between calls: TF is not looked at here.
//
// Flags that the manual leaves undefined become 0, so that equal programs make equal machines.
Outcome execute(const Instruction& instruction, Registers& registers, MemoryPort& port);

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_EXECUTE_H_
