// The registers of a vCPU's local APIC in the kernel (Linux arch/x86/kvm/lapic.c), whoever asks for
// them: the page at 0xfee00000 or the MSRs of x2APIC mode.
#ifndef NPTSIM_MODELS_KERNEL_KVM_LAPIC_REGISTERS_H_
#define NPTSIM_MODELS_KERNEL_KVM_LAPIC_REGISTERS_H_

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/devices.h"

namespace nptsim::kvm::lapic {

// APIC_* (Linux arch/x86/include/asm/apicdef.h).
enum Register : unsigned {
  kId = 0x20,
  kVersion = 0x30,
  kTaskPri = 0x80,
  kArbPri = 0x90,
  kProcPri = 0xa0,
  kEoi = 0xb0,
  kLdr = 0xd0,
  kDfr = 0xe0,
  kSpiv = 0xf0,
  kIsr = 0x100,
  kIrrEnd = 0x280,
  kEsr = 0x280,
  kIcr = 0x300,
  kIcr2 = 0x310,
  kLvtTimer = 0x320,
  kLvtThermal = 0x330,
  kLvtPmc = 0x340,
  kLvt0 = 0x350,
  kLvt1 = 0x360,
  kLvtError = 0x370,
  kTimerInitial = 0x380,
  kTimerCurrent = 0x390,
  kTimerDivide = 0x3e0,
  kSelfIpi = 0x3f0,
};

// IA32_APIC_BASE bits 11 and 10 (enum lapic_mode).
enum class Mode : std::uint8_t { kDisabled, kInvalid, kXapic, kX2apic };
constexpr Mode mode_of(std::uint64_t apic_base) {
  return static_cast<Mode>(get_bits(apic_base, 11, 10));
}
Mode mode(const View& view);

bool in_kernel(const View& view);
// The word as it is kept; what an access gives is read().
std::uint32_t get(const Store& store, unsigned vcpu, unsigned offset);
void set(Store& store, unsigned vcpu, unsigned offset, std::uint32_t value);

// kvm_lapic_readable_reg_mask, in the vCPU's mode; of the register's first byte.
bool is_readable(const View& view, unsigned offset);
// __apic_read, of a register that can be read.
std::uint32_t read(View& view, unsigned offset);
// kvm_lapic_reg_write; false: no such register can be written, which only x2APIC mode tells.
bool write(View& view, unsigned offset, std::uint32_t value);
// kvm_apic_send_ipi.
void send_ipi(View& view, std::uint32_t icr, std::uint32_t icr2);

// What the APIC's number reads as: kvm_apic_set_xapic_id, kvm_apic_set_x2apic_id.
void set_xapic_id(Store& store, unsigned vcpu);
void set_x2apic_id(Store& store, unsigned vcpu);

// kvm_apic_accept_pic_intr of some vCPU: the interrupt line of the 8259 is connected.
bool accepts_pic_interrupt(const View& view);

}  // namespace nptsim::kvm::lapic

#endif  // NPTSIM_MODELS_KERNEL_KVM_LAPIC_REGISTERS_H_
