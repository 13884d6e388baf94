// BT and its kin, bit scans and counts.
#include <bit>

#include "sim/isa/alu.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

// Where the bit lies. A bit number from a register is signed and reaches beyond a memory operand,
// in units of the operand size; an immediate one wraps within it (APM vol. 3, BT).
struct BitPlace {
  u64 offset = 0;  // of the memory word, in its segment
  unsigned bit = 0;
};

BitPlace place_of(const Execution& x, u64 number) {
  const unsigned width = 8 * x.size();
  BitPlace place{x.effective_address(), static_cast<unsigned>(number % width)};
  if (x.insn.operands[1].kind == OperandKind::kRegister) {
    const i64 words = static_cast<i64>(sign_extend(number, x.size())) >> std::countr_zero(width);
    place.offset += static_cast<u64>(words) * x.size();
    place.offset &= mask_of_size(x.insn.address_size);
  }
  return place;
}

bool in_memory(const Execution& x) { return x.insn.operands[0].kind == OperandKind::kMemory; }

// CF is the bit; ZF is unchanged on every processor we know of, but OF, SF, ZF, AF and PF are
// undefined in APM vol. 3, so they become 0.
Outcome finish(Execution& x, bool carry) {
  x.set_flags(kArithmeticFlags, flag_if(carry, kFlagCf));
  return x.retire();
}

Outcome bt(Execution& x) {
  u64 number = 0, word = 0;
  if (!x.read(1, number)) return x.failed();
  const BitPlace place = place_of(x, number);
  const bool read =
      in_memory(x) ? x.load(x.insn.memory.segment, place.offset, x.size(), word) : x.read(0, word);
  if (!read) return x.failed();
  return finish(x, has_bit(word, place.bit));
}

template <class Change>
Outcome change_in_memory(Execution& x, const BitPlace& place, Change change) {
  const unsigned segment = x.insn.memory.segment;
  u64 word = 0;
  if (!x.load_for_update(segment, place.offset, x.size(), word)) return x.failed();
  const bool carry = has_bit(word, place.bit);
  if (!x.store(segment, place.offset, x.size(), change(word, bit(place.bit)))) return x.failed();
  return finish(x, carry);
}

template <class Change>
Outcome test_and_change(Execution& x, Change change) {
  u64 number = 0, word = 0;
  if (!x.read(1, number)) return x.failed();
  const BitPlace place = place_of(x, number);
  if (in_memory(x)) return change_in_memory(x, place, change);
  if (!x.read(0, word)) return x.failed();
  if (!x.write(0, change(word, bit(place.bit)))) return x.failed();
  return finish(x, has_bit(word, place.bit));
}

Outcome bts(Execution& x) {
  return test_and_change(x, [](u64 word, u64 mask) { return word | mask; });
}
Outcome btr(Execution& x) {
  return test_and_change(x, [](u64 word, u64 mask) { return word & ~mask; });
}
Outcome btc(Execution& x) {
  return test_and_change(x, [](u64 word, u64 mask) { return word ^ mask; });
}

unsigned lowest_bit(u64 value) { return static_cast<unsigned>(std::countr_zero(value)); }
unsigned highest_bit(u64 value) { return 63 - static_cast<unsigned>(std::countl_zero(value)); }

// BSF and BSR of 0 set ZF and leave the destination, all 64 bits of it, as it was (APM vol. 3,
// BSF).
template <unsigned (*kFind)(u64)>
Outcome scan(Execution& x) {
  u64 value = 0;
  if (!x.read(1, value)) return x.failed();
  if (value != 0 && !x.write(0, kFind(value))) return x.failed();
  x.set_flags(kArithmeticFlags, flag_if(value == 0, kFlagZf));
  return x.retire();
}

unsigned trailing_zeros(u64 value, unsigned size) {
  return value == 0 ? 8 * size : lowest_bit(value);
}
unsigned leading_zeros(u64 value, unsigned size) {
  return value == 0 ? 8 * size : 8 * size - 1 - highest_bit(value);
}

// CF: the source was 0; ZF: the result is 0; the rest is undefined.
template <unsigned (*kCount)(u64, unsigned)>
Outcome count_zeros(Execution& x) {
  u64 value = 0;
  if (!x.read(1, value)) return x.failed();
  const unsigned count = kCount(value, x.size());
  if (!x.write(0, count)) return x.failed();
  x.set_flags(kArithmeticFlags, flag_if(value == 0, kFlagCf) | flag_if(count == 0, kFlagZf));
  return x.retire();
}

Outcome popcnt(Execution& x) {
  u64 value = 0;
  if (!x.read(1, value)) return x.failed();
  if (!x.write(0, static_cast<u64>(std::popcount(value)))) return x.failed();
  x.set_flags(kArithmeticFlags, flag_if(value == 0, kFlagZf));
  return x.retire();
}

constexpr Row kBitTestsRows[] = {
    {ZYDIS_MNEMONIC_BT, bt},
    {ZYDIS_MNEMONIC_BTS, bts},
    {ZYDIS_MNEMONIC_BTR, btr},
    {ZYDIS_MNEMONIC_BTC, btc},
    {ZYDIS_MNEMONIC_BSF, scan<lowest_bit>},
    {ZYDIS_MNEMONIC_BSR, scan<highest_bit>},
    {ZYDIS_MNEMONIC_TZCNT, count_zeros<trailing_zeros>},
    {ZYDIS_MNEMONIC_LZCNT, count_zeros<leading_zeros>},
    {ZYDIS_MNEMONIC_POPCNT, popcnt},
};

}  // namespace

std::span<const Row> bit_test_rows() { return kBitTestsRows; }

}  // namespace nptsim::isa
