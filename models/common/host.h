// What any host software may do, whichever kernel or VMM it is.
#ifndef NPTSIM_MODELS_COMMON_HOST_H_
#define NPTSIM_MODELS_COMMON_HOST_H_

#include <array>
#include <cstdint>

#include "sim/arch/svm/vcpu.h"
#include "sim/machine/host.h"
#include "sim/machine/view.h"

namespace nptsim::host {

// CR4.LA57 of the host: nested tables have five levels.
inline bool has_la57(const machine::View& view) {
  return (view.control().host_cr4 & isa::kCr4La57) != 0;
}

// The TLBs of all vCPUs forget what the nested tables said, at the next VMRUN.
inline void flush_tlbs(machine::View& view) {
  for (unsigned vcpu = 0; vcpu < view.setup().vcpus; ++vcpu) {
    svm::vcpu_record(view.store(), vcpu).control.tlb_control = 1;
  }
}

// Whether a launch of an encrypted guest measures the region.
inline bool is_launched(const machine::Setup& setup, const machine::Region& region) {
  return setup.keyed() && region.launch_encrypted && region.backing != machine::kNoBacking;
}

// KVM_SEV_LAUNCH_UPDATE_DATA in place, page by page: plaintext in, the guest's ciphertext out. What
// has a guest_memfd is copied into that, and the VMM's own mapping stays as it is. Of all regions
// that are measured; nothing for a guest without a key.
inline void encrypt_launch_regions(machine::View& view) {
  arch::PhysicalMemory memory = view.memory();
  std::array<std::uint8_t, kPageSize> page;
  for (const machine::Region& region : view.setup().regions) {
    if (!is_launched(view.setup(), region)) continue;
    const bool in_place = region.gmem == machine::kNoBacking;
    for (std::uint64_t offset = 0; offset < region.size; offset += kPageSize) {
      machine::read_backing(memory, region.backing, offset, page.data(), kPageSize);
      machine::write_backing(memory, in_place ? region.backing : region.gmem, offset, page.data(),
                             kPageSize, view.setup().guest_key());
    }
  }
}

}  // namespace nptsim::host

#endif  // NPTSIM_MODELS_COMMON_HOST_H_
