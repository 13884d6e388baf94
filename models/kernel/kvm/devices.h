// Devices of the kernel itself, which are asked before user space (Linux arch/x86/kvm/x86.c
// vcpu_mmio_read, vcpu_mmio_write): the vCPU's local APIC, then what is on KVM_MMIO_BUS.
#ifndef NPTSIM_MODELS_KERNEL_KVM_DEVICES_H_
#define NPTSIM_MODELS_KERNEL_KVM_DEVICES_H_

#include <bit>

#include "sim/base/address.h"
#include "sim/machine/view.h"

namespace nptsim::kvm {

enum class DeviceAnswer : std::uint8_t {
  kNotMine,
  kTaken,
  kNoData,  // a read that was taken, and the buffer is as it was
};

// IA32_APIC_BASE.
inline constexpr std::uint64_t kApicEnabled = 1ull << 11;
std::uint64_t apic_base(const Store& store, unsigned vcpu);
void set_apic_base(Store& store, unsigned vcpu, std::uint64_t value);

// Its MSRs: IA32_APIC_BASE, and those of x2APIC mode. False: #GP.
bool is_apic_msr(std::uint32_t number);
bool read_apic_msr(machine::View& view, std::uint32_t number, std::uint64_t& value);
bool write_apic_msr(machine::View& view, std::uint32_t number, std::uint64_t value);

// What one access can be: 1, 2, 4 or 8 bytes.
inline bool is_access_size(std::uint64_t length) {
  return length <= 8 && std::has_single_bit(length);
}

// One access of up to 8 bytes.
DeviceAnswer read_lapic(machine::View& view, GuestPhysAddr gpa, void* data, unsigned length);
DeviceAnswer write_lapic(machine::View& view, GuestPhysAddr gpa, const void* data, unsigned length);
// Of an access that lies in the I/O APIC's part of the bus.
inline constexpr std::uint64_t kIoapicBase = 0xfec00000;  // IOAPIC_DEFAULT_BASE_ADDRESS
inline constexpr std::uint64_t kIoapicLength = 0x100;     // IOAPIC_MEM_LENGTH
DeviceAnswer read_ioapic(machine::View& view, GuestPhysAddr gpa, void* data, unsigned length);
void write_ioapic(machine::View& view, GuestPhysAddr gpa, const void* data, unsigned length);
bool ioapic_unmasked(const Store& store, unsigned pin);
// A coalesced zone keeps a write in it for later, if the ring has room.
bool keep_coalesced(machine::View& view, GuestPhysAddr gpa, const void* data, unsigned length);

// The machine stops here: nobody knows what follows, or the model does not.
void end_at_gap(machine::View& view, const char* text);
void end_unmodelled(machine::View& view, const char* text);

// KVM_EXIT_IO.
struct IoRequest {
  std::uint64_t port = 0, size = 0;  // bytes
  bool out = false;
  std::uint64_t data = 0;   // of OUT; the first 8 bytes of a string
  std::uint64_t count = 1;  // elements of a string
};
void request_io(machine::View& view, const IoRequest& request);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_DEVICES_H_
