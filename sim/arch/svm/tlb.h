// The TLB of one vCPU. A first reader may skip it: it is off by default, and then every access walks.
//
// It is state, words of Space::kVcpu: what a stale entry still allows is part of a machine. Each
// entry is tagged with its ASID (APM vol. 2 rev. 3.45, 15.16) and has the smaller of the guest's and
// the nested page size (15.25.9). Direct-mapped, so what is evicted when is a function of addresses.
//
// Flushed by (15.16, 5.5.3):
//   MOV to CR3              this ASID's entries that are not global
//   INVLPG, INVLPGA         the page, in one ASID
//   CR0.PG, CR4, EFER       this ASID's entries
//   TLB_CONTROL at VMRUN    1 all, 3 this ASID's, 7 this ASID's that are not global
// A change of nested tables flushes nothing by itself: that is what TLB_CONTROL is for.
#ifndef NPTSIM_SIM_ARCH_SVM_TLB_H_
#define NPTSIM_SIM_ARCH_SVM_TLB_H_

#include "sim/arch/svm/walk.h"

namespace nptsim::svm {

class Tlb {
 public:
  // Both pages of words stay in place while the Tlb is used.
  Tlb(Store& store, unsigned vcpu, VcpuRecord& record)
      : store_(&store), vcpu_(vcpu), record_(&record) {}

  bool enabled() const { return record_->tlb.enabled != 0; }

  // True: `result` is what the entry says, and the entry allows the access. An entry that denies it
  // is left to be replaced by the walk that follows (rule tlb.denied).
  bool lookup(const WalkContext& context, GuestVirtAddr gva, Access access, Translation& result) {
    if (probe(kSmall, context, gva, access, result)) [[likely]] return true;
    if (record_->tlb.has_large == 0) return false;
    return probe(kMedium, context, gva, access, result) ||
           probe(kLarge, context, gva, access, result);
  }
  void fill(GuestVirtAddr gva, const Translation& translation);

  void flush_all();
  void flush_asid(u64 asid);
  void flush_asid_non_global(u64 asid);
  void flush_page(GuestVirtAddr gva, u64 asid);
  // VMCB 0x5C. Values that are not defined flush all.
  void flush_by_tlb_control(u64 tlb_control, u64 asid);

 private:
  // Four words an entry:
  //   0: 63:12 linear page, 0 valid      2: 51:12 host page, guest rights in their own bits
  //   1: 15:0 ASID, flags below          3: 51:12 guest physical page, nested rights
  struct Entry {
    u64 tag = 0, owner = 0, host = 0, guest = 0;
  };
  static constexpr u64 kValid = bit(0);
  static constexpr u64 kAsidMask = 0xffffffff, kGlobal = bit(32), kDataPrivate = bit(33),
                       kNestedC = bit(34);
  static constexpr u64 kAddress = bit_range(51, 12);
  static constexpr u64 kStoredRights = kRights | kEntryA | kEntryD;

  // One array for each page size.
  struct Array {
    u8 shift;
    u64 page;      // which of the TLB's pages it starts in
    u64 first;     // entry within that page
    u64 entries;
  };
  static constexpr u64 kEntriesPerPage = kWordsPerPage * sizeof(u64) / sizeof(Entry);
  static constexpr Array kSmall{12, 0, 0, 2 * kEntriesPerPage};
  static constexpr Array kMedium{21, 2, 0, kEntriesPerPage / 2};
  static constexpr Array kLarge{30, 2, kEntriesPerPage / 2, kEntriesPerPage / 2};

  static u64 tag_of(GuestVirtAddr gva, const Array& array) {
    return gva.align_down(bit(array.shift)).value | kValid;
  }
  static u64 place(GuestVirtAddr gva, const Array& array) {
    return array.page * kEntriesPerPage + array.first +
           ((gva.value >> array.shift) & (array.entries - 1));
  }
  const Entry& entry_at(u64 n) const {
    return reinterpret_cast<const Entry*>(store_->words_of_page(
        Space::kVcpu, tlb_page(vcpu_, n / kEntriesPerPage)))[n % kEntriesPerPage];
  }
  Entry& writable_entry(u64 n) {
    return reinterpret_cast<Entry*>(store_->writable_page(
        Space::kVcpu, tlb_page(vcpu_, n / kEntriesPerPage)))[n % kEntriesPerPage];
  }

  bool probe(const Array& array, const WalkContext& context, GuestVirtAddr gva, Access access,
             Translation& result) const {
    const Entry& e = entry_at(place(gva, array));
    if (e.tag != tag_of(gva, array) || (e.owner & kAsidMask) != record_->control.asid) return false;
    const u64 denied = context.guest_rule(access).missing(e.host) |
                       context.nested_rule(nested_use(access)).missing(e.guest);
    if (denied != 0) return false;
    const u64 offset = gva.value & (bit(array.shift) - 1);
    result.spa = HostPhysAddr((e.host & kAddress) + offset);
    result.gpa = GuestPhysAddr((e.guest & kAddress) + offset);
    result.guest_rights = e.host & kStoredRights;
    result.nested_rights = e.guest & kStoredRights;
    result.page_shift = array.shift;
    result.data_private = (e.owner & kDataPrivate) != 0;
    result.nested_c = (e.owner & kNestedC) != 0;
    result.global = (e.owner & kGlobal) != 0;
    result.is_private = access.kind == AccessKind::kFetch ? context.c_rules.table_c()
                                                          : result.data_private;
    result.key = context.c_rules.key(result.is_private, result.nested_c);
    return true;
  }

  template <class Predicate>
  void flush_if(Predicate&& gone);

  Store* store_;
  unsigned vcpu_;
  VcpuRecord* record_;
};

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_TLB_H_
