// VMRUN with another VMSA than the one whose registers a vCPU's record holds: they are read from
// the page, with the guest's key (APM vol. 2 rev. 3.45, 15.35.1, appendix B).
//
// The page that they leave is written then, and not at each #VMEXIT before: who reads the VMSA of a
// vCPU that goes on with it reads what it began with.
#ifndef NPTSIM_SIM_ARCH_SVM_VMSA_LOAD_H_
#define NPTSIM_SIM_ARCH_SVM_VMSA_LOAD_H_

#include "sim/arch/common/physical_memory.h"
#include "sim/arch/svm/vcpu.h"

namespace nptsim::svm {

// Whether VMCB 0x108 names another page than at the VMRUN before. The first one is the page that
// the scenario's registers stand for.
inline bool has_other_vmsa(const VcpuRecord& v) {
  return v.pending.vmsa != 0 && v.pending.vmsa != v.control.vmsa;
}

void load_vmsa(const arch::PhysicalMemory& memory, VcpuRecord& v);
// What #VMEXIT wrote to the page that the registers are from.
void store_vmsa(arch::PhysicalMemory& memory, VcpuRecord& v);

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_VMSA_LOAD_H_
