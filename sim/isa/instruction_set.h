// The executed set as data: which mnemonic means which semantic function.
//
// To add an instruction: write its semantic function in the file of its group (moves.cc,
// arithmetic.cc, ...) and add a row to that file's table. Nothing else has to know.
#ifndef NPTSIM_SIM_ISA_INSTRUCTION_SET_H_
#define NPTSIM_SIM_ISA_INSTRUCTION_SET_H_

#include <Zydis/Zydis.h>

#include <span>

#include "sim/isa/execution.h"

namespace nptsim::isa {

struct Row {
  ZydisMnemonic mnemonic;
  Semantics semantics;
  SpecialKind special = SpecialKind::kNone;
};

// One table a group.
std::span<const Row> move_rows();
std::span<const Row> arithmetic_rows();
std::span<const Row> multiply_rows();
std::span<const Row> shift_rows();
std::span<const Row> bit_test_rows();
std::span<const Row> atomic_rows();
std::span<const Row> string_rows();
std::span<const Row> control_rows();
std::span<const Row> stack_rows();
std::span<const Row> flag_rows();
std::span<const Row> interrupt_return_rows();
std::span<const Row> system_rows();
std::span<const Row> quiet_rows();
std::span<const Row> vector_move_rows();

// JMP, CALL and RET to another code segment share their mnemonics with the near ones.
std::span<const Row> far_control_rows();

// The row of a mnemonic; for one outside the executed set a row whose semantics say so.
const Row& row_of(ZydisMnemonic mnemonic);
const Row& far_row_of(ZydisMnemonic mnemonic);

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_INSTRUCTION_SET_H_
