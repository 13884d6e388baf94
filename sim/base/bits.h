// Bits and bit ranges, numbered as the manuals do: 63 is the most significant.
#ifndef NPTSIM_SIM_BASE_BITS_H_
#define NPTSIM_SIM_BASE_BITS_H_

#include <cstdint>

namespace nptsim {

constexpr std::uint64_t bit(unsigned n) { return 1ull << n; }

// Bits high..low, both included; zero if high < low (an empty range, as "51:M" is when M is 52).
constexpr std::uint64_t bit_range(unsigned high, unsigned low) {
  if (high < low) return 0;
  const std::uint64_t up_to_high = high >= 63 ? ~0ull : bit(high + 1) - 1;
  return up_to_high & ~(bit(low) - 1);
}

constexpr bool has_bit(std::uint64_t word, unsigned n) { return (word >> n) & 1; }

constexpr std::uint64_t get_bits(std::uint64_t word, unsigned high, unsigned low) {
  return (word & bit_range(high, low)) >> low;
}

constexpr std::uint64_t with_bits(std::uint64_t word, unsigned high, unsigned low,
                                  std::uint64_t value) {
  const std::uint64_t mask = bit_range(high, low);
  return (word & ~mask) | ((value << low) & mask);
}

}  // namespace nptsim

#endif  // NPTSIM_SIM_BASE_BITS_H_
