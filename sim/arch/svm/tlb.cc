#include "sim/arch/svm/tlb.h"

namespace nptsim::svm {

static_assert(sizeof(Tlb::Entry) == 4 * sizeof(u64));

bool Tlb::same_page(const Entry& e, GuestVirtAddr gva, const Translation& t, const Array& array) {
  const u64 address = ~(bit(array.shift) - 1) & kAddress;
  return e.tag == tag_of(gva, array) && ((e.host ^ t.spa.value) & address) == 0 &&
         ((e.guest ^ t.gpa.value) & address) == 0;
}

void Tlb::fill(GuestVirtAddr gva, const Translation& t) {
  const Array& array = t.page_shift >= kLarge.shift    ? kLarge
                       : t.page_shift >= kMedium.shift ? kMedium
                                                       : kSmall;
  const u64 size_mask = ~(bit(array.shift) - 1);
  Entry& e = writable_entry(place(gva, array));
  const u64 asked_before = same_page(e, gva, t, array) ? e.guest & kRmpRights : 0;
  e.tag = tag_of(gva, array);
  e.owner = (record_->control.asid & kAsidMask) | (t.global ? kGlobal : 0) |
            (t.data_private ? kDataPrivate : 0) | (t.nested_c ? kNestedC : 0) |
            u64{array.shift} << kShiftShift;
  e.host = (t.spa.value & size_mask & kAddress) | (t.guest_rights & kStoredRights) | kEntryA;
  e.guest = (t.gpa.value & size_mask & kAddress) | (t.nested_rights & kStoredRights) | kEntryA |
            (t.nested_rights & kRmpRights) | asked_before;
  if (array.shift != kSmall.shift) record_->tlb.has_large = 1;
}

template <class Predicate>
void Tlb::flush_if(Predicate&& gone) {
  if (!enabled()) return;
  for (u64 n = 0; n < kTlbPages * kEntriesPerPage; ++n) {
    const Entry& e = entry_at(n);
    if (e.tag != 0 && gone(e)) writable_entry(n) = Entry{};
  }
}

void Tlb::flush_all() {
  flush_if([](const Entry&) { return true; });
  record_->tlb.has_large = 0;
}

void Tlb::flush_asid(u64 asid) {
  flush_if([&](const Entry& e) { return (e.owner & kAsidMask) == asid; });
}

void Tlb::flush_asid_non_global(u64 asid) {
  flush_if([&](const Entry& e) { return (e.owner & kAsidMask) == asid && !(e.owner & kGlobal); });
}

void Tlb::flush_host_range(HostPhysAddr first, u64 size) {
  flush_if([&](const Entry& e) {
    const u64 page = e.host & kAddress;
    return page < first.value + size && first.value < page + bit(e.shift());
  });
}

// Whatever the page size is.
void Tlb::flush_page(GuestVirtAddr gva, u64 asid) {
  for (const Array* array : {&kSmall, &kMedium, &kLarge}) {
    if (!enabled()) return;
    const u64 n = place(gva, *array);
    const Entry& e = entry_at(n);
    if (e.tag == tag_of(gva, *array) && (e.owner & kAsidMask) == asid) writable_entry(n) = Entry{};
  }
}

// APM vol. 2 rev. 3.45, 15.16.2.
void Tlb::flush_by_tlb_control(u64 tlb_control, u64 asid) {
  switch (tlb_control) {
    case 0:
      break;
    case 3:
      flush_asid(asid);
      break;
    case 7:
      flush_asid_non_global(asid);
      break;
    default:
      flush_all();
      break;
  }
}

}  // namespace nptsim::svm
