// The fields of x86 instruction bytes (APM vol. 3, 1.2): only where each field is. What a decoder
// makes of a field is its own affair, for just there the guests differ from the processor.
#ifndef NPTSIM_MODELS_GUEST_COMMON_INSN_FIELDS_H_
#define NPTSIM_MODELS_GUEST_COMMON_INSN_FIELDS_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/base/bits.h"

namespace nptsim::guest {

struct ModRm {
  unsigned mod = 0, reg = 0, rm = 0;
};

constexpr ModRm split_modrm(unsigned byte) {
  return {.mod = byte >> 6, .reg = byte >> 3 & 7, .rm = byte & 7};
}

struct Sib {
  unsigned scale = 0, index = 0, base = 0;
};

constexpr Sib split_sib(unsigned byte) {
  return {.scale = byte >> 6, .index = byte >> 3 & 7, .base = byte & 7};
}

// R, X and B as what they add to a register number.
struct Rex {
  bool w = false;
  unsigned r = 0, x = 0, b = 0;
};

constexpr bool is_rex(std::uint8_t byte) { return (byte & 0xf0) == 0x40; }

constexpr Rex split_rex(std::uint8_t byte) {
  return {.w = has_bit(byte, 3),
          .r = has_bit(byte, 2) ? 8u : 0u,
          .x = has_bit(byte, 1) ? 8u : 0u,
          .b = has_bit(byte, 0) ? 8u : 0u};
}

// Reads instruction bytes in order. Reading past the end gives zeros and is remembered, so that a
// decoder asks once, when it is done.
class InsnReader {
 public:
  explicit InsnReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  // The byte `ahead` bytes further, without taking it.
  std::uint8_t peek(std::size_t ahead = 0) {
    if (ahead < bytes_.size() - next_) return bytes_[next_ + ahead];
    ran_out_ = true;
    return 0;
  }

  std::uint8_t byte() {
    const std::uint8_t value = peek();
    if (next_ < bytes_.size()) ++next_;
    return value;
  }

  std::uint64_t little_endian(unsigned size) {
    std::uint64_t value = 0;
    for (unsigned i = 0; i < size; ++i) value |= std::uint64_t{byte()} << (8 * i);
    return value;
  }

  // `size` is 1 to 8.
  std::uint64_t sign_extended(unsigned size) {
    const unsigned shift = 64 - 8 * size;
    const auto value = static_cast<std::int64_t>(little_endian(size) << shift);
    return static_cast<std::uint64_t>(value >> shift);
  }

  unsigned consumed() const { return static_cast<unsigned>(next_); }
  bool ran_out() const { return ran_out_; }

 private:
  std::span<const std::uint8_t> bytes_;
  std::size_t next_ = 0;
  bool ran_out_ = false;
};

}  // namespace nptsim::guest

#endif  // NPTSIM_MODELS_GUEST_COMMON_INSN_FIELDS_H_
