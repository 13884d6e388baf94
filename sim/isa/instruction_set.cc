#include "sim/isa/instruction_set.h"

#include <initializer_list>
#include <vector>

#include "sim/base/bug.h"

namespace nptsim::isa {
namespace {

Outcome unsupported(Execution&) { return Outcome::unsupported(); }

using Table = std::vector<Row>;

const Row kUnsupportedRow{ZYDIS_MNEMONIC_INVALID, unsupported};

Table build(std::initializer_list<std::span<const Row>> groups) {
  Table table(ZYDIS_MNEMONIC_MAX_VALUE + 1, kUnsupportedRow);
  for (const auto rows : groups) {
    for (const Row& row : rows) {
      NPTSIM_CHECK(table[row.mnemonic].mnemonic == ZYDIS_MNEMONIC_INVALID);  // one row each
      table[row.mnemonic] = row;
    }
  }
  return table;
}

}  // namespace

const Row& row_of(ZydisMnemonic mnemonic) {
  static const Table table =
      build({move_rows(), arithmetic_rows(), multiply_rows(), shift_rows(), bit_test_rows(),
             atomic_rows(), string_rows(), control_rows(), stack_rows(), flag_rows(),
             interrupt_return_rows(), system_rows(), quiet_rows(), vector_move_rows()});
  return table[mnemonic];
}

const Row& far_row_of(ZydisMnemonic mnemonic) {
  static const Table table = build({far_control_rows()});
  return table[mnemonic];
}

}  // namespace nptsim::isa
