#include "models/kernel/kvm/cpuid.h"

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/devices.h"

namespace nptsim::kvm {

CpuidAnswer cpuid(const machine::View& view, std::uint32_t leaf) {
  const machine::Setup& setup = view.setup();
  switch (leaf) {
    case 0x00000001: {
      // Of the features: x2APIC (ECX bit 21), and whether the APIC is on (EDX bit 9;
      // kvm_update_cpuid_runtime).
      const bool on = (apic_base(view.store(), view.vcpu()) & kApicEnabled) != 0;
      const bool x2apic = vm_of(view).get(vm::kX2apic) != 0;
      return {0, 0, x2apic ? 1u << 21 : 0, on ? 1u << 9 : 0};
    }
    case 0x00000000:
    case 0x80000000:  // "AuthenticAMD" (APM vol. 3, appendix E.3.1)
      return {leaf == 0 ? 0xdu : 0x8000001fu, 0x68747541, 0x444d4163, 0x69746e65};
    case 0x80000001:  // EDX: LM, 1G pages, NX
      return {0, 0, 0,
              static_cast<std::uint32_t>(bit(29) | bit(20) |
                                         (setup.cpu.features.pages_1g ? bit(26) : 0))};
    case 0x80000008: {
      // With nested paging the guest keeps the raw width: the reduction is the host's alone
      // (Linux arch/x86/kvm/cpuid.c, leaf 0x80000008).
      const std::uint32_t linear = setup.cpu.features.la57 ? 57 : 48;
      return {setup.cpu.maxphyaddr | linear << 8, 0, 0, 0};
    }
    case 0x8000001f: {
      if (!setup.keyed()) return {};
      // QEMU target/i386/cpu.c: cbitpos of the host, reduced-phys-bits (1) of the command line.
      const std::uint32_t eax = 1u << 1 | (setup.sealed() ? 1u << 3 : 0);
      return {eax, setup.cpu.c_bit.value_or(0) | 1u << 6, 0, 0};
    }
    default:
      return {};
  }
}

}  // namespace nptsim::kvm
