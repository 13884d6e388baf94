// The consistency checks of VMRUN.
#ifndef NPTSIM_SIM_ARCH_SVM_VMRUN_H_
#define NPTSIM_SIM_ARCH_SVM_VMRUN_H_

#include <string_view>

#include "sim/arch/svm/cpu_profile.h"
#include "sim/arch/svm/vcpu.h"

namespace nptsim::svm {

// Why VMRUN exits with VMEXIT_INVALID; empty if it does not.
std::string_view vmrun_refusal(const CpuProfile& profile, const VcpuRecord& vcpu);

inline bool vmrun_state_is_legal(const CpuProfile& profile, const VcpuRecord& vcpu) {
  return vmrun_refusal(profile, vcpu).empty();
}

// The same of the guest state that VMRUN reads from a VMSA, which anybody may have written.
bool loaded_state_is_legal(const isa::Registers& registers);

// The model's nested tables have the 64-bit format.
inline bool host_is_64_bit(const VcpuRecord& vcpu) {
  return has_bit(vcpu.control.host_efer, 10) && has_bit(vcpu.control.host_cr4, 5);
}

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_VMRUN_H_
