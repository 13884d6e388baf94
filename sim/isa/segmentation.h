// Segment:offset to linear address, with the checks of each mode.
#ifndef NPTSIM_SIM_ISA_SEGMENTATION_H_
#define NPTSIM_SIM_ISA_SEGMENTATION_H_

#include "sim/isa/outcome.h"
#include "sim/isa/registers.h"

namespace nptsim::isa {

enum class SegmentUse : u8 { kRead, kWrite };

// Segment protection outside 64-bit mode (APM vol. 2, 4.12): present, type, limit.
bool legacy_access_allowed(const Registers& registers, unsigned segment, u64 offset, unsigned size,
                           SegmentUse use);

// False: the access faults, see segment_fault().
inline bool to_linear(const Registers& r, Mode mode, unsigned segment, u64 offset, unsigned size,
                      SegmentUse use, GuestVirtAddr& linear) {
  if (mode == Mode::k64) {
    // Base and limit of ES, CS, SS and DS are ignored (APM vol. 2, 4.5.3).
    const u64 base = segment >= kFs ? r.segments[segment].base : 0;
    linear = GuestVirtAddr(base + offset);
    return canonical(r, linear.value) && canonical(r, linear.value + size - 1);
  }
  linear = GuestVirtAddr((r.segments[segment].base + offset) & 0xffffffff);
  return legacy_access_allowed(r, segment, offset, size, use);
}

// #SS(0) through SS, #GP(0) through any other (APM vol. 2, 8.2.13 and 8.2.14). Real mode has no
// error codes.
Outcome segment_fault(const Registers& registers, unsigned segment);

// An exception with the error code 0, or none in real mode.
Outcome fault_with_code_zero(const Registers& registers, u8 vector);

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_SEGMENTATION_H_
