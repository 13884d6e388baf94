// Multiplication, division, and the sign extensions that prepare them.
#include "sim/isa/alu.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

__extension__ using u128 = unsigned __int128;
__extension__ using i128 = __int128;

i64 as_signed(u64 value, unsigned size) { return static_cast<i64>(sign_extend(value, size)); }

// The double-width register pair: AX for bytes, else rDX:rAX.
u128 read_pair(const Execution& x) {
  if (x.size() == 1) return x.gpr(kRax, 2);
  return static_cast<u128>(x.gpr(kRdx, x.size())) << (8 * x.size()) | x.gpr(kRax, x.size());
}

void write_pair(Execution& x, u64 high, u64 low) {
  if (x.size() == 1) {
    x.set_gpr(kRax, 2, (high & 0xff) << 8 | (low & 0xff));
    return;
  }
  x.set_gpr(kRax, x.size(), low);
  x.set_gpr(kRdx, x.size(), high);
}

// CF and OF: the upper half matters. The other four are undefined, here 0 (APM vol. 3, MUL, IMUL).
void set_multiply_flags(Execution& x, bool wide) {
  x.set_flags(kArithmeticFlags, flag_if(wide, kFlagCf | kFlagOf));
}

Outcome mul(Execution& x) {
  u64 a = 0;
  if (!x.read(0, a)) return x.failed();
  const u128 product = static_cast<u128>(a) * x.gpr(kRax, x.size());
  const u64 high = static_cast<u64>(product >> (8 * x.size()));
  write_pair(x, high, static_cast<u64>(product));
  set_multiply_flags(x, high != 0);
  return x.retire();
}

Outcome imul_pair(Execution& x) {
  u64 a = 0;
  if (!x.read(0, a)) return x.failed();
  const i64 b = as_signed(x.gpr(kRax, x.size()), x.size());
  const i128 product = static_cast<i128>(as_signed(a, x.size())) * b;
  write_pair(x, static_cast<u64>(product >> (8 * x.size())), static_cast<u64>(product));
  set_multiply_flags(x, product != as_signed(static_cast<u64>(product), x.size()));
  return x.retire();
}

// IMUL in its three shapes: rDX:rAX, destination * source, source * immediate.
Outcome imul(Execution& x) {
  const unsigned count = x.insn.operand_count;
  if (count == 1) return imul_pair(x);
  u64 a = 0, b = 0;
  if (!x.read(count - 2, a) || !x.read(count - 1, b)) return x.failed();
  const i128 product = static_cast<i128>(as_signed(a, x.size())) * as_signed(b, x.size());
  const u64 low = static_cast<u64>(product) & mask_of_size(x.size());
  if (!x.write(0, low)) return x.failed();
  set_multiply_flags(x, product != as_signed(low, x.size()));
  return x.retire();
}

// #DE: division by zero, or a quotient that does not fit. All six flags are undefined, here 0.
Outcome div(Execution& x) {
  u64 divisor = 0;
  if (!x.read(0, divisor)) return x.failed();
  if (divisor == 0) return x.raise(kDe);
  const u128 dividend = read_pair(x), quotient = dividend / divisor;
  if (quotient > mask_of_size(x.size())) return x.raise(kDe);
  write_pair(x, static_cast<u64>(dividend % divisor), static_cast<u64>(quotient));
  x.set_flags(kArithmeticFlags, 0);
  return x.retire();
}

i128 read_signed_pair(const Execution& x) {
  const unsigned unused = 128 - 16 * x.size();
  return static_cast<i128>(read_pair(x) << unused) >> unused;
}

// -2^127 / -1 would overflow the host's own division; its quotient does not fit anyway.
bool overflows(i128 dividend, i64 divisor) {
  return divisor == -1 && dividend == static_cast<i128>(static_cast<u128>(1) << 127);
}

Outcome idiv(Execution& x) {
  u64 raw = 0;
  if (!x.read(0, raw)) return x.failed();
  const i64 divisor = as_signed(raw, x.size());
  const i128 dividend = read_signed_pair(x);
  if (divisor == 0 || overflows(dividend, divisor)) return x.raise(kDe);
  const i128 quotient = dividend / divisor;
  if (quotient != as_signed(static_cast<u64>(quotient), x.size())) return x.raise(kDe);
  write_pair(x, static_cast<u64>(dividend % divisor), static_cast<u64>(quotient));
  x.set_flags(kArithmeticFlags, 0);
  return x.retire();
}

// CBW, CWDE, CDQE: rAX from its lower half.
Outcome extend_accumulator(Execution& x) {
  x.set_gpr(kRax, x.size(), sign_extend(x.gpr(kRax, x.size() / 2), x.size() / 2));
  return x.retire();
}

// CWD, CDQ, CQO: rDX from the sign of rAX.
Outcome extend_into_rdx(Execution& x) {
  x.set_gpr(kRdx, x.size(), as_signed(x.gpr(kRax, x.size()), x.size()) < 0 ? ~0ull : 0);
  return x.retire();
}

constexpr Row kMultiplyRows[] = {
    {ZYDIS_MNEMONIC_MUL, mul},
    {ZYDIS_MNEMONIC_IMUL, imul},
    {ZYDIS_MNEMONIC_DIV, div},
    {ZYDIS_MNEMONIC_IDIV, idiv},
    {ZYDIS_MNEMONIC_CBW, extend_accumulator},
    {ZYDIS_MNEMONIC_CWDE, extend_accumulator},
    {ZYDIS_MNEMONIC_CDQE, extend_accumulator},
    {ZYDIS_MNEMONIC_CWD, extend_into_rdx},
    {ZYDIS_MNEMONIC_CDQ, extend_into_rdx},
    {ZYDIS_MNEMONIC_CQO, extend_into_rdx},
};

}  // namespace

std::span<const Row> multiply_rows() { return kMultiplyRows; }

}  // namespace nptsim::isa
