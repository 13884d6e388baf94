// The host's memory: a page allocator and the backings that memslots point into.
//
// A backing is what mmap() gave the VMM for one memory region. Each of its pages has a host
// protection (the VMA's), and once touched a frame of host physical memory. All of it is words in
// Space::kHost, so a machine that differs in one mprotect() is another machine.
#ifndef NPTSIM_SIM_MACHINE_HOST_H_
#define NPTSIM_SIM_MACHINE_HOST_H_

#include <cstdint>
#include <optional>
#include <string_view>

#include "sim/arch/common/physical_memory.h"
#include "sim/base/address.h"
#include "sim/base/store.h"

namespace nptsim::machine {

using BackingId = std::uint32_t;
inline constexpr BackingId kNoBacking = 0xffffffff;

// What the host's page tables and VMA say about one page of a backing.
enum class HostProtection : std::uint8_t {
  kReadWrite,
  kRead,
  kNone,        // PROT_NONE
  kUnmapped,    // no VMA
  kPfnmapRead,  // VM_IO or VM_PFNMAP, and the host's entry is not writable
  kPoisoned,    // the frame has an uncorrected memory error
};
inline constexpr unsigned kHostProtections = 6;
std::string_view name_of(HostProtection protection);

struct BackingPage {
  HostProtection protection = HostProtection::kReadWrite;
  std::optional<HostPhysAddr> frame;  // none until first touched
};

// Frames below this belong to the host itself and are never handed out.
inline constexpr std::uint64_t kFirstFreeFrame = 0x100;  // SPA 1 MiB

// The lowest free frame. Free frames are zero and carry no key, so that machines which used memory
// differently on their way are equal again when they gave it back.
HostPhysAddr allocate_frame(Store& store);
void free_frame(Store& store, HostPhysAddr frame);
// Frames that hold something of the host's own: they are not handed out. None of them was before.
void reserve_frames(Store& store, HostPhysAddr first, std::uint64_t size);

// kNoBacking has no page.
BackingPage backing_page(const Store& store, BackingId backing, std::uint64_t page);
void set_protection(Store& store, BackingId backing, std::uint64_t page, HostProtection value);
// mprotect of a range: a large page that it covers in part is mapped with small entries from then
// on.
void protect_range(Store& store, BackingId backing, std::uint64_t first, std::uint64_t count,
                   HostProtection value);
// The frame is given back; the next use of the page finds zeros (madvise MADV_DONTNEED of private
// memory, a truncated file). Whoever maps the frame must have let go of it before. A part of a
// 1-GByte page cannot go: it stays.
void discard(Store& store, BackingId backing, std::uint64_t page);
// The same for a range that holds its 1-GByte pages whole.
void discard_range(Store& store, BackingId backing, std::uint64_t first, std::uint64_t count);
// Every byte of a backing that has no frames yet (a flash image of 0xff). A page gets it when it
// gets its frame, in plaintext. Backings from kMaxFilled on must be written instead.
inline constexpr BackingId kMaxFilled = 63;
void set_fill(Store& store, BackingId backing, std::uint8_t fill);
// The frame of a page, allocated now if it has none.
HostPhysAddr populate(Store& store, BackingId backing, std::uint64_t page);

// The same for 512 pages at once, none of which has a frame: contiguous and aligned in the host's
// memory.
HostPhysAddr populate_2m(Store& store, BackingId backing, std::uint64_t first_page);
// Whether none of the 512 pages from that one on has a frame.
bool is_untouched_2m(const Store& store, BackingId backing, std::uint64_t first_page);
// The first frame of these pages, if they lie in one aligned run of memory.
std::optional<HostPhysAddr> run_of_2m(const Store& store, BackingId backing,
                                      std::uint64_t first_page);

// The host's own entry for a page (Linux arch/x86/kvm/mmu/mmu.c host_pfn_mapping_level).
enum class HostPageSize : std::uint8_t { k4K, k2M, k1G };
// The first `count` times that size of a backing below kMaxFilled are large pages of the host. Of 2
// MByte, hugetlb or transparent: the first touch of any page gives all 512 their frames, if they
// have one protection. Of 1 GByte, hugetlb: always whole, and of a backing without fill.
void set_large_pages(Store& store, BackingId backing, HostPageSize size, std::uint64_t count);
// By what the host maps a page. mprotect or discarding a part of 2 MByte makes them small.
HostPageSize mapped_size(const Store& store, BackingId backing, std::uint64_t page);
// Whether a range begins or ends within a page of 1 GByte: mprotect and madvise answer EINVAL then
// (Linux mm/hugetlb.c hugetlb_vm_op_split, mm/madvise.c madvise_dontneed_free_valid_vma).
bool cuts_1g(const Store& store, BackingId backing, std::uint64_t first, std::uint64_t count);

// Which backing page a frame belongs to; none for frames of the host itself.
struct FrameOwner {
  BackingId backing = kNoBacking;
  std::uint64_t page = 0;
};
std::optional<FrameOwner> owner_of(const Store& store, HostPhysAddr frame);

// A backing as software sees it that goes through it with `key` (the VMM and the kernel have none,
// so what a guest encrypted is ciphertext to them). A range may cross pages; a page without frame
// reads as zero, or as its fill, and gets one when written.
void read_backing(arch::PhysicalMemory& memory, BackingId backing, std::uint64_t offset, void* data,
                  std::uint64_t size, arch::KeyId key = arch::kNoKey);
void write_backing(arch::PhysicalMemory& memory, BackingId backing, std::uint64_t offset,
                   const void* data, std::uint64_t size, arch::KeyId key = arch::kNoKey);

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_HOST_H_
