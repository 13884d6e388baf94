// What KVM knows of the control registers of a guest whose state is encrypted.
#ifndef NPTSIM_MODELS_KERNEL_KVM_MMU_ROLE_H_
#define NPTSIM_MODELS_KERNEL_KVM_MMU_ROLE_H_

#include "sim/base/store.h"
#include "sim/machine/view.h"

namespace nptsim::kvm {

// What it had before its state was encrypted.
void know_registers(Store& store, unsigned vcpu);
// cr_trap, efer_trap: what the guest has just written.
void note_write_trap(machine::View& view);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_MMU_ROLE_H_
