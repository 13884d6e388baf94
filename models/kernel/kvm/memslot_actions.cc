// Changes to the memslots, one step of the ioctl each.
#include <algorithm>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "sim/arch/svm/entry.h"

namespace nptsim::kvm {
namespace {

namespace region = kvm_uapi::region;
using machine::Hex;

Record request_of(View& view) { return kvm_uapi::kRegionRequest.at(view.store(), 0); }

Record target_of(View& view) {
  const Record request = request_of(view);
  const auto index =
      slot_with_id(view.store(), request.get(region::kAddressSpace), request.get(region::kSlot));
  NPTSIM_CHECK(index.has_value());
  return kSlots.at(view.store(), *index);
}

void say_slot(View& view, const std::string& change, const Record& record) {
  view.say("memslot", {{"change", change},
                       {"id", record.get(slot::kId)},
                       {"gpa", Hex{record.get(slot::kBaseGfn) << kPageShift}},
                       {"size", Hex{record.get(slot::kPages) << kPageShift}},
                       {"readonly", record.get(slot::kReadonly) != 0}});
}

std::uint64_t free_record(View& view) {
  const Record vm = vm_of(view);
  const std::uint64_t count = vm.get(vm::kSlots);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (!kSlots.at(view.store(), i).get(slot::kUsed)) return i;
  }
  NPTSIM_CHECK(count < kMaxSlots);
  vm.set(vm::kSlots, count + 1);
  return count;
}

ActionResult slot_insert(View& view, const Args&) {
  const Record request = request_of(view);
  const Record record = kSlots.at(view.store(), free_record(view));
  record.set(slot::kUsed, 1);
  record.set(slot::kId, request.get(region::kSlot));
  record.set(slot::kAddressSpace, request.get(region::kAddressSpace));
  record.set(slot::kReadonly, request.get(region::kReadonly));
  record.set(slot::kLogDirty, request.get(region::kLogDirty));
  record.set(slot::kBaseGfn, request.get(region::kGpa) >> kPageShift);
  record.set(slot::kPages, request.get(region::kSize) >> kPageShift);
  record.set(slot::kBacking, request.get(region::kBacking));
  record.set(slot::kOffset, request.get(region::kOffset));
  record.set(slot::kGmem, request.get(region::kGmem));
  record.set(slot::kGmemOffset, request.get(region::kGmemOffset));
  say_slot(view, "create", record);
  return ActionResult::done();
}

ActionResult slot_make_invalid(View& view, const Args&) {
  target_of(view).set(slot::kInvalid, 1);
  return ActionResult::done();
}

// kvm_activate_memslot of the old slot: the inactive set still has it as it was.
ActionResult slot_make_valid(View& view, const Args&) {
  target_of(view).set(slot::kInvalid, 0);
  return ActionResult::done();
}

// kvm_destroy_dirty_bitmap.
void forget_dirty_pages(View& view, const Record& record) {
  if (!record.get(slot::kLogDirty)) return;
  const std::uint64_t index = (record.base() - kSlots.base) / slot::kLayout.words;
  for (std::uint64_t page = 0; page < record.get(slot::kPages); page += 64) {
    const WordRef word = dirty_word(index, page);
    if (view.store().read(word.space, word.index) != 0)
      view.store().write(word.space, word.index, 0);
  }
}

ActionResult slot_remove(View& view, const Args&) {
  const Record record = target_of(view);
  forget_dirty_pages(view, record);
  say_slot(view, "delete", record);
  for (unsigned word = 0; word < slot::kLayout.words; ++word) {
    view.store().write(Space::kKernel, record.base() + word, 0);
  }
  // Records at the end that are free are forgotten, so that equal slots make equal machines.
  const Record vm = vm_of(view);
  std::uint64_t count = vm.get(vm::kSlots);
  while (count > 0 && !kSlots.at(view.store(), count - 1).get(slot::kUsed)) --count;
  vm.set(vm::kSlots, count);
  return ActionResult::done();
}

// kvm_move_memslot: the slot and its dirty bitmap, elsewhere (kvm_prepare_memory_region keeps the
// bitmap while the slot logs).
ActionResult slot_move(View& view, const Args&) {
  const Record request = request_of(view), record = target_of(view);
  if (!request.get(region::kLogDirty)) forget_dirty_pages(view, record);
  record.set(slot::kLogDirty, request.get(region::kLogDirty));
  record.set(slot::kBaseGfn, request.get(region::kGpa) >> kPageShift);
  record.set(slot::kInvalid, 0);
  say_slot(view, "move", record);
  return ActionResult::done();
}

ActionResult slot_set_flags(View& view, const Args&) {
  const Record record = target_of(view);
  if (!request_of(view).get(region::kLogDirty)) forget_dirty_pages(view, record);
  record.set(slot::kLogDirty, request_of(view).get(region::kLogDirty));
  say_slot(view, "flags", record);
  return ActionResult::done();
}

// kvm_swap_active_memslots: one more update, for all address spaces.
ActionResult generation_advance(View& view, const Args&) {
  const Record vm = vm_of(view);
  const std::uint64_t next = vm.get(vm::kGeneration) + address_spaces(view);
  vm.set(vm::kGeneration, next);
  vm.set(vm::kGenerationWrapped, next % kMmioGenerationModulus == 0);
  return ActionResult::done().note(next);
}

ActionResult zap_all(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  tables.new_root();
  for (unsigned vcpu = 0; vcpu < view.setup().vcpus; ++vcpu) {
    svm::vcpu_record(view.store(), vcpu).control.ncr3 = tables.root().value;
  }
  vm_of(view).set(vm::kGenerationWrapped, 0);
  flush_tlbs(view);
  return ActionResult::done();
}

// The nested tables here are those of address space 0: nothing runs in SMM.
ActionResult zap_slot_leaves(View& view, const Args&) {
  const Record record = target_of(view);
  if (record.get(slot::kAddressSpace) != 0) return ActionResult::done();
  tables_of(view).for_present_leaves(record.get(slot::kBaseGfn), record.get(slot::kPages),
                                     [](std::uint64_t) { return std::uint64_t{0}; });
  flush_tlbs(view);
  return ActionResult::done();
}

ActionResult write_protect_slot(View& view, const Args&) {
  const Record record = target_of(view);
  if (record.get(slot::kAddressSpace) != 0) return ActionResult::done();
  tables_of(view).for_present_leaves(
      record.get(slot::kBaseGfn), record.get(slot::kPages),
      [](std::uint64_t spte) { return spte & ~(svm::kEntryRw | svm::kEntryD); });
  flush_tlbs(view);
  return ActionResult::done();
}

// Every slot that maps a page of the range. SMM's address space has no nested tables here.
ActionResult zap_host_range(View& view, const Args&) {
  namespace range = kvm_uapi::host_range;
  const ConstRecord wanted = kvm_uapi::kNotifierRange.at(std::as_const(view).store(), 0);
  const std::uint64_t first = wanted.get(range::kFirstPage);
  const std::uint64_t end = first + wanted.get(range::kPages);
  NestedTables tables = tables_of(view);
  for (std::uint64_t i = 0; i < vm_of(view).get(vm::kSlots); ++i) {
    const ConstRecord one = kSlots.at(std::as_const(view).store(), i);
    if (!one.get(slot::kUsed) || one.get(slot::kBacking) != wanted.get(range::kBacking)) continue;
    const std::uint64_t slot_first = one.get(slot::kOffset) >> kPageShift;
    const std::uint64_t from = std::max(first, slot_first);
    const std::uint64_t to = std::min(end, slot_first + one.get(slot::kPages));
    if (from >= to || one.get(slot::kAddressSpace) != 0) continue;
    tables.for_present_leaves(one.get(slot::kBaseGfn) + (from - slot_first), to - from,
                              [](std::uint64_t) { return std::uint64_t{0}; });
  }
  flush_tlbs(view);
  return ActionResult::done();
}

// WBINVD on the host: caches are not modelled.
ActionResult guest_memory_reclaimed(View&, const Args&) { return ActionResult::done(); }

}  // namespace

