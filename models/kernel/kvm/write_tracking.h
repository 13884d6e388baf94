// gfns that KVM does not let the guest write, because it shadows what lies there for a nested
// guest.
#ifndef NPTSIM_MODELS_KERNEL_KVM_WRITE_TRACKING_H_
#define NPTSIM_MODELS_KERNEL_KVM_WRITE_TRACKING_H_

#include <cstdint>
#include <vector>

#include "sim/base/store.h"
#include "sim/machine/view.h"

namespace nptsim::kvm {

inline constexpr std::uint64_t kMostWriteTracked = 64;
// As nested virtualization has left them: nested guests themselves are not modelled.
void set_write_tracked(Store& store, const std::vector<std::uint64_t>& gfns);
bool is_write_tracked(const Store& store, std::uint64_t gfn);

// kvm_mmu_unprotect_page for the faulting gfn: nothing happens if nobody tracks it.
void unprotect(machine::View& view);
// vcpu->arch.last_retry_eip and last_retry_addr. take_: whether they name this fault; then none.
void note_retry(machine::View& view);
bool take_last_retry(machine::View& view);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_WRITE_TRACKING_H_
