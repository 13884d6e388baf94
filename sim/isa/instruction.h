// A decoded instruction: everything that executing it needs, in one cache line.
#ifndef NPTSIM_SIM_ISA_INSTRUCTION_H_
#define NPTSIM_SIM_ISA_INSTRUCTION_H_

#include <span>
#include <string>

#include "sim/isa/outcome.h"
#include "sim/isa/registers.h"

namespace nptsim::isa {

class Execution;
using Semantics = Outcome (*)(Execution&);

inline constexpr unsigned kMaxInstructionLength = 15;  // APM vol. 3, 1.1

enum class OperandKind : u8 {
  kNone,
  kRegister,   // general register `index`
  kHighByte,   // bits 15:8 of general register `index`: AH, CH, DH, BH
  kMemory,     // at Instruction::memory
  kImmediate,  // Instruction::immediate
  kSegment,    // segment register `index`
  kControl,    // CR `index`
  kDebug,      // DR `index`
  kXmm,        // XMM register `index`
  kOther,      // a register that the executed set does not have
};

struct Operand {
  OperandKind kind = OperandKind::kNone;
  u8 index = 0;
  u8 size = 0;  // in bytes
};

inline constexpr u8 kNoRegister = 0xff;
inline constexpr u8 kRipBase = 0xfe;  // [rip + displacement]

struct MemoryOperand {
  u64 displacement = 0;
  u8 base = kNoRegister;  // general register, kRipBase or kNoRegister
  u8 index = kNoRegister;
  u8 scale_shift = 0;
  u8 segment = kDs;  // after default and override
};

enum class Repeat : u8 { kNone, kRep, kRepne };  // F3 (rep, repe), F2 (repne)

struct Instruction {
  Semantics semantics = nullptr;
  u64 immediate = 0;  // sign-extended where the instruction does; far pointer: selector in 63:32
  MemoryOperand memory;
  Operand operands[3];
  u8 operand_count = 0;
  u8 length = 0;
  u8 operand_size = 0;  // effective, in bytes; of the element for string instructions
  u8 address_size = 0;  // effective, in bytes
  u8 condition = 0;     // 0..15, the low opcode bits of jcc, setcc, cmovcc
  Mode mode = Mode::k64;
  Repeat repeat = Repeat::kNone;
  bool lock = false;
  SpecialKind special = SpecialKind::kNone;
  u8 bytes[kMaxInstructionLength] = {};

  bool has_memory_operand() const {
    return operands[0].kind == OperandKind::kMemory || operands[1].kind == OperandKind::kMemory;
  }
  std::span<const u8> encoding() const { return {bytes, length}; }
};

// Intel syntax, for people: "mov byte ptr [rbx], 0x40". `address` makes branch targets absolute.
std::string disassemble(const Instruction& instruction, u64 address);

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_INSTRUCTION_H_
