// The bytes of the instruction that a #VC handler looks at, and what it takes from their beginning.
#ifndef NPTSIM_MODELS_GUEST_COMMON_INSN_BYTES_H_
#define NPTSIM_MODELS_GUEST_COMMON_INSN_BYTES_H_

#include <array>
#include <cstdint>
#include <span>

#include "models/guest/common/insn_fields.h"
#include "sim/base/bug.h"

namespace nptsim::guest {

inline constexpr unsigned kMaxInsn = 15;

// Kept in two words of a frame: 15 bytes, and their count in the last one.
class InsnBytes {
 public:
  InsnBytes() = default;
  InsnBytes(std::uint64_t low, std::uint64_t high) : count_(static_cast<unsigned>(high >> 56)) {
    for (unsigned i = 0; i < 8; ++i) bytes_[i] = static_cast<std::uint8_t>(low >> (8 * i));
    for (unsigned i = 8; i < kMaxInsn; ++i) {
      bytes_[i] = static_cast<std::uint8_t>(high >> (8 * (i - 8)));
    }
    NPTSIM_CHECK(count_ <= kMaxInsn);
  }

  std::uint64_t low() const { return word(0, 8); }
  std::uint64_t high() const { return word(8, kMaxInsn) | std::uint64_t{count_} << 56; }
  unsigned count() const { return count_; }
  std::span<const std::uint8_t> bytes() const { return {bytes_.data(), count_}; }

  // What does not fit any more is dropped.
  void append(std::uint64_t value, unsigned size) {
    for (unsigned i = 0; i < size && count_ < kMaxInsn; ++i) {
      bytes_[count_++] = static_cast<std::uint8_t>(value >> (8 * i));
    }
  }

 private:
  std::uint64_t word(unsigned begin, unsigned end) const {
    std::uint64_t value = 0;
    for (unsigned i = begin; i < end; ++i) {
      value |= std::uint64_t{bytes_[i]} << (8 * (i - begin));
    }
    return value;
  }

  std::array<std::uint8_t, kMaxInsn> bytes_{};
  unsigned count_ = 0;
};

// Prefixes, opcode and the byte behind it: all that the handlers want of an instruction that is no
// MMIO access. Prefixes are taken the way edk2 OvmfPkg/Library/CcExitLib/CcInstruction.c
// DecodePrefixes does; for what an assembler writes, Linux's insn.c sees the same.
struct InsnHead {
  unsigned prefix_count = 0;
  Rex rex;
  bool data16 = false, address32 = false, repeated = false;
  std::uint8_t opcode = 0;  // the first byte
  bool two_byte = false;    // 0F: the opcode proper is `second`
  std::uint8_t second = 0;  // the byte after the first one, whatever it is
  std::uint8_t modrm = 0;   // the byte after the opcode
  bool ran_out = false;     // the bytes end before what is needed of these

  // The byte that edk2's opcode check looks at: 0F is skipped and forgotten.
  std::uint8_t last_opcode_byte() const { return two_byte ? second : opcode; }
  unsigned modrm_reg() const { return split_modrm(modrm).reg + rex.r; }
  unsigned modrm_rm() const { return split_modrm(modrm).rm + rex.b; }
  bool has_immediate() const { return !two_byte && opcode >= 0xe4 && opcode <= 0xe7; }
  // 0F 01 (MONITOR, MWAIT, VMMCALL, RDTSCP), 0F 21 and 0F 23 (MOV from and to DR).
  bool has_modrm() const {
    const std::uint8_t byte = last_opcode_byte();
    return byte == 0x01 || byte == 0x21 || byte == 0x23;
  }
  unsigned length() const {
    return prefix_count + (two_byte ? 2 : 1) + (has_modrm() ? 1 : 0) + (has_immediate() ? 1 : 0);
  }
};

InsnHead read_head(std::span<const std::uint8_t> bytes);

// SW_EXITINFO1 of an IOIO request (GHCB specification, as SVM's EXITINFO1; APM vol. 2, 15.10.2).
struct IoRequest {
  bool is_io = false;
  bool string = false;
  bool in = false;
  bool repeated = false;
  unsigned size = 0;  // 1, 2 or 4
  std::uint16_t port = 0;
  std::uint64_t info = 0;
};
IoRequest io_request(const InsnHead& head, std::uint64_t rdx);

}  // namespace nptsim::guest

#endif  // NPTSIM_MODELS_GUEST_COMMON_INSN_BYTES_H_
