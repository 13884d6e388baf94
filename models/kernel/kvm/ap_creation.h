// What an INIT and a request of KVM's own do to a vCPU that got another VMSA.
#ifndef NPTSIM_MODELS_KERNEL_KVM_AP_CREATION_H_
#define NPTSIM_MODELS_KERNEL_KVM_AP_CREATION_H_

#include "models/kernel/kvm/define.h"

namespace nptsim::kvm {

// sev_snp_init_protected_guest_state: nothing for a vCPU that does not wait for it. Else it is
// halted, with the new VMSA it is runnable.
void update_protected_state(View& view, unsigned vcpu);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_AP_CREATION_H_
