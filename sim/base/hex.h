// Numbers as people read addresses and bits.
#ifndef NPTSIM_SIM_BASE_HEX_H_
#define NPTSIM_SIM_BASE_HEX_H_

#include <charconv>
#include <cstdint>
#include <string>

namespace nptsim {

// "0xfee00000": lower case, no leading zeros.
inline std::string hex(std::uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  return "0x" + std::string(digits, end);
}

}  // namespace nptsim

#endif  // NPTSIM_SIM_BASE_HEX_H_
