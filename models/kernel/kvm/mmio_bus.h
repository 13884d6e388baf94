// An access to a device of the kernel itself: the vCPU's local APIC, then KVM_MMIO_BUS (Linux
// arch/x86/kvm/x86.c vcpu_mmio_read, vcpu_mmio_write).
#ifndef NPTSIM_MODELS_KERNEL_KVM_MMIO_BUS_H_
#define NPTSIM_MODELS_KERNEL_KVM_MMIO_BUS_H_

#include "models/kernel/kvm/devices.h"

namespace nptsim::kvm {

// An access of up to 8 bytes. kTaken and kNoData: user space hears nothing of it.
DeviceAnswer read_mmio_device(machine::View& view, GuestPhysAddr gpa, void* data, unsigned length);
bool write_mmio_device(machine::View& view, GuestPhysAddr gpa, const void* data, unsigned length);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_MMIO_BUS_H_
