// The flash chip at which a thread is.
#ifndef NPTSIM_MODELS_VMM_QEMU_FLASH_SHAPE_H_
#define NPTSIM_MODELS_VMM_QEMU_FLASH_SHAPE_H_

#include "models/vmm/qemu/define.h"
#include "models/vmm/qemu/pflash.h"

namespace nptsim::qemu {

inline FlashShape shape_of(const machine::Region& region) {
  return {region.size, region.sector_size, region.bank_width, region.device_width, region.idents};
}
inline FlashShape shape_of(const View& view) { return shape_of(region_setup(view)); }

}  // namespace nptsim::qemu

#endif  // NPTSIM_MODELS_VMM_QEMU_FLASH_SHAPE_H_
