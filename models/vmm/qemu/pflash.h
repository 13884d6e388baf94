// hw/block/pflash_cfi01.c: what the chip says of itself, apart from any machine.
#ifndef NPTSIM_MODELS_VMM_QEMU_PFLASH_H_
#define NPTSIM_MODELS_VMM_QEMU_PFLASH_H_

#include <array>
#include <cstdint>

namespace nptsim::qemu {

// Bits of the status register.
inline constexpr std::uint64_t kFlashReady = 0x80, kFlashEraseError = 0x20,
                               kFlashProgramError = 0x10;

// The properties of a cfi.pflash01 device. PC flash: hw/i386/pc_sysfw.c pc_pflash_create.
struct FlashShape {
  std::uint64_t size = 0;
  std::uint64_t sector_size = 4096;
  unsigned bank_width = 1;                // `width`: bytes of the bus
  unsigned device_width = 0;              // `device-width`: bytes of each chip; 0: not said
  std::array<std::uint16_t, 4> idents{};  // `id0` to `id3`
};

// Chips side by side on the bus, as far as the device knows.
constexpr unsigned chips_of(const FlashShape& flash) {
  return flash.device_width != 0 ? flash.bank_width / flash.device_width : 1;
}

// pflash_cfi01_fill_cfi_table: 1 << CFI[0x2A] bytes for each chip.
constexpr unsigned write_block_exponent(const FlashShape& flash) {
  return flash.bank_width == 1 ? 0x08 : 0x0b;
}
constexpr std::uint64_t write_block_size(const FlashShape& flash) {
  return (std::uint64_t{1} << write_block_exponent(flash)) * chips_of(flash);
}

// Byte `index` of the CFI query table; 0 beyond the table.
std::uint8_t cfi_byte(const FlashShape& flash, std::uint64_t index);

// What a read of `width` bytes at `offset` gives.
std::uint32_t flash_status_answer(const FlashShape& flash, std::uint32_t status, unsigned width);
std::uint32_t flash_query_answer(const FlashShape& flash, std::uint64_t offset, unsigned width);
std::uint32_t flash_ident_answer(const FlashShape& flash, std::uint64_t offset, unsigned width);

}  // namespace nptsim::qemu

#endif  // NPTSIM_MODELS_VMM_QEMU_PFLASH_H_
