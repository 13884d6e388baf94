// Where SW_SCRATCH points: setup_vmgexit_scratch (Linux arch/x86/kvm/svm/sev.c).
#ifndef NPTSIM_MODELS_KERNEL_KVM_VMGEXIT_H_
#define NPTSIM_MODELS_KERNEL_KVM_VMGEXIT_H_

#include <cstdint>

#include "sim/machine/view.h"

namespace nptsim::kvm {

enum class ScratchPlace : std::uint8_t {
  kZero,
  kWraps,
  kSharedBuffer,
  kGhcbOutsideBuffer,
  kElsewhereTooLong,
  kElsewhereUnreadable,
  kElsewhere,
};
ScratchPlace classify_scratch(const machine::View& view);

// How much of it a request of INS or OUTS uses: SW_EXITINFO2 is a count there.
std::uint64_t string_bytes(const machine::View& view);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_VMGEXIT_H_
