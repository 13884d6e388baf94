// Shifts and rotates. A count of 0 changes no flag, but the operand is still written (and so must
// be writable). Zydis gives the count as operand 1: an immediate, CL, or the 1 of the short form.
#include "sim/isa/alu.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

inline constexpr u64 kRotateFlags = kFlagCf | kFlagOf;

struct ShiftInput {
  u64 value = 0;
  unsigned count = 0;
};

bool read_count(Execution& x, unsigned operand, unsigned& count) {
  u64 raw = 0;
  if (!x.read(operand, raw)) return false;
  count = shift_count(raw & 0xff, x.size());
  return true;
}

bool read_input(Execution& x, ShiftInput& in) {
  return read_count(x, 1, in.count) && x.read_for_update(0, in.value);
}

Outcome write_result(Execution& x, u64 mask, AluResult result) {
  if (!x.write(0, result.value)) return x.failed();
  x.set_flags(mask, result.flags);
  return x.retire();
}

Outcome write_unchanged(Execution& x, u64 value) { return write_result(x, 0, {value, 0}); }

template <AluResult (*kOperation)(u64, unsigned, unsigned), u64 kMask>
Outcome shift(Execution& x) {
  ShiftInput in;
  if (!read_input(x, in)) return x.failed();
  if (in.count == 0) return write_unchanged(x, in.value);
  return write_result(x, kMask, kOperation(in.value, in.count, x.size()));
}

template <AluResult (*kOperation)(u64, bool, unsigned, unsigned)>
Outcome rotate_through_carry(Execution& x) {
  ShiftInput in;
  if (!read_input(x, in)) return x.failed();
  if (in.count == 0) return write_unchanged(x, in.value);
  return write_result(x, kRotateFlags, kOperation(in.value, x.flag(kFlagCf), in.count, x.size()));
}

template <AluResult (*kOperation)(u64, u64, unsigned, unsigned)>
Outcome double_shift(Execution& x) {
  u64 value = 0, fill = 0;
  unsigned count = 0;
  if (!read_count(x, 2, count) || !x.read(1, fill)) return x.failed();
  if (!x.read_for_update(0, value)) return x.failed();
  if (count == 0) return write_unchanged(x, value);
  return write_result(x, kArithmeticFlags, kOperation(value, fill, count, x.size()));
}

constexpr Row kShiftsRows[] = {
    {ZYDIS_MNEMONIC_SHL, shift<shift_left, kArithmeticFlags>},
    {ZYDIS_MNEMONIC_SHR, shift<shift_right, kArithmeticFlags>},
    {ZYDIS_MNEMONIC_SAR, shift<shift_arithmetic_right, kArithmeticFlags>},
    {ZYDIS_MNEMONIC_ROL, shift<rotate_left, kRotateFlags>},
    {ZYDIS_MNEMONIC_ROR, shift<rotate_right, kRotateFlags>},
    {ZYDIS_MNEMONIC_RCL, rotate_through_carry<rotate_carry_left>},
    {ZYDIS_MNEMONIC_RCR, rotate_through_carry<rotate_carry_right>},
    {ZYDIS_MNEMONIC_SHLD, double_shift<double_shift_left>},
    {ZYDIS_MNEMONIC_SHRD, double_shift<double_shift_right>},
};

}  // namespace

std::span<const Row> shift_rows() { return kShiftsRows; }

}  // namespace nptsim::isa
