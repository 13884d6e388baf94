// The pages that VMRUN hands to the hardware, on a host with SEV-SNP: checked when they are handed
// over, and in use until #VMEXIT (APM vol. 2 rev. 3.45, 15.36.12, table 15-40).
//
// Of these the model has the VMCB and the VMSA; 0 for either: it lies nowhere, and is not checked.
#ifndef NPTSIM_SIM_ARCH_SVM_VMRUN_PAGES_H_
#define NPTSIM_SIM_ARCH_SVM_VMRUN_PAGES_H_

#include "sim/arch/svm/cpu_profile.h"
#include "sim/arch/svm/rmp_check.h"
#include "sim/arch/svm/vcpu.h"

namespace nptsim::svm {

// The first check that fails, or kAllowed. Without SNP nothing is checked, held or released.
RmpVerdict check_vmrun_pages(const CpuProfile& profile, arch::PhysicalMemory& memory,
                             const VcpuRecord& vcpu);

// Whether the page whose registers an SNP guest's vCPU has is a VMSA of that guest as before.
bool still_owns_vmsa(const CpuProfile& profile, arch::PhysicalMemory& memory,
                     const VcpuRecord& vcpu);

// False if another vCPU holds one of them; then this one holds none.
[[nodiscard]] bool hold_vmrun_pages(const CpuProfile& profile, arch::PhysicalMemory& memory,
                                    const VcpuRecord& vcpu);
void release_vmrun_pages(const CpuProfile& profile, arch::PhysicalMemory& memory,
                         const VcpuRecord& vcpu);

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_VMRUN_PAGES_H_
