// QEMU hw/block/pflash_cfi01.c pflash_cfi01_fill_cfi_table.
#include <array>
#include <bit>

#include "models/vmm/qemu/pflash.h"

namespace nptsim::qemu {
namespace {

// What is the same for every chip.
constexpr std::array<std::uint8_t, 0x52> kSameForAll = [] {
  std::array<std::uint8_t, 0x52> t{};
  t[0x10] = 'Q', t[0x11] = 'R', t[0x12] = 'Y';
  t[0x13] = 0x01;                                  // command set: Intel
  t[0x15] = 0x31;                                  // where the extended table begins
  t[0x1b] = 0x45;                                  // Vcc, lowest
  t[0x1c] = 0x55;                                  // Vcc, highest
  t[0x1f] = 0x07, t[0x20] = 0x07, t[0x21] = 0x0a;  // timeouts, 0x1f to 0x26
  t[0x23] = 0x04, t[0x24] = 0x04, t[0x25] = 0x04;
  t[0x28] = 0x02;  // interface: 8 and 16 bits
  t[0x2c] = 0x01;  // erase block regions
  t[0x31] = 'P', t[0x32] = 'R', t[0x33] = 'I', t[0x34] = '1', t[0x35] = '0';
  t[0x3f] = 0x01;  // protection fields
  return t;
}();

constexpr std::uint8_t byte(std::uint64_t value, unsigned shift) {
  return static_cast<std::uint8_t>(value >> shift);
}

}  // namespace

// The table is one chip's: its sectors are the device's, shared among the chips.
std::uint8_t cfi_byte(const FlashShape& flash, std::uint64_t index) {
  const std::uint64_t blocks = flash.size / flash.sector_size;
  const std::uint64_t sector = flash.sector_size / chips_of(flash);
  switch (index) {
    // The lowest set bit of the size: of a size that is no power of two not its logarithm.
    case 0x27:
      return static_cast<std::uint8_t>(
          std::countr_zero(static_cast<std::uint32_t>(sector * blocks)));
    case 0x2a:
      return static_cast<std::uint8_t>(write_block_exponent(flash));
    case 0x2d:
      return byte(blocks - 1, 0);
    case 0x2e:
      return byte(blocks - 1, 8);
    case 0x2f:
      return byte(sector, 8);
    case 0x30:
      return byte(sector, 16);
    default:
      return index < kSameForAll.size() ? kSameForAll[index] : 0;
  }
}

}  // namespace nptsim::qemu
