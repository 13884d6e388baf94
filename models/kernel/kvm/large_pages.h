// Which guest pages KVM may map by one 2-MByte entry.
#ifndef NPTSIM_MODELS_KERNEL_KVM_LARGE_PAGES_H_
#define NPTSIM_MODELS_KERNEL_KVM_LARGE_PAGES_H_

#include <cstdint>

#include "sim/base/store.h"

namespace nptsim::kvm {

// lpage_info of the 2 MByte around a gfn that has a slot (Linux arch/x86/kvm/x86.c
// kvm_alloc_memslot_metadata).
enum class SlotFit : std::uint8_t {
  kInside,
  kEdge,        // they reach beyond the slot
  kMisaligned,  // gfn and user address are not aligned to each other: nothing of the slot is large
};
SlotFit slot_fit(const Store& store, std::uint64_t gfn);

// kvm_mmu_max_mapping_level of a gfn that has a slot, for what is shared.
bool may_map_2m(const Store& store, std::uint64_t gfn);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_LARGE_PAGES_H_
