// Queues an event for the next VMRUN.
#ifndef NPTSIM_MODELS_KERNEL_KVM_INJECT_H_
#define NPTSIM_MODELS_KERNEL_KVM_INJECT_H_

#include <cstdint>
#include <optional>

#include "sim/machine/view.h"

namespace nptsim::kvm {

void queue_exception(machine::View& view, std::uint8_t vector,
                     std::optional<std::uint32_t> error_code);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_INJECT_H_
