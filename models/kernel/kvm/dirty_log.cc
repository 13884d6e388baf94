// Dirty logging: KVM_GET_DIRTY_LOG, and what marks a page.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "sim/arch/svm/entry.h"

namespace nptsim::kvm {
namespace {

namespace dirty_log = kvm_uapi::dirty_log;
using machine::Hex;

struct RequestedSlot {
  std::uint64_t address_space, id;
};

RequestedSlot requested(const View& view) {
  const std::uint64_t slot = kvm_uapi::kDirtyLogRequest.at(view.store(), 0).get(dirty_log::kSlot);
  return {get_bits(slot, 31, 16), get_bits(slot, 15, 0)};
}

unsigned slot_state(const View& view) {
  enum : unsigned { kBad, kFree, kNotLogged, kLogged };
  const RequestedSlot wanted = requested(view);
  if (wanted.address_space >= address_spaces(view) || wanted.id >= kUserSlots) return kBad;
  const auto index = slot_with_id(view.store(), wanted.address_space, wanted.id);
  if (!index) return kFree;
  return kSlots.at(view.store(), *index).get(slot::kLogDirty) ? kLogged : kNotLogged;
}

// kvm_arch_mmu_enable_log_dirty_pt_masked: only the pages that were dirty.
void write_protect(View& view, std::uint64_t first_gfn, std::uint64_t dirty) {
  NestedTables tables = tables_of(view);
  for (unsigned page = 0; page < 64; ++page) {
    if (!has_bit(dirty, page)) continue;
    tables.for_present_leaves(first_gfn + page, 1,
                              [](std::uint64_t spte) { return spte & ~svm::kEntryRw; });
  }
}

// The first word is told always, the others only where a page is dirty.
ActionResult harvest_dirty_log(View& view, const Args&) {
  const RequestedSlot wanted = requested(view);
  const auto index = slot_with_id(view.store(), wanted.address_space, wanted.id);
  NPTSIM_CHECK(index.has_value());
  const ConstRecord record = kSlots.at(std::as_const(view).store(), *index);
  const std::uint64_t base = record.get(slot::kBaseGfn), pages = record.get(slot::kPages);
  bool flush = false;
  for (std::uint64_t page = 0; page < pages; page += 64) {
    const WordRef word = dirty_word(*index, page);
    const std::uint64_t dirty = view.store().read(word.space, word.index);
    if (page != 0 && dirty == 0) continue;
    view.say("dirty_log", {{"id", wanted.id}, {"page", Hex{page}}, {"bitmap", Hex{dirty}}});
    if (dirty == 0) continue;
    view.store().write(word.space, word.index, 0);
    if (wanted.address_space == 0) write_protect(view, base + page, dirty);
    flush = true;
  }
  if (flush) flush_tlbs(view);
  return ActionResult::done();
}

// make_spte, fast_pf_fix_direct_spte: a page that becomes writable counts as written.
ActionResult mark_dirty_if_writable(View& view, const Args&) {
  if (!logs_dirty(view.store(), fault_gfn(view))) return ActionResult::done();
  const auto entry = tables_of(std::as_const(view)).find(fault_gpa(view));
  if (entry.word & svm::kEntryRw) mark_page_dirty(view.store(), fault_gfn(view));
  return ActionResult::done();
}

}  // namespace

void add_dirty_log(rules::Vocabulary& v) {
  v.add(fact<slot_state>("dirty_log.slot", {"bad", "free", "not-logged", "logged"},
                         "the slot that KVM_GET_DIRTY_LOG names"));
  v.add(action<harvest_dirty_log>("harvest_dirty_log", {}, "the dirty bitmap, nested leaves",
                                  "hands the bitmap out, clears it and takes W from its pages"));
  v.add(action<mark_dirty_if_writable>("mark_dirty_if_writable", {}, "the dirty bitmap",
                                       "mark_page_dirty_in_slot, if the new entry has W"));
}

}  // namespace nptsim::kvm
