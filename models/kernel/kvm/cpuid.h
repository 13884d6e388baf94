// What CPUID answers in a guest: the few leaves that guests of this field look at, from the CPU
// profile and the VM; every other register is 0.
#ifndef NPTSIM_MODELS_KERNEL_KVM_CPUID_H_
#define NPTSIM_MODELS_KERNEL_KVM_CPUID_H_

#include <cstdint>

#include "sim/machine/view.h"

namespace nptsim::kvm {

struct CpuidAnswer {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};
CpuidAnswer cpuid(const machine::View& view, std::uint32_t leaf);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_CPUID_H_
