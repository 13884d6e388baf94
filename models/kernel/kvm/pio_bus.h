// KVM_PIO_BUS: ports that the kernel's own devices answer before user space is asked (Linux
// arch/x86/kvm/x86.c emulator_pio_in_out; virt/kvm/kvm_main.c kvm_io_bus_read, kvm_io_bus_write).
// The two 8259 come with KVM_CREATE_IRQCHIP, the 8254 with KVM_CREATE_PIT2.
#ifndef NPTSIM_MODELS_KERNEL_KVM_PIO_BUS_H_
#define NPTSIM_MODELS_KERNEL_KVM_PIO_BUS_H_

#include "models/kernel/kvm/devices.h"

namespace nptsim::kvm {

struct PortAccess {
  std::uint64_t port = 0, size = 0;  // bytes
};

// `value` has before what the buffer held; of kNoData it stays that.
DeviceAnswer read_port(machine::View& view, PortAccess access, std::uint64_t& value);
// False: it is for user space.
bool write_port(machine::View& view, PortAccess access, std::uint64_t value);

// --- the devices, by a port of theirs ---

// Of one byte, at 0x20, 0x21, 0xa0, 0xa1, 0x4d0, 0x4d1.
std::uint8_t read_pic(machine::View& view, std::uint64_t port);
void write_pic(machine::View& view, std::uint64_t port, std::uint8_t value);
// No data at 0x43: what is there can only be written.
DeviceAnswer read_pit(machine::View& view, std::uint64_t port, std::uint32_t& value);
void write_pit(machine::View& view, std::uint64_t port, std::uint8_t value);
// 0x61.
void write_speaker(machine::View& view, std::uint8_t value);

// The 8254's first channel counts towards an interrupt.
bool pit_counts(const machine::View& view);
// Ends the run where that interrupt would get through to a vCPU.
void watch_pit(machine::View& view);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_PIO_BUS_H_
