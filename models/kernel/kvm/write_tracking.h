// gfns that KVM does not let the guest write, because it shadows what lies there for a nested
// guest.
#ifndef NPTSIM_MODELS_KERNEL_KVM_WRITE_TRACKING_H_
#define NPTSIM_MODELS_KERNEL_KVM_WRITE_TRACKING_H_

#include <cstdint>
#include <vector>

#include "sim/base/store.h"

namespace nptsim::kvm {

inline constexpr std::uint64_t kMostWriteTracked = 64;
// As nested virtualization has left them: nested guests themselves are not modelled.
void set_write_tracked(Store& store, const std::vector<std::uint64_t>& gfns);
bool is_write_tracked(const Store& store, std::uint64_t gfn);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_WRITE_TRACKING_H_
