#include "models/kernel/kvm/emulator_tables.h"

#include <algorithm>
#include <vector>

#include "sim/isa/decode.h"

namespace nptsim::kvm {
namespace {

using isa::u8;

// Where the opcode begins, behind the legacy prefixes and REX.
unsigned opcode_at(const isa::Instruction& instruction) {
  constexpr u8 kLegacy[] = {0x66, 0x67, 0xf0, 0xf2, 0xf3, 0x2e, 0x36, 0x3e, 0x26, 0x64, 0x65};
  for (unsigned i = 0; i < instruction.length; ++i) {
    const u8 byte = instruction.bytes[i];
    const bool legacy =
        std::find(std::begin(kLegacy), std::end(kLegacy), byte) != std::end(kLegacy);
    const bool rex = instruction.mode == isa::Mode::k64 && (byte & 0xf0) == 0x40;
    if (!legacy && !rex) return i;
  }
  return 0;
}

struct Opcode {
  unsigned map = 1;  // 1: one byte, 2: 0F, 3: 0F 38
  u8 byte = 0;
  unsigned reg = 0;  // ModRM.reg, where the opcode has a ModRM

  bool is(unsigned in_map, std::initializer_list<u8> bytes) const {
    return map == in_map && std::find(bytes.begin(), bytes.end(), byte) != bytes.end();
  }
};

Opcode opcode_of(const isa::Instruction& instruction) {
  Opcode opcode;
  unsigned at = opcode_at(instruction);
  if (instruction.bytes[at] == 0x0f) {
    opcode.map = instruction.bytes[at + 1] == 0x38 ? 3 : 2;
    at += opcode.map - 1;
  }
  opcode.byte = instruction.bytes[at];
  if (at + 1 < instruction.length) opcode.reg = instruction.bytes[at + 1] >> 3 & 7;
  return opcode;
}

// MOVBE and CRC32 share 0F 38 F0 and F1; the prefix F2 of CRC32 has no entry.
bool is_movbe(const isa::Instruction& instruction, const Opcode& opcode) {
  return opcode.is(3, {0xf0, 0xf1}) && instruction.repeat != isa::Repeat::kRepne;
}

}  // namespace

// N in a table is EMULATION_FAILED of x86_decode_insn; the other failures are the functions' own.
TableEntry table_entry(const isa::Instruction& instruction) {
  const Opcode opcode = opcode_of(instruction);
  if (opcode.map == 3 && !is_movbe(instruction, opcode)) return TableEntry::kUnknown;
  if (opcode.is(2, {0xb8})) return TableEntry::kUnknown;                     // POPCNT
  if (opcode.is(2, {0xae}) && opcode.reg == 6) return TableEntry::kUnknown;  // CLWB
  // em_iret: "iret from protected mode unimplemented yet"; em_enter: no nested frames.
  const bool real = instruction.mode == isa::Mode::k16;
  if (opcode.is(1, {0xcf}) && !real) return TableEntry::kUnknown;
  if (opcode.is(1, {0xc8}) && instruction.bytes[instruction.length - 1] != 0) {
    return TableEntry::kUnknown;
  }
  // em_cmpxchg8b: "if (ctxt->dst.bytes == 16) return X86EMUL_UNHANDLEABLE".
  const bool wide = opcode.is(2, {0xc7}) && opcode.reg == 1 && instruction.operands[0].size == 16;
  return wide ? TableEntry::kUnhandleable : TableEntry::kEmulated;
}

bool has_two_memory_operands(const isa::Instruction& instruction) {
  const Opcode opcode = opcode_of(instruction);
  return opcode.is(1, {0xa4, 0xa5, 0xa6, 0xa7, 0x8f}) || (opcode.is(1, {0xff}) && opcode.reg == 6);
}

bool is_string(const isa::Instruction& instruction) {
  return opcode_of(instruction).is(1, {0xa4, 0xa5, 0xa6, 0xa7, 0xaa, 0xab, 0xac, 0xad, 0xae, 0xaf});
}

bool writes_page_tables(const isa::Instruction& instruction) {
  const Opcode opcode = opcode_of(instruction);
  constexpr unsigned kOr = 1, kAnd = 4, kBts = 5, kBtc = 7;
  if (opcode.is(1, {0x80, 0x81, 0x82, 0x83})) return opcode.reg == kOr || opcode.reg == kAnd;
  if (opcode.is(2, {0xba})) return opcode.reg == kBts || opcode.reg == kBtc;
  return opcode.is(1, {0x08, 0x09, 0x0a, 0x0b, 0x0c, 0x0d, 0x20, 0x21, 0x22, 0x23, 0x24,
                       0x25, 0x86, 0x87, 0x88, 0x89, 0x8c, 0xa2, 0xa3, 0xc6, 0xc7}) ||
         opcode.is(2, {0xab, 0xb0, 0xb1, 0xbb, 0xc7});
}

bool knows_no_mmio(const isa::Instruction& instruction) {
  const Opcode opcode = opcode_of(instruction);
  return opcode.is(2, {0x01}) && opcode.reg <= 3;
}

bool loads_descriptor_table(const isa::Instruction& instruction) {
  const Opcode opcode = opcode_of(instruction);
  return opcode.is(2, {0x01}) && (opcode.reg == 2 || opcode.reg == 3);
}

// x86_decode_insn: REX.W, else the prefix 66 switches between 2 and 4.
unsigned op_bytes(const isa::Instruction& instruction) {
  const unsigned opcode = opcode_at(instruction);
  bool switched = false, wide = false;
  for (unsigned i = 0; i < opcode; ++i) {
    const u8 byte = instruction.bytes[i];
    switched |= byte == 0x66;
    wide |= instruction.mode == isa::Mode::k64 && (byte & 0xf8) == 0x48;
  }
  if (wide) return 8;
  return (instruction.mode == isa::Mode::k16) == switched ? 4 : 2;
}

bool moves_all_registers(const isa::Instruction& instruction) {
  return opcode_of(instruction).is(1, {0x60, 0x61});
}

isa::Instruction as_emulated(const isa::Instruction& instruction) {
  if (!opcode_of(instruction).is(2, {0xbc, 0xbd})) return instruction;
  std::vector<u8> bytes;  // without F3, and so BSF and BSR
  const unsigned opcode = opcode_at(instruction);
  for (unsigned i = 0; i < instruction.length; ++i) {
    if (i >= opcode || instruction.bytes[i] != 0xf3) bytes.push_back(instruction.bytes[i]);
  }
  isa::Instruction plain;
  if (isa::decode(bytes, instruction.mode, plain) != isa::DecodeStatus::kOk) return instruction;
  plain.length = instruction.length;  // the next instruction is where it was
  return plain;
}

}  // namespace nptsim::kvm
