// Integer arithmetic with flags: pure functions of values and an operand size in bytes. Operands
// are already cut to that size, so are results. Flags not named by a function are 0 in its result.
#ifndef NPTSIM_SIM_ISA_ALU_H_
#define NPTSIM_SIM_ISA_ALU_H_

#include <bit>

#include "sim/isa/registers.h"

namespace nptsim::isa {

struct AluResult {
  u64 value = 0;
  u64 flags = 0;
};

constexpr u64 top_bit(unsigned size) { return bit(size * 8 - 1); }
constexpr u64 flag_if(bool condition, u64 flag) { return condition ? flag : 0; }

// ZF, SF, and PF (even parity of the low byte): APM vol. 1, 3.1.4.
constexpr u64 value_flags(u64 value, unsigned size) {
  return flag_if(value == 0, kFlagZf) | flag_if(value & top_bit(size), kFlagSf) |
         flag_if(std::popcount(value & 0xff) % 2 == 0, kFlagPf);
}

constexpr AluResult add_with_carry(u64 a, u64 b, bool carry, unsigned size) {
  const u64 sum = (a + b + carry) & mask_of_size(size);
  const u64 carries = (a & b) | ((a | b) & ~sum);  // out of each bit
  return {sum, value_flags(sum, size) | flag_if(carries & top_bit(size), kFlagCf) |
                   flag_if(has_bit(carries, 3), kFlagAf) |
                   flag_if((a ^ sum) & (b ^ sum) & top_bit(size), kFlagOf)};
}

constexpr AluResult subtract_with_borrow(u64 a, u64 b, bool borrow, unsigned size) {
  const u64 difference = (a - b - borrow) & mask_of_size(size);
  const u64 borrows = (~a & b) | ((~a | b) & difference);  // into each bit
  return {difference, value_flags(difference, size) | flag_if(borrows & top_bit(size), kFlagCf) |
                          flag_if(has_bit(borrows, 3), kFlagAf) |
                          flag_if((a ^ b) & (a ^ difference) & top_bit(size), kFlagOf)};
}

// AND, OR, XOR, TEST: CF and OF are 0; AF is undefined, here 0.
constexpr AluResult logical(u64 value, unsigned size) { return {value, value_flags(value, size)}; }

// Shift counts use 5 bits, 6 for 64-bit operands (APM vol. 3, SAL).
constexpr unsigned shift_count(u64 count, unsigned size) { return count & (size == 8 ? 63 : 31); }

// The shifts below need 0 < count < 64. OF is defined for a count of 1 only and AF never: here 0.
constexpr AluResult shift_left(u64 a, unsigned count, unsigned size) {
  const unsigned width = size * 8;
  const u64 value = (a << count) & mask_of_size(size);
  const bool carry = count <= width && ((a >> (width - count)) & 1);
  const bool overflow = count == 1 && (((value & top_bit(size)) != 0) != carry);
  return {value, value_flags(value, size) | flag_if(carry, kFlagCf) | flag_if(overflow, kFlagOf)};
}

constexpr AluResult shift_right(u64 a, unsigned count, unsigned size) {
  const u64 value = a >> count;
  const bool overflow = count == 1 && (a & top_bit(size));
  return {value, value_flags(value, size) | flag_if((a >> (count - 1)) & 1, kFlagCf) |
                     flag_if(overflow, kFlagOf)};
}

constexpr AluResult shift_arithmetic_right(u64 a, unsigned count, unsigned size) {
  const i64 wide = static_cast<i64>(sign_extend(a, size));
  const u64 value = static_cast<u64>(wide >> count) & mask_of_size(size);
  return {value, value_flags(value, size) | flag_if((wide >> (count - 1)) & 1, kFlagCf)};
}

// Rotates change CF and OF only.
constexpr AluResult rotate_left(u64 a, unsigned count, unsigned size) {
  const unsigned width = size * 8, by = count % width;
  const u64 value = by == 0 ? a : ((a << by) | (a >> (width - by))) & mask_of_size(size);
  const bool carry = value & 1;
  const bool overflow = count == 1 && (((value & top_bit(size)) != 0) != carry);
  return {value, flag_if(carry, kFlagCf) | flag_if(overflow, kFlagOf)};
}

constexpr AluResult rotate_right(u64 a, unsigned count, unsigned size) {
  const unsigned width = size * 8, by = count % width;
  const u64 value = by == 0 ? a : ((a >> by) | (a << (width - by))) & mask_of_size(size);
  const bool carry = value & top_bit(size);
  const bool next = value & (top_bit(size) >> 1);
  return {value, flag_if(carry, kFlagCf) | flag_if(count == 1 && carry != next, kFlagOf)};
}

// Through the carry: a value of width + 1 bits turns, one bit at a time. `count` is already cut to
// 5 or 6 bits; 8- and 16-bit operands turn modulo 9 and 17 by themselves.
constexpr AluResult rotate_carry_left(u64 a, bool carry, unsigned count, unsigned size) {
  u64 value = a;
  for (unsigned i = 0; i < count; ++i) {
    const bool out = value & top_bit(size);
    value = ((value << 1) | carry) & mask_of_size(size);
    carry = out;
  }
  const bool overflow = count == 1 && (((value & top_bit(size)) != 0) != carry);
  return {value, flag_if(carry, kFlagCf) | flag_if(overflow, kFlagOf)};
}

constexpr AluResult rotate_carry_right(u64 a, bool carry, unsigned count, unsigned size) {
  u64 value = a;
  const bool overflow = count == 1 && (((a & top_bit(size)) != 0) != carry);
  for (unsigned i = 0; i < count; ++i) {
    const bool out = value & 1;
    value = (value >> 1) | (carry ? top_bit(size) : 0);
    carry = out;
  }
  return {value, flag_if(carry, kFlagCf) | flag_if(overflow, kFlagOf)};
}

// SHLD, SHRD. A count above 16 with 16-bit operands is undefined (APM vol. 3, SHLD); here the
// pattern goes on with the first operand again.
constexpr AluResult double_shift_left(u64 a, u64 fill, unsigned count, unsigned size) {
  const unsigned width = size * 8;
  u64 value = a;
  bool carry = false;
  for (unsigned i = 0; i < count; ++i) {
    const u64 source = i < width ? fill : a;
    carry = value & top_bit(size);
    value = ((value << 1) | ((source >> (width - 1 - i % width)) & 1)) & mask_of_size(size);
  }
  const bool overflow = count == 1 && ((value ^ a) & top_bit(size));
  return {value, value_flags(value, size) | flag_if(carry, kFlagCf) | flag_if(overflow, kFlagOf)};
}

constexpr AluResult double_shift_right(u64 a, u64 fill, unsigned count, unsigned size) {
  const unsigned width = size * 8;
  u64 value = a;
  bool carry = false;
  for (unsigned i = 0; i < count; ++i) {
    const u64 source = i < width ? fill : a;
    carry = value & 1;
    value = (value >> 1) | (((source >> (i % width)) & 1) ? top_bit(size) : 0);
  }
  const bool overflow = count == 1 && ((value ^ a) & top_bit(size));
  return {value, value_flags(value, size) | flag_if(carry, kFlagCf) | flag_if(overflow, kFlagOf)};
}

// Conditions in the encoding order of Jcc: O, B, Z, BE, S, P, L, LE; odd ones are the negation.
constexpr bool condition_holds(unsigned condition, u64 flags) {
  const bool less = ((flags & kFlagSf) != 0) != ((flags & kFlagOf) != 0);
  bool holds = false;
  switch (condition >> 1) {
    case 0:
      holds = flags & kFlagOf;
      break;
    case 1:
      holds = flags & kFlagCf;
      break;
    case 2:
      holds = flags & kFlagZf;
      break;
    case 3:
      holds = flags & (kFlagCf | kFlagZf);
      break;
    case 4:
      holds = flags & kFlagSf;
      break;
    case 5:
      holds = flags & kFlagPf;
      break;
    case 6:
      holds = less;
      break;
    case 7:
      holds = less || (flags & kFlagZf);
      break;
  }
  return holds != ((condition & 1) != 0);
}

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_ALU_H_
