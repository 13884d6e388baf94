// KVM's nested tables: SPTEs as words in dram, under one root (the TDP MMU).
//
// Linux arch/x86/kvm/mmu/spte.{h,c}, mmu/tdp_mmu.c at about v7.0. Tables have 4 levels, or 5 when
// the host has LA57.
#ifndef NPTSIM_MODELS_KERNEL_KVM_NPT_H_
#define NPTSIM_MODELS_KERNEL_KVM_NPT_H_

#include <cstdint>

#include "sim/arch/common/physical_memory.h"
#include "sim/arch/svm/entry.h"
#include "sim/base/address.h"
#include "sim/base/store.h"

namespace nptsim::kvm {

// Software bits of an SPTE (spte.h).
inline constexpr unsigned kSpteHostWritable = 9;  // DEFAULT_SPTE_HOST_WRITABLE
inline constexpr unsigned kSpteMmuWritable = 10;  // DEFAULT_SPTE_MMU_WRITABLE
inline constexpr unsigned kSpteMmuPresent = 11;   // SPTE_MMU_PRESENT_MASK; clear in MMIO SPTEs

// What an entry of a level maps: 4 KByte, 2 MByte, 1 GByte at levels 1 to 3.
constexpr std::uint64_t size_of_level(unsigned level) { return kPageSize << (9 * (level - 1)); }
constexpr std::uint64_t pages_of_level(unsigned level) {
  return size_of_level(level) >> kPageShift;
}
inline constexpr unsigned kLargestLevel = 3;  // KVM_MAX_HUGEPAGE_LEVEL

// Bits 10:3 and 62:52 of an MMIO SPTE: 19 bits of generation (spte.h MMIO_SPTE_GEN_*).
std::uint64_t mmio_generation_bits(std::uint64_t generation);
std::uint64_t mmio_generation_of(std::uint64_t spte);
inline constexpr std::uint64_t kMmioGenerationMask = 0x7ff00000000007f8ull;

// make_mmio_spte: P from the value, W and U as access, the gfn, the generation.
std::uint64_t make_mmio_spte(std::uint64_t mmio_value, std::uint64_t generation, std::uint64_t gpa);
bool is_mmio_spte(std::uint64_t spte, std::uint64_t mmio_value);

// make_spte for a leaf with hardware A/D bits.
std::uint64_t make_spte(HostPhysAddr frame, bool writable, bool host_writable, unsigned level = 1);
// make_huge_spte: the leaf of that level around a smaller one.
std::uint64_t make_large(std::uint64_t small, unsigned level);

class NestedTables {
 public:
  NestedTables(Store& store, bool host_la57) : store_(&store), levels_(host_la57 ? 5 : 4) {}

  HostPhysAddr root() const;
  // Gives the tables back and starts with an empty root (kvm_mmu_zap_all_fast). The new root may
  // lie where the old one did.
  void new_root();

  // Where a walk for `gpa` ends: at the first entry that is no present table.
  struct Entry {
    HostPhysAddr spa;
    unsigned level = 0;
    std::uint64_t word = 0;
  };
  // It goes no deeper than `lowest`.
  Entry find(GuestPhysAddr gpa, unsigned lowest = 1) const {
    return find(
        gpa, [](const Entry&) {}, lowest);
  }
  // The same; visit(entry) is called for each entry that is read, root first.
  template <class Visit>
  Entry find(GuestPhysAddr gpa, Visit&& visit, unsigned lowest = 1) const {
    HostPhysAddr table = root();
    for (unsigned level = levels_;; --level) {
      const HostPhysAddr spa = entry_address(table, gpa, level);
      const Entry entry{spa, level, read(spa)};
      visit(entry);
      if (level == lowest || !is_table(entry.word, level)) return entry;
      table = HostPhysAddr(entry.word & bit_range(51, 12));
    }
  }
  // Whether a table is below the entry of `gpa` at `level`.
  bool has_table(GuestPhysAddr gpa, unsigned level) const {
    const Entry entry = find(gpa, level);
    return entry.level == level && is_table(entry.word, level);
  }
  // The entry of `gpa` at `level`; tables on the way are made. No leaf may be in the way.
  Entry find_or_make(GuestPhysAddr gpa, unsigned level = 1);

  void write(const Entry& entry, std::uint64_t word);
  // The same at a level, where a table may be: it is given back with all below it. Says whether
  // there was one.
  bool put(GuestPhysAddr gpa, unsigned level, std::uint64_t word);
  // A leaf above level 1 becomes a table of 512 leaves that say the same
  // (make_huge_page_split_spte).
  void split(const Entry& large);
  // An MMIO SPTE: its generation is a stamp of the memslot generation.
  void write_mmio(const Entry& entry, std::uint64_t word);

  // Calls change(word) for the leaves of gfns [first, first + count) that KVM counts as present
  // (bit 11): MMIO SPTEs are not among them, and a large leaf that is there in part is.
  template <class Change>
  void for_present_leaves(std::uint64_t first, std::uint64_t count, Change&& change) {
    for (std::uint64_t gfn = first; gfn < first + count; ++gfn) {
      const Entry entry = find(GuestPhysAddr(gfn << kPageShift));
      if (has_bit(entry.word, kSpteMmuPresent)) write(entry, change(entry.word));
      if (entry.level > 1) gfn |= bit_range((entry.level - 1) * 9 - 1, 0);  // on to the next entry
    }
  }

 private:
  std::uint64_t read(HostPhysAddr spa) const { return store_->read(Space::kDram, spa.value / 8); }
  void free_table(HostPhysAddr table, unsigned level);
  static HostPhysAddr entry_address(HostPhysAddr table, GuestPhysAddr gpa, unsigned level) {
    const unsigned shift = kPageShift + (level - 1) * 9;
    return table + get_bits(gpa.value, shift + 8, shift) * 8;
  }
  static bool is_table(std::uint64_t word, unsigned level) {
    return level > 1 && has_bit(word, kSpteMmuPresent) && !(word & svm::kEntryPs);
  }

  Store* store_;
  unsigned levels_;
};

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_NPT_H_
