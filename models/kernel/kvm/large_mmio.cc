// MMIO entries of 2 MByte, for a proposal: a large leaf has reserved address bits (20:13) at any
// width, also where no 4-KByte entry has one left (APM vol. 2 rev. 3.45, 5.3.4). No kernel has
// them.
//
// Bit 7 of such an entry is PS, so the generation has 18 bits here instead of 19.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "sim/arch/svm/entry.h"

namespace nptsim::kvm {
namespace {

using machine::EventFields;
using machine::Hex;

constexpr unsigned kLargeLevel = 2;
constexpr std::uint64_t kLargeValue = svm::kEntryP | svm::kEntryPs | bit_range(20, 13);
constexpr std::uint64_t kLargeGenerationMask = kMmioGenerationMask & ~svm::kEntryPs;

// The bits of a generation that such an entry has room for, as make_mmio_spte places them.
std::uint64_t placed(std::uint64_t generation) {
  return mmio_generation_bits(generation) & kLargeGenerationMask;
}
std::uint64_t extract(std::uint64_t word) {
  return mmio_generation_of(word & kLargeGenerationMask);
}
std::uint64_t insert(std::uint64_t word, std::uint64_t generation) {
  return (word & ~kLargeGenerationMask) | placed(generation);
}
constexpr StampLayout kStamp{kLargeGenerationMask, extract, insert};

bool has_large_value(const View& view) { return vm_of(view).get(vm::kMmioValue) == kLargeValue; }

ActionResult set_large_mmio_mask(View& view, const Args&) {
  vm_of(view).set(vm::kMmioValue, kLargeValue);
  view.say("text", {{"text", "shadow_mmio_value"}, {"value", Hex{kLargeValue}}});
  return ActionResult::done().note(kLargeValue);
}

// make_nonleaf_spte, as far as a table for 2-MByte entries.
NestedTables::Entry large_entry(View& view) {
  NestedTables tables = tables_of(view);
  for (;;) {
    const auto entry = tables.find(fault_gpa(view));
    if (entry.level <= kLargeLevel) return entry;
    tables.write(entry, machine::allocate_frame(view.store()).value | svm::kEntryP | svm::kEntryRw |
                            svm::kEntryUs | svm::kEntryA | bit(kSpteMmuPresent));
  }
}

// Nothing where the 2 MByte are cut into pages already: some slot has a part of them.
ActionResult install_large_mmio(View& view, const Args&) {
  const auto entry = large_entry(view);
  if (entry.level != kLargeLevel) return ActionResult::done();
  const std::uint64_t gpa = fault_gpa(view).value & ~(kSize2M - 1);
  const std::uint64_t generation = vm_of(std::as_const(view)).get(vm::kGeneration);
  const std::uint64_t spte = kLargeValue | svm::kEntryRw | svm::kEntryUs | placed(generation) | gpa;
  view.store().write_stamped({Space::kDram, entry.spa.value / 8}, spte, kGenerationCounter, kStamp);
  view.say("trace", [&] {
    return EventFields{{"event", std::string("mark_mmio_spte")},
                       {"gfn", Hex{gpa >> kPageShift}},
                       {"spte", Hex{spte}},
                       {"spa", Hex{entry.spa.value}}};
  });
  return ActionResult::done().note(spte);
}

unsigned large_mmio_gen(const View& view) {
  enum : unsigned { kNone, kCurrent, kStale, kUpdating };
  if (!has_large_value(view)) return kNone;
  const ConstRecord vm = vm_of(view);
  if (vm.get(vm::kUpdating)) return kUpdating;
  const std::uint64_t word = tables_of(view).find(fault_gpa(view)).word;
  const std::uint64_t now = placed(vm.get(vm::kGeneration));
  return (word & kLargeGenerationMask) == now ? kCurrent : kStale;
}

unsigned large_mmio(const View& view) { return has_large_value(view); }

}  // namespace

void add_large_mmio(rules::Vocabulary& v) {
  v.add(fact<large_mmio>("large_mmio", kNoYes, "MMIO entries are large leaves"));
  v.add(fact<large_mmio_gen>("large_mmio_gen", {"none", "current", "stale", "updating"},
                             "the generation in a large MMIO entry against the memslots'"));
  v.add(action<set_large_mmio_mask>("set_large_mmio_mask", {}, "shadow_mmio_value",
                                    "P, PS and bits 20:13"));
  v.add(action<install_large_mmio>("install_large_mmio", {}, "a nested entry",
                                   "a 2-MByte entry with reserved bits, unless the range is cut "
                                   "into pages"));
}

}  // namespace nptsim::kvm
