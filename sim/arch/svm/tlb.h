// The TLB of one vCPU. A first reader may skip it: it is off by default, and then every access
// walks.
//
// It is state, words of Space::kVcpu: what a stale entry still allows is part of a machine. Each
// entry is tagged with its ASID (APM vol. 2 rev. 3.45, 15.16) and has the smaller of the guest's
// and the nested page size (15.25.9). Direct-mapped, so what is evicted when is a function of
// addresses.
//
// Flushed by (15.16, 5.5.3):
//   MOV to CR3              this ASID's entries that are not global
//   INVLPG, INVLPGA         the page, in one ASID
//   CR0.PG, CR4, EFER       this ASID's entries
//   TLB_CONTROL at VMRUN    1 all, 3 this ASID's, 7 this ASID's that are not global
//   RMPUPDATE, PSMASH       what leads to the page, in every ASID and TLB (15.36), unless the CPU's
//                           rmpupdate_flushes_tlb is off
// A change of nested tables flushes nothing by itself: that is what TLB_CONTROL is for. An entry
// knows for which uses of the page the RMP was asked; another use walks, and asks.
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

  // The entry that allows the access, or null. One that denies it is left to be replaced by the
  // walk that follows (rule tlb.denied).
  struct Entry;
  const Entry* lookup(const WalkContext& context, GuestVirtAddr gva, Access access) const {
    if (const Entry* e = probe<kSmall>(context, gva, access)) [[likely]]
      return e;
    if (record_->tlb.has_large == 0) return nullptr;
    if (const Entry* e = probe<kMedium>(context, gva, access)) return e;
    return probe<kLarge>(context, gva, access);
  }
  void fill(GuestVirtAddr gva, const Translation& translation);

  void flush_all();
  void flush_asid(u64 asid);
  void flush_asid_non_global(u64 asid);
  void flush_page(GuestVirtAddr gva, u64 asid);
  // Whatever leads to these pages of the host.
  void flush_host_range(HostPhysAddr first, u64 size);
  // VMCB 0x5C. Values that are not defined flush all.
  void flush_by_tlb_control(u64 tlb_control, u64 asid);

  // Four words:
  //   0: 63:12 linear page, 0 valid      2: 51:12 host page, guest rights in their own bits
  //   1: 31:0 ASID, flags below          3: 51:12 guest physical page, nested rights, kRmpRights
  struct Entry {
    u64 tag = 0, owner = 0, host = 0, guest = 0;

    unsigned shift() const { return static_cast<unsigned>(owner >> 56); }
    u64 offset(GuestVirtAddr gva) const { return gva.value & (bit(shift()) - 1); }
    HostPhysAddr spa(GuestVirtAddr gva) const {
      return HostPhysAddr((host & kAddress) + offset(gva));
    }
    GuestPhysAddr gpa(GuestVirtAddr gva) const {
      return GuestPhysAddr((guest & kAddress) + offset(gva));
    }
    bool is_private(Access access, const CRules& rules) const {
      return access.kind == AccessKind::kFetch ? rules.table_c() : (owner & kDataPrivate) != 0;
    }
    arch::KeyId key(Access access, const CRules& rules) const {
      return rules.key(is_private(access, rules), (owner & kNestedC) != 0);
    }
  };

 private:
  static constexpr u64 kValid = bit(0);
  static constexpr u64 kAsidMask = 0xffffffff, kGlobal = bit(32), kDataPrivate = bit(33),
                       kNestedC = bit(34);
  static constexpr unsigned kShiftShift = 56;
  static constexpr u64 kAddress = bit_range(51, 12);
  static constexpr u64 kStoredRights = kRights | kEntryA | kEntryD;

  // One array for each page size.
  struct Array {
    u8 shift;
    u64 page;   // which of the TLB's pages it starts in
    u64 first;  // entry within that page
    u64 entries;
  };
  static constexpr u64 kEntriesPerPage = kWordsPerPage / 4;
  static constexpr Array kSmall{12, 0, 0, 2 * kEntriesPerPage};
  static constexpr Array kMedium{21, 2, 0, kEntriesPerPage / 2};
  static constexpr Array kLarge{30, 2, kEntriesPerPage / 2, kEntriesPerPage / 2};

  static u64 tag_of(GuestVirtAddr gva, const Array& array) {
    return gva.align_down(bit(array.shift)).value | kValid;
  }
  // A multiplicative hash, so that code, stack and data at round addresses do not share an entry.
  static u64 place(GuestVirtAddr gva, const Array& array) {
    const u64 hashed = ((gva.value >> array.shift) * 0x9e3779b97f4a7c15ull) >> 56;
    return array.page * kEntriesPerPage + array.first + (hashed & (array.entries - 1));
  }
  const Entry& entry_at(u64 n) const {
    return reinterpret_cast<const Entry*>(store_->words_of_page(
        Space::kVcpu, tlb_page(vcpu_, n / kEntriesPerPage)))[n % kEntriesPerPage];
  }
  Entry& writable_entry(u64 n) {
    return reinterpret_cast<Entry*>(store_->writable_page(
        Space::kVcpu, tlb_page(vcpu_, n / kEntriesPerPage)))[n % kEntriesPerPage];
  }

  template <const Array& kArray>
  [[gnu::always_inline]] const Entry* probe(const WalkContext& context, GuestVirtAddr gva,
                                            Access access) const {
    const Entry& e = entry_at(place(gva, kArray));
    if (e.tag != tag_of(gva, kArray) || (e.owner & kAsidMask) != record_->control.asid) {
      return nullptr;
    }
    const u64 denied = context.guest_rule(access).missing(e.host) |
                       context.tlb_rule(nested_use(access)).missing(e.guest);
    return denied == 0 ? &e : nullptr;
  }

  static bool same_page(const Entry& e, GuestVirtAddr gva, const Translation& t,
                        const Array& array);
  template <class Predicate>
  void flush_if(Predicate&& gone);

  Store* store_;
  unsigned vcpu_;
  VcpuRecord* record_;
};

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_TLB_H_
