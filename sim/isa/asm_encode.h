// An AsmLine to bytes: chooses among the encodings that Zydis offers.
#ifndef NPTSIM_SIM_ISA_ASM_ENCODE_H_
#define NPTSIM_SIM_ISA_ASM_ENCODE_H_

#include "sim/isa/asm_operands.h"

namespace nptsim::isa {

Result<std::vector<u8>, AssembleError> encode(const AsmLine& line, u64 address, Mode mode);

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_ASM_ENCODE_H_
