// What the opcode tables of KVM's emulator say of an instruction that touches memory.
//
// Linux arch/x86/kvm/emulate.c opcode_table, twobyte_table, opcode_map_0f_38 and their groups, the
// same from 5.17 to 7.0 for everything that is executed here.
#ifndef NPTSIM_MODELS_KERNEL_KVM_EMULATOR_TABLES_H_
#define NPTSIM_MODELS_KERNEL_KVM_EMULATOR_TABLES_H_

#include "sim/isa/instruction.h"

namespace nptsim::kvm {

enum class TableEntry : std::uint8_t {
  kEmulated,
  kUnknown,       // fails before it touches memory
  kUnhandleable,  // reads its operand, then fails
};
TableEntry table_entry(const isa::Instruction& instruction);

// TwoMemOp: MOVS, CMPS, PUSH and POP of memory.
bool has_two_memory_operands(const isa::Instruction& instruction);
// String: MOVS, CMPS, STOS, LODS, SCAS.
bool is_string(const isa::Instruction& instruction);
// PageTable: what an operating system writes page table entries with.
bool writes_page_tables(const isa::Instruction& instruction);
// SGDT, SIDT, LGDT, LIDT: what their functions move goes through segmented_write_std and
// segmented_read_std, which know memory slots and no MMIO. Before that LGDT and LIDT (SrcMem) have
// had an operand read for them as for any instruction, of op_bytes.
bool knows_no_mmio(const isa::Instruction& instruction);
bool loads_descriptor_table(const isa::Instruction& instruction);
unsigned op_bytes(const isa::Instruction& instruction);

// PUSHA and POPA: eight accesses, of which the port sees one.
bool moves_all_registers(const isa::Instruction& instruction);

// As the tables decode it: they have no LZCNT and no TZCNT, whose prefix they pass over.
isa::Instruction as_emulated(const isa::Instruction& instruction);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_EMULATOR_TABLES_H_
