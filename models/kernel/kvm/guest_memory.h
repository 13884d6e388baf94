// kvm_vcpu_read_guest and kvm_vcpu_write_guest: guest memory by the memslots, through KVM's own
// eyes, so what the guest encrypted is ciphertext here.
#ifndef NPTSIM_MODELS_KERNEL_KVM_GUEST_MEMORY_H_
#define NPTSIM_MODELS_KERNEL_KVM_GUEST_MEMORY_H_

#include "sim/base/address.h"
#include "sim/machine/view.h"

namespace nptsim::kvm {

// False where there is no slot, the slot is being deleted, or its host mapping forbids it. A write
// fails on a read-only slot, too (Linux virt/kvm/kvm_main.c gfn_to_hva_memslot_prot).
bool read_guest(machine::View& view, GuestPhysAddr gpa, void* data, unsigned size);
bool write_guest(machine::View& view, GuestPhysAddr gpa, const void* data, unsigned size);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_GUEST_MEMORY_H_
