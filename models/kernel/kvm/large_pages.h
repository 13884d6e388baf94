// Which guest pages KVM may map by one entry of 2 MByte (level 2) or 1 GByte (level 3).
#ifndef NPTSIM_MODELS_KERNEL_KVM_LARGE_PAGES_H_
#define NPTSIM_MODELS_KERNEL_KVM_LARGE_PAGES_H_

#include <cstdint>

#include "sim/base/store.h"

namespace nptsim::kvm {

// lpage_info of what an entry around a gfn would map; the gfn has a slot (Linux
// arch/x86/kvm/x86.c kvm_alloc_memslot_metadata).
enum class SlotFit : std::uint8_t {
  kInside,
  kEdge,        // it reaches beyond the slot
  kMisaligned,  // gfn and user address are not aligned to each other: nothing of the slot is large
};
SlotFit slot_fit(const Store& store, std::uint64_t gfn, unsigned level);

// kvm_mmu_max_mapping_level of a gfn that has a slot, for what is shared.
unsigned max_mapping_level(const Store& store, std::uint64_t gfn);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_LARGE_PAGES_H_
