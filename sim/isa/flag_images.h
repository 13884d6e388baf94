// Which flags software may change when it loads a flags image (APM vol. 3, POPF and IRET).
#ifndef NPTSIM_SIM_ISA_FLAG_IMAGES_H_
#define NPTSIM_SIM_ISA_FLAG_IMAGES_H_

#include "sim/isa/registers.h"

namespace nptsim::isa {

constexpr unsigned iopl_of(u64 rflags) { return get_bits(rflags, 13, 12); }

// IF may be changed at or below IOPL, IOPL only at CPL 0; VM, VIF, VIP and RF not at all.
inline u64 poppable_flags(const Registers& r, unsigned size) {
  u64 mask = kArithmeticFlags | kFlagTf | kFlagDf | kFlagNt | kFlagAc | kFlagId;
  if (r.cpl <= iopl_of(r.rflags) || !protected_mode(r)) mask |= kFlagIf;
  if (r.cpl == 0) mask |= kFlagIopl;
  return mask & mask_of_size(size);
}

// IRET restores RF as well, and VIF and VIP at CPL 0.
inline u64 returnable_flags(const Registers& r, unsigned size) {
  u64 mask = poppable_flags(r, size) | kFlagRf;
  if (r.cpl == 0) mask |= kFlagVif | kFlagVip;
  return mask & mask_of_size(size);
}

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_FLAG_IMAGES_H_