void add_memslot_actions(rules::Vocabulary& v) {
  v.add(action<slot_insert>("slot_insert", {}, "a memslot", "the slot of the request, active"));
  v.add(action<slot_make_invalid>("slot_make_invalid", {}, "the memslot",
                                  "the INVALID clone takes its place"));
  v.add(action<slot_make_valid>("slot_make_valid", {}, "the memslot",
                                "the change is taken back: it is valid again"));
  v.add(action<slot_remove>("slot_remove", {}, "the memslot", "the slot is gone"));
  v.add(action<slot_move>("slot_move", {}, "the memslot", "it is valid again, at its new address"));
  v.add(action<slot_set_flags>("slot_set_flags", {}, "the memslot", "the dirty-log flag"));
  v.add(action<generation_advance>("generation_advance", {}, "the generation",
                                   "one update of the memslots, in steps of the address spaces"));
  v.add(action<zap_all>("zap_all", {}, "all nested tables", "kvm_mmu_zap_all_fast: a fresh root"));
  v.add(action<zap_all>("free_root", {}, "all nested tables",
                        "kvm_tdp_mmu_put_root by its last user: the next entry makes a fresh one"));
  v.add(action<zap_slot_leaves>("zap_slot_leaves", {}, "nested leaves of the slot",
                                "only those with bit 11: MMIO entries stay"));
  v.add(action<write_protect_slot>("write_protect_slot", {}, "nested leaves of the slot",
                                   "W off, for dirty logging"));
  v.add(action<zap_host_range>("zap_host_range", {}, "nested leaves",
                               "those of the host pages that are about to change"));
  v.add(action<guest_memory_reclaimed>("guest_memory_reclaimed", {}, "nothing",
                                       "cache flush for SEV guests; caches are not modelled"));
}

}  // namespace nptsim::kvm
