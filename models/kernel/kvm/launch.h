// The launch of an SNP guest: what its steps share.
#ifndef NPTSIM_MODELS_KERNEL_KVM_LAUNCH_H_
#define NPTSIM_MODELS_KERNEL_KVM_LAUNCH_H_

#include "models/kernel/kvm/define.h"
#include "sim/machine/firmware_host.h"
#include "sim/machine/rmp_host.h"

namespace nptsim::kvm {

// The GPA of every VMSA that KVM hands to the firmware (Linux arch/x86/kvm/svm/sev.c
// INITIAL_VMSA_GPA).
inline constexpr GuestPhysAddr kInitialVmsaGpa{0xfffffffff000};

// A fact that an action gives: its first value for "it worked", the second for "it did not".
inline ActionResult give(bool good) { return ActionResult::done().give(0, good ? 0 : 1); }
inline ActionResult give(const svm::RmpResult& result) {
  return give(result.ends() && result.code == svm::RmpCode::kSuccess);
}

// A command of the AMD-SP for this guest; struct kvm_sev_cmd.error tells its answer.
svm::FirmwareResult guest_firmware(View& view, svm::FirmwareRequest request);

// rmp_make_private, with the guest's ASID.
svm::RmpResult make_private_page(View& view, HostPhysAddr page, GuestPhysAddr gpa,
                                 svm::RmpPageSize size, bool immutable);
// rmp_make_shared. False, and a line in the log: the page is leaked, its entry stays as it is.
bool make_shared_page(View& view, HostPhysAddr page, svm::RmpPageSize size);
// snp_page_reclaim: first by the firmware, then back to the host. False: leaked.
bool reclaim_page(View& view, HostPhysAddr page);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_LAUNCH_H_
