// What an INIT and a request of KVM's own do to a vCPU that got another VMSA.
#ifndef NPTSIM_MODELS_KERNEL_KVM_AP_CREATION_H_
#define NPTSIM_MODELS_KERNEL_KVM_AP_CREATION_H_

#include <optional>

#include "models/kernel/kvm/define.h"

namespace nptsim::kvm {

// sev_snp_init_protected_guest_state: nothing for a vCPU that does not wait for it. Else it is
// halted, with the new VMSA it is runnable.
void update_protected_state(View& view, unsigned vcpu);

// The page of guest_memfd that is to be a VMSA; none, and a line in the log, where no slot has one.
std::optional<HostPhysAddr> vmsa_frame(View& view, GuestPhysAddr gpa);
inline constexpr std::uint64_t kInvalidPage = ~std::uint64_t{0};  // INVALID_PAGE

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_AP_CREATION_H_
