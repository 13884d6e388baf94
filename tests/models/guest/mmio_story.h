// Tells what a guest's #VC handler makes of instruction bytes, as one line of text, so that a
// test is a table of bytes and lines.
#ifndef NPTSIM_TESTS_MODELS_GUEST_MMIO_STORY_H_
#define NPTSIM_TESTS_MODELS_GUEST_MMIO_STORY_H_

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "models/guest/common/mmio_request.h"
#include "models/guest/linux/mmio_decode.h"
#include "models/guest/ovmf/mmio_decode.h"
#include "sim/isa/registers.h"

namespace nptsim::guest_test {

using Bytes = std::vector<std::uint8_t>;

// "88 08" and so on.
inline Bytes from_hex(std::string_view text) {
  Bytes bytes{};
  for (std::size_t i = 0; i + 1 < text.size(); i += 3) {
    bytes.push_back(static_cast<std::uint8_t>(
        std::strtoul(std::string(text.substr(i, 2)).c_str(), nullptr, 16)));
  }
  return bytes;
}

// The instruction, followed in memory by CC bytes: what a handler sees that reads too far.
inline Bytes in_memory(std::string_view text) {
  Bytes bytes = from_hex(text);
  while (bytes.size() < 15) bytes.push_back(0xcc);
  return bytes;
}

// Code at 0x1000. RAX is an MMIO address; every other register says its number in its low byte.
inline isa::Registers registers_of_story() {
  isa::Registers registers;
  for (unsigned i = 0; i < isa::kGprCount; ++i) registers.gpr[i] = 0xa7a6a5a4a3a2a100 + i;
  registers.gpr[isa::kRax] = 0xfee00000;
  registers.rip = 0x1000;
  registers.segments[isa::kFs].base = 0x10000000;
  registers.segments[isa::kGs].base = 0x20000000;
  return registers;
}

// "W4 fee00000 = a3a2a101, length 2" or "R2 fee00000 -> r1 sign 4, length 3".
inline std::string tell(const guest::MmioRequest& request) {
  const unsigned size = request.size;
  if (request.direction == guest::MmioDirection::kWrite) {
    return fmt::format("W{} {:x} = {:x}, length {}", size, request.address.value, request.data,
                       request.length);
  }
  const auto& target = request.target;
  const std::string fill =
      target.filled_bytes == 0
          ? ""
          : fmt::format(" {} {}", target.fill == guest::MmioFill::kZero ? "zero" : "sign",
                        target.filled_bytes);
  return fmt::format("R{} {:x} -> r{}{}, length {}", size, request.address.value, target.gpr, fill,
                     request.length);
}

inline std::string tell(const linux_guest::MmioMovs& movs) {
  return fmt::format("{}MOVS{} {:x} -> {:x}, length {}", movs.repeat ? "REP " : "", movs.size,
                     movs.source.value, movs.destination.value, movs.length);
}

inline std::string tell_ovmf(const Bytes& bytes, const isa::Registers& registers) {
  const auto decoded = ovmf::decode_mmio(bytes, registers);
  return decoded ? tell(decoded.value()) : std::string(ovmf::name_of(decoded.error()));
}

inline std::string tell_linux(const Bytes& bytes, const isa::Registers& registers) {
  const auto decoded = linux_guest::decode_mmio(bytes, registers);
  if (!decoded) return std::string(linux_guest::name_of(decoded.error()));
  return std::visit([](const auto& form) { return tell(form); }, decoded.value());
}

// Bytes, what they mean to a processor, and what the handler makes of them.
struct Story {
  std::string bytes, meaning, told;
};

}  // namespace nptsim::guest_test

#endif  // NPTSIM_TESTS_MODELS_GUEST_MMIO_STORY_H_
