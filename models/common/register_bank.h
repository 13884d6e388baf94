// What stands behind MMIO addresses that no device of a scenario has.
#ifndef NPTSIM_MODELS_COMMON_REGISTER_BANK_H_
#define NPTSIM_MODELS_COMMON_REGISTER_BANK_H_

#include <cstdint>

namespace nptsim {

// A register bank that answers the same for ever: byte a reads as (0xc0 ^ a ^ (a >> 8) * 3) & 0xff,
// the pattern that this project's recordings of KVM use for MMIO. Up to 8 bytes, as a number.
inline std::uint64_t register_bank_word(std::uint64_t address, std::uint64_t size) {
  std::uint64_t value = 0;
  for (std::uint64_t i = 0; i < size && i < 8; ++i) {
    const std::uint64_t a = address + i;
    value |= ((0xc0 ^ a ^ (a >> 8) * 3) & 0xff) << (8 * i);
  }
  return value;
}

}  // namespace nptsim

#endif  // NPTSIM_MODELS_COMMON_REGISTER_BANK_H_
