// Private memory: the attribute of each gfn, and the guest_memfd behind a slot
// (Linux virt/kvm/guest_memfd.c, virt/kvm/kvm_main.c kvm_vm_set_mem_attributes).
#ifndef NPTSIM_MODELS_KERNEL_KVM_GMEM_H_
#define NPTSIM_MODELS_KERNEL_KVM_GMEM_H_

#include <cstdint>
#include <optional>

#include "sim/base/address.h"
#include "sim/base/store.h"
#include "sim/machine/host.h"
#include "sim/machine/view.h"

namespace nptsim::kvm {

// KVM_MEMORY_ATTRIBUTE_PRIVATE: a bit a gfn; shared until somebody says otherwise.
bool is_private_gfn(const Store& store, std::uint64_t gfn);
// All of them are private, or all shared. Both numbers are multiples of 64.
bool are_alike(const Store& store, std::uint64_t first, std::uint64_t count);
void set_private_gfns(Store& store, std::uint64_t first, std::uint64_t count, bool is_private);

// The place in a guest_memfd that is bound to a gfn; none without a slot, or for a slot without
// one.
struct GmemPage {
  machine::BackingId backing = machine::kNoBacking;
  std::uint64_t page = 0;
};
std::optional<GmemPage> gmem_of(const Store& store, std::uint64_t gfn);

// The first frame of the folio of 2 MByte that the page is part of, if it is part of one: 512 pages
// of the file in one aligned run of memory.
std::optional<HostPhysAddr> large_folio(const Store& store, const GmemPage& place);
// kvm_gmem_get_folio with large folios: 512 pages at once, where the file has room for them and
// none of them is there.
void allocate_large_folio(machine::View& view, const GmemPage& place);

// The GHCB that a guest registered (GHCB MSR protocol 0x012), for a machine that is set up.
void set_registered_ghcb(Store& store, unsigned vcpu, std::uint64_t gpa);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_GMEM_H_
