// One line of assembly as an instruction with operands, before any encoding is chosen.
#ifndef NPTSIM_SIM_ISA_ASM_OPERANDS_H_
#define NPTSIM_SIM_ISA_ASM_OPERANDS_H_

#include <Zydis/Zydis.h>

#include "sim/isa/asm_tokens.h"

namespace nptsim::isa {

enum class AsmOperandKind : u8 { kRegister, kMemory, kImmediate, kPointer };

struct AsmOperand {
  AsmOperandKind kind = AsmOperandKind::kImmediate;
  int column = 1;
  unsigned size = 0;  // in bytes; memory without a size word: 0
  ZydisRegister reg = ZYDIS_REGISTER_NONE;
  ZydisRegister base = ZYDIS_REGISTER_NONE, index = ZYDIS_REGISTER_NONE;
  u8 scale = 1;
  u64 value = 0;            // immediate, displacement, or offset of a far pointer
  u16 selector = 0;         // kPointer
  bool rip_target = false;  // [rip + label]: value is where it points, not the displacement
};

struct AsmLine {
  ZydisMnemonic mnemonic = ZYDIS_MNEMONIC_INVALID;
  std::string name;  // as written, lower case
  int column = 1;
  std::vector<u8> fixed_bytes;  // not empty: that is the encoding
  ZydisInstructionAttributes prefixes = 0;
  bool far = false;
  ZydisBranchWidth width = ZYDIS_BRANCH_WIDTH_NONE;
  std::vector<AsmOperand> operands;
};

Result<AsmLine, AssembleError> parse_line(std::string_view text, Mode mode, const Labels& labels);

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_ASM_OPERANDS_H_
