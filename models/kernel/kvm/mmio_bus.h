// Devices of the kernel itself on the MMIO bus (Linux virt/kvm/kvm_main.c kvm_io_bus_write).
#ifndef NPTSIM_MODELS_KERNEL_KVM_MMIO_BUS_H_
#define NPTSIM_MODELS_KERNEL_KVM_MMIO_BUS_H_

#include "sim/base/address.h"
#include "sim/machine/view.h"

namespace nptsim::kvm {

// True if a device took the write: user space hears nothing of it. An ioeventfd wants its very
// address and length (Linux virt/kvm/eventfd.c ioeventfd_in_range).
bool write_mmio_bus(machine::View& view, GuestPhysAddr gpa, unsigned length);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_MMIO_BUS_H_
