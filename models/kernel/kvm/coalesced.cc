// Coalesced MMIO (Linux virt/kvm/coalesced_mmio.c): writes to a zone go into a ring that user space
// empties when it happens to come by. Reads are never coalesced.
#include <cstring>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/devices.h"
#include "models/kernel/kvm/facts.h"

namespace nptsim::kvm {
namespace {

namespace ring = kvm_uapi::coalesced;
using machine::Hex;

ActionResult exact_ring(View& view, const Args&) {
  vm_of(view).set(vm::kRingExact, 1);
  return ActionResult::done();
}

// coalesced_mmio_has_room: one entry always stays free. Up to commit 92f6d4130497 the difference is
// taken modulo 2^32 before it is taken modulo the number of entries, which does not divide it, so a
// ring whose first entry is in its first half counts as full too early.
bool has_room(const View& view) {
  const ConstRecord r = kvm_uapi::kCoalescedRing.at(view.store(), 0);
  const auto first = static_cast<std::uint32_t>(r.get(ring::kFirst));
  const auto last = static_cast<std::uint32_t>(r.get(ring::kLast));
  if (vm_of(view).get(vm::kRingExact)) return (last + 1) % ring::kEntries != first;
  return (first - last - 1) % ring::kEntries != 0;
}

// coalesced_mmio_write.
void put(View& view, GuestPhysAddr gpa, const void* data, unsigned length) {
  const Record r = kvm_uapi::kCoalescedRing.at(view.store(), 0);
  const std::uint64_t last = r.get(ring::kLast);
  std::uint64_t value = 0;
  std::memcpy(&value, data, length);
  const Record entry = kvm_uapi::kCoalescedEntries.at(view.store(), last);
  entry.set(kvm_uapi::coalesced_entry::kAddress, gpa.value);
  entry.set(kvm_uapi::coalesced_entry::kLength, length);
  entry.set(kvm_uapi::coalesced_entry::kData, value);
  r.set(ring::kLast, (last + 1) % ring::kEntries);
  view.say("coalesced", [&] {
    return machine::EventFields{{"gpa", Hex{gpa.value}},
                                {"len", std::uint64_t{length}},
                                {"data", Hex{value}},
                                {"change", std::string("kept")}};
  });
}

}  // namespace

bool keep_coalesced(View& view, GuestPhysAddr gpa, const void* data, unsigned length) {
  if (!has_room(view)) return false;
  put(view, gpa, data, length);
  return true;
}

void add_coalesced(rules::Vocabulary& v) {
  v.add(action<exact_ring>("exact_ring", {}, "the coalesced ring's test",
                           "it is full when one entry is left, wherever it begins"));
}

}  // namespace nptsim::kvm
