// Addition, subtraction and the bitwise operations.
#include "sim/isa/alu.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

Outcome write_result(Execution& x, AluResult result) {
  if (!x.write(0, result.value)) return x.failed();
  x.set_flags(kArithmeticFlags, result.flags);
  return x.retire();
}

Outcome compare_result(Execution& x, AluResult result) {
  x.set_flags(kArithmeticFlags, result.flags);
  return x.retire();
}

bool read_both(Execution& x, u64& a, u64& b) { return x.read(1, b) && x.read_for_update(0, a); }

Outcome add(Execution& x) {
  u64 a = 0, b = 0;
  if (!read_both(x, a, b)) return x.failed();
  return write_result(x, add_with_carry(a, b, false, x.size()));
}

Outcome adc(Execution& x) {
  u64 a = 0, b = 0;
  if (!read_both(x, a, b)) return x.failed();
  return write_result(x, add_with_carry(a, b, x.flag(kFlagCf), x.size()));
}

Outcome sub(Execution& x) {
  u64 a = 0, b = 0;
  if (!read_both(x, a, b)) return x.failed();
  return write_result(x, subtract_with_borrow(a, b, false, x.size()));
}

Outcome sbb(Execution& x) {
  u64 a = 0, b = 0;
  if (!read_both(x, a, b)) return x.failed();
  return write_result(x, subtract_with_borrow(a, b, x.flag(kFlagCf), x.size()));
}

Outcome cmp(Execution& x) {
  u64 a = 0, b = 0;
  if (!x.read(0, a) || !x.read(1, b)) return x.failed();
  return compare_result(x, subtract_with_borrow(a, b, false, x.size()));
}

Outcome bitwise_and(Execution& x) {
  u64 a = 0, b = 0;
  if (!read_both(x, a, b)) return x.failed();
  return write_result(x, logical(a & b, x.size()));
}

Outcome bitwise_or(Execution& x) {
  u64 a = 0, b = 0;
  if (!read_both(x, a, b)) return x.failed();
  return write_result(x, logical(a | b, x.size()));
}

Outcome bitwise_xor(Execution& x) {
  u64 a = 0, b = 0;
  if (!read_both(x, a, b)) return x.failed();
  return write_result(x, logical(a ^ b, x.size()));
}

Outcome test(Execution& x) {
  u64 a = 0, b = 0;
  if (!x.read(0, a) || !x.read(1, b)) return x.failed();
  return compare_result(x, logical(a & b, x.size()));
}

// INC and DEC leave CF alone.
Outcome write_step(Execution& x, AluResult result) {
  if (!x.write(0, result.value)) return x.failed();
  x.set_flags(kArithmeticFlags & ~kFlagCf, result.flags);
  return x.retire();
}

Outcome inc(Execution& x) {
  u64 a = 0;
  if (!x.read_for_update(0, a)) return x.failed();
  return write_step(x, add_with_carry(a, 1, false, x.size()));
}

Outcome dec(Execution& x) {
  u64 a = 0;
  if (!x.read_for_update(0, a)) return x.failed();
  return write_step(x, subtract_with_borrow(a, 1, false, x.size()));
}

Outcome neg(Execution& x) {
  u64 a = 0;
  if (!x.read_for_update(0, a)) return x.failed();
  return write_result(x, subtract_with_borrow(0, a, false, x.size()));
}

Outcome bitwise_not(Execution& x) {  // no flags
  u64 a = 0;
  if (!x.read_for_update(0, a) || !x.write(0, ~a & mask_of_size(x.size()))) return x.failed();
  return x.retire();
}

constexpr Row kArithmeticRows[] = {
    {ZYDIS_MNEMONIC_ADD, add},         {ZYDIS_MNEMONIC_ADC, adc},
    {ZYDIS_MNEMONIC_SUB, sub},         {ZYDIS_MNEMONIC_SBB, sbb},
    {ZYDIS_MNEMONIC_CMP, cmp},         {ZYDIS_MNEMONIC_AND, bitwise_and},
    {ZYDIS_MNEMONIC_OR, bitwise_or},   {ZYDIS_MNEMONIC_XOR, bitwise_xor},
    {ZYDIS_MNEMONIC_TEST, test},       {ZYDIS_MNEMONIC_INC, inc},
    {ZYDIS_MNEMONIC_DEC, dec},         {ZYDIS_MNEMONIC_NEG, neg},
    {ZYDIS_MNEMONIC_NOT, bitwise_not},
};

}  // namespace

std::span<const Row> arithmetic_rows() { return kArithmeticRows; }

}  // namespace nptsim::isa
