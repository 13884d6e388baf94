// The fault that a vCPU is in, as KVM's helpers see it.
#ifndef NPTSIM_MODELS_KERNEL_KVM_FAULT_H_
#define NPTSIM_MODELS_KERNEL_KVM_FAULT_H_

#include <algorithm>

#include "models/common/host.h"
#include "models/kernel/kvm/npt.h"
#include "models/kernel/kvm/state.h"
#include "models/kernel/kvm/write_tracking.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/machine/view.h"

namespace nptsim::kvm {

// EXITINFO2; hardware has taken the C-bit off.
inline GuestPhysAddr fault_gpa(const machine::View& view) {
  return GuestPhysAddr(view.exit_record().exit_info_2);
}
inline std::uint64_t fault_gfn(const machine::View& view) { return fault_gpa(view).page_number(); }

// npf_interception's error_code: since 6.11, the first kernel with SNP guests, ENC of such a guest
// brings PFERR_PRIVATE_ACCESS with it (Linux arch/x86/kvm/svm/svm.c npf_interception;
// arch/x86/include/asm/kvm_host.h).
inline bool is_private_fault(const machine::View& view) {
  return view.setup().snp() && (view.exit_record().exit_info_1 & svm::kErrorEnc) != 0;
}
inline std::uint64_t fault_error_code(const machine::View& view) {
  constexpr unsigned kPrivateAccess = 49;
  return view.exit_record().exit_info_1 | (is_private_fault(view) ? bit(kPrivateAccess) : 0);
}

inline NestedTables tables_of(machine::View& view) {
  return NestedTables(view.store(), host::has_la57(view));
}
inline const NestedTables tables_of(const machine::View& view) {
  // Only its const functions are used: the store is not written through it.
  return NestedTables(const_cast<Store&>(view.store()), host::has_la57(view));
}

// The page that the fault is to map, small for now.
inline void set_fault_page(machine::View& view, HostPhysAddr frame, bool writable) {
  const Record vcpu = kVcpus.at(view.store(), view.vcpu());
  vcpu.set(vcpu::kFaultFrame, frame.value);
  vcpu.set(vcpu::kMapWritable, writable);
  vcpu.set(vcpu::kGoalLevel, 1);
}
// fault->goal_level.
inline unsigned goal_level(const machine::View& view) {
  const std::uint64_t level = kVcpus.at(view.store(), view.vcpu()).get(vcpu::kGoalLevel);
  return std::max(1u, static_cast<unsigned>(level));
}

// make_spte for the frame that the fault has pinned: as writable as the host's mapping, unless
// something tracks writes to the page.
inline std::uint64_t spte_of_fault(const machine::View& view) {
  const ConstRecord vcpu = kVcpus.at(view.store(), view.vcpu());
  const bool host_writable = vcpu.get(vcpu::kMapWritable);
  const bool writable = host_writable && !is_write_tracked(view.store(), fault_gfn(view));
  return make_spte(HostPhysAddr(vcpu.get(vcpu::kFaultFrame)), writable, host_writable,
                   goal_level(view));
}

using host::flush_tlbs;

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_FAULT_H_
