// KVM's own walk of a guest's page tables, as its emulator makes it: through the memslots, by the
// guest's rights, setting accessed and dirty bits where the slot lets it.
//
// Linux arch/x86/kvm/mmu/paging_tmpl.h walk_addr_generic, update_accessed_dirty_bits.
#ifndef NPTSIM_MODELS_KERNEL_KVM_GUEST_WALK_H_
#define NPTSIM_MODELS_KERNEL_KVM_GUEST_WALK_H_

#include <cstdint>
#include <optional>

#include "sim/machine/view.h"

namespace nptsim::kvm {

enum class WalkFor : std::uint8_t { kRead, kWrite, kFetch };

struct GuestTranslation {
  std::optional<GuestPhysAddr> gpa;
  std::uint32_t error_code = 0;  // of the #PF, when there is none
};

GuestTranslation walk_guest_tables(machine::OpenView& view, GuestVirtAddr address, WalkFor access,
                                   bool user);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_GUEST_WALK_H_
