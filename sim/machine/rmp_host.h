// The host and the RMP: its own writes, which the RMP checks, and its instructions RMPUPDATE,
// PSMASH and RMPREAD. On a host without SNP writes are free and the instructions #UD.
#ifndef NPTSIM_SIM_MACHINE_RMP_HOST_H_
#define NPTSIM_SIM_MACHINE_RMP_HOST_H_

#include <optional>
#include <string>

#include "sim/arch/svm/rmp_instructions.h"
#include "sim/machine/view.h"

namespace nptsim::machine {

// Of a host with SNP.
std::optional<svm::Rmp> rmp_of(const View& view, arch::PhysicalMemory& memory);

// Whether the host may write this page through a mapping of 4 KByte. If not, it takes a #PF with
// bit 31 of the error code, and the VM ends with it. In the kernel's own mapping that is an oops.
// Of the VMM do_user_addr_fault finds a writable mapping with nothing wrong in it, and the write
// faults again, for ever (Linux arch/x86/mm/fault.c, 6.9 on; the SIGBUS of the first patches never
// was in a release). `who` is "kernel" or the VMM's name.
bool host_may_write(View& view, HostPhysAddr page, const std::string& who);

// A device's access through the IOMMU.
struct DeviceAccess {
  GuestPhysAddr gpa;  // what the device asks for
  HostPhysAddr spa;   // where the IOMMU's tables lead
  bool write = false;
  std::uint64_t leaf_size = kPageSize;  // of the IOMMU's entry
};
// Whether the RMP lets it through. If not, the IOMMU logs it (RMP_PAGE_FAULT); no processor hears
// of it, and the VM goes on.
bool device_may_access(View& view, const DeviceAccess& device);

// They tell what they did, and drop cached translations.
svm::RmpResult host_rmpupdate(View& view, HostPhysAddr spa, const svm::RmpOperand& operand);
svm::RmpResult host_psmash(View& view, HostPhysAddr spa);
svm::RmpreadResult host_rmpread(View& view, HostPhysAddr spa);

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_RMP_HOST_H_
