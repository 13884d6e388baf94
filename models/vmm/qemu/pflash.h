// hw/block/pflash_cfi01.c: what the chip says of itself, apart from any machine.
#ifndef NPTSIM_MODELS_VMM_QEMU_PFLASH_H_
#define NPTSIM_MODELS_VMM_QEMU_PFLASH_H_

#include <cstdint>

namespace nptsim::qemu {

// Bits of the status register.
inline constexpr std::uint64_t kFlashReady = 0x80, kFlashEraseError = 0x20,
                               kFlashProgramError = 0x10;

// Byte `index` of the CFI query table of a PC flash chip of this size; 0 beyond the table.
std::uint8_t cfi_byte(std::uint64_t chip_size, std::uint64_t index);

}  // namespace nptsim::qemu

#endif  // NPTSIM_MODELS_VMM_QEMU_PFLASH_H_
