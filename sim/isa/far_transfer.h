// What every transfer to another code segment shares.
#ifndef NPTSIM_SIM_ISA_FAR_TRANSFER_H_
#define NPTSIM_SIM_ISA_FAR_TRANSFER_H_

#include "sim/isa/descriptors.h"

namespace nptsim::isa {

// CS for selector:offset in any mode, with the check that rIP may be there.
[[nodiscard]] bool prepare_far_transfer(Execution& x, u16 selector, u64 offset, Transfer transfer,
                                        CodeTarget& out);

// Whether `offset` is a good rIP under the new CS: canonical in 64-bit code, else in the limit.
bool good_target(const Registers& registers, const Segment& cs, u64 offset);

bool is_64_bit_code(const Registers& registers, const Segment& cs);

// Commits: CS, CPL, rIP; retires.
Outcome go_far(Execution& x, const CodeTarget& target, u64 offset);

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_FAR_TRANSFER_H_
