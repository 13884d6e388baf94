// fallocate of a guest_memfd: pages are given back, and with them their RMP entries (Linux
// virt/kvm/guest_memfd.c kvm_gmem_fallocate, kvm_gmem_punch_hole; arch/x86/kvm/svm/sev.c
// sev_gmem_invalidate).
#include <utility>

#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "models/kernel/kvm/gmem.h"
#include "models/kernel/kvm/launch.h"

namespace nptsim::kvm {
namespace {

namespace hole = kvm_uapi::hole;

ConstRecord hole_request(const View& view) { return kvm_uapi::kGmemHole.at(view.store(), 0); }
machine::BackingId file_of(const View& view) {
  return static_cast<machine::BackingId>(hole_request(view).get(hole::kGmem));
}
std::uint64_t end_of(const View& view) {
  const ConstRecord request = hole_request(view);
  return (request.get(hole::kOffset) + request.get(hole::kLength)) >> kPageShift;
}
std::uint64_t index_of(const View& view) { return vm_of(view).get(vm::kHoleNext); }
std::optional<HostPhysAddr> frame_of(const View& view) {
  return machine::backing_page(view.store(), file_of(view), index_of(view)).frame;
}
// The next page of the range that the file has, from `index` on: only folios are freed.
void go_to_folio(View& view, std::uint64_t index) {
  const std::uint64_t end = end_of(view);
  while (index < end && !machine::backing_page(view.store(), file_of(view), index).frame) ++index;
  vm_of(view).set(vm::kHoleNext, index);
}

// --- facts ---

unsigned hole_mode(const View& view) {
  const ConstRecord request = hole_request(view);
  if (!request.get(hole::kKeepSize)) return 0;
  return request.get(hole::kPunch) ? 1 : 2;
}
unsigned hole_shape(const View& view) {
  const std::uint64_t offset = hole_request(view).get(hole::kOffset);
  const std::uint64_t length = hole_request(view).get(hole::kLength);
  return length != 0 && ((offset | length) & kPageMask) == 0 && offset + length > offset;
}
unsigned hole_left(const View& view) { return index_of(view) < end_of(view); }

// snp_lookup_rmpentry; a 2-MByte entry goes as one if the page is its first and the rest of the
// range covers it.
unsigned hole_rmp(const View& view) {
  enum : unsigned { kNotAssigned, k4K, k2MWhole, k2MPart };
  const auto frame = frame_of(view);
  if (!frame) return kNotAssigned;
  arch::PhysicalMemory memory = view.memory();
  const svm::Rmp rmp(view.setup().cpu.rmp, memory);
  if (!rmp.covers(*frame) || !rmp.authoritative(*frame).assigned) return kNotAssigned;
  if (!rmp.aligned(*frame).speaks_for_2m()) return k4K;
  const bool whole = frame->aligned_to(kSize2M) && end_of(view) - index_of(view) >= svm::kPagesIn2M;
  return whole ? k2MWhole : k2MPart;
}

// --- actions ---

// kvm_gmem_invalidate_begin: what the guest has mapped of the range, in every slot that the file
// is bound to.
ActionResult hole_unmap(View& view, const Args&) {
  const ConstRecord request = hole_request(view);
  const std::uint64_t first = request.get(hole::kOffset) >> kPageShift;
  for (std::uint64_t i = 0; i < vm_of(view).get(vm::kSlots); ++i) {
    const ConstRecord record = kSlots.at(std::as_const(view).store(), i);
    if (!record.get(slot::kUsed) || record.get(slot::kGmem) != file_of(view) + 1) continue;
    const std::uint64_t bound = record.get(slot::kGmemOffset) >> kPageShift;
    const std::uint64_t begin = std::max(first, bound);
    const std::uint64_t end = std::min(end_of(view), bound + record.get(slot::kPages));
    if (begin >= end) continue;
    tables_of(view).for_present_leaves(record.get(slot::kBaseGfn) + begin - bound, end - begin,
                                       [](std::uint64_t) { return std::uint64_t{0}; });
  }
  flush_tlbs(view);
  go_to_folio(view, first);
  return ActionResult::done();
}

ActionResult hole_psmash(View& view, const Args&) {
  return give(machine::host_psmash(view, frame_of(view)->align_down(kSize2M)));
}
ActionResult hole_make_shared(View& view, const Args& args) {
  constexpr unsigned kSmall = 0;
  const auto size = args.word(0) == kSmall ? svm::RmpPageSize::k4K : svm::RmpPageSize::k2M;
  return give(
      machine::host_rmpupdate(view, *frame_of(view), svm::rmp_operand({.gpa = {}, .size = size})));
}
// WARN_ONCE: the page goes back to the host although the RMP says that it is a guest's.
ActionResult warn_rmp_kept(View& view, const Args&) {
  view.say("text", {{"text", std::string("SEV: Failed to update RMP entry for PFN")},
                    {"value", machine::Hex{frame_of(view)->page_number()}}});
  return ActionResult::done();
}
// The pages are free: what is there next is zero.
ActionResult hole_next(View& view, const Args& args) {
  const std::uint64_t pages = args.word(0) == 0 ? 1 : svm::kPagesIn2M;
  const std::uint64_t first = index_of(view);
  for (std::uint64_t i = 0; i < pages; ++i)
    machine::discard(view.store(), file_of(view), first + i);
  go_to_folio(view, first + pages);
  return ActionResult::done();
}
ActionResult hole_end(View& view, const Args&) {
  vm_of(view).set(vm::kHoleNext, 0);
  return ActionResult::done();
}
// kvm_gmem_allocate: folios, not prepared; the first use prepares them.
ActionResult no_allocation(View&, const Args&) { return ActionResult::done(); }

}  // namespace

void add_gmem_hole(rules::Vocabulary& v) {
  v.add(fact<hole_mode>("fallocate.mode", {"other", "punch-hole", "allocate"},
                        "FALLOC_FL_KEEP_SIZE has to be set"));
  v.add(fact<hole_shape>("fallocate.shape", {"bad", "ok"}, "whole pages, at least one"));
  v.add(fact<hole_left>("hole.left", kNoYes, "pages that are still to free"));
  v.add(fact<hole_rmp>("hole.rmp", {"not-assigned", "4k", "2m-whole", "2m-part"},
                       "the RMP entry of the next page of the hole"));
  v.add(action<hole_unmap>("hole_unmap", {}, "nested leaves of the range",
                           "kvm_gmem_invalidate_begin"));
  v.add(giving({"rmp_changed"}, action<hole_psmash>("hole_psmash", {}, "512 RMP entries",
                                                    "PSMASH of the 2-MByte page around")));
  v.add(giving({"rmp_changed"},
               action<hole_make_shared>("hole_make_shared", {word_arg("size", {"4k", "2m"})},
                                        "an RMP entry", "rmp_make_shared")));
  v.add(action<warn_rmp_kept>("warn_rmp_kept", {}, "nothing", "a line in the host's log"));
  v.add(action<hole_next>("hole_next", {word_arg("size", {"4k", "2m"})}, "pages of guest_memfd",
                          "they are free, and the next one follows"));
  v.add(action<hole_end>("hole_end", {}, "the cursor", "kvm_gmem_invalidate_end"));
  v.add(action<no_allocation>("gmem_allocate", {}, "nothing",
                              "kvm_gmem_allocate: a folio that nobody has used shows nowhere"));
}

}  // namespace nptsim::kvm
