// Memory that is the guest's alone: which pages of a region are private, and how one kind becomes
// the other (accel/kvm/kvm-all.c kvm_convert_memory, target/i386/kvm/kvm.c
// kvm_handle_hc_map_gpa_range).
#include "models/common/host_range.h"
#include "models/vmm/qemu/define.h"
#include "sim/machine/host.h"

namespace nptsim::qemu {
namespace {

namespace run = kvm_uapi::run;

// What is to be converted: the page that the guest touched, or what it asked for.
struct Conversion {
  GuestPhysAddr start;
  std::uint64_t size = 0;
  bool to_private = false;
};

Conversion conversion_of(const View& view) {
  const ConstRecord r = run_record(view);
  const auto reason = static_cast<kvm_uapi::ExitReason>(r.get(run::kExitReason));
  if (reason == kvm_uapi::ExitReason::kHypercall) {
    return {GuestPhysAddr(r.get(run::kHypercallGpa)), r.get(run::kHypercallPages) << kPageShift,
            r.get(run::kHypercallPrivate) != 0};
  }
  return {GuestPhysAddr(r.get(run::kFaultGpa)), kPageSize, r.get(run::kFaultPrivate) != 0};
}

// --- facts ---

unsigned convert_to(const View& view) { return conversion_of(view).to_private; }
unsigned convert_shape(const View& view) {
  const Conversion wanted = conversion_of(view);
  return wanted.size != 0 && ((wanted.start.value | wanted.size) & kPageMask) == 0;
}
unsigned region_guest_memfd(const View& view) {
  return has_region(view) && region_setup(view).gmem != machine::kNoBacking;
}
// section.offset_within_region: where the range and the region begin to have something in common.
std::uint64_t offset_in_block(const View& view) {
  const GuestPhysAddr start = conversion_of(view).start, place = place_setup(view).gpa;
  return (start > place ? start - place : 0) + alias_offset(view);
}
// ram_block_discard_range: the range is not cut at the block's end.
unsigned convert_end(const View& view) {
  if (!has_region(view)) return 0;
  return offset_in_block(view) + conversion_of(view).size <= region_setup(view).size ? 0 : 1;
}

// --- actions ---

// memory_region_find: of all that the range touches, what lies lowest.
ActionResult find_region(View& view, const Args&) {
  const Conversion wanted = conversion_of(view);
  const auto& regions = view.setup().regions;
  std::uint64_t found = 0;
  for (std::size_t i = 0; i < regions.size(); ++i) {
    const machine::Region& region = regions[i];
    const bool touched =
        region.gpa < wanted.start + wanted.size && wanted.start < region.gpa + region.size;
    if (touched && (found == 0 || region.gpa < regions[found - 1].gpa)) found = i + 1;
  }
  thread_record(view).set(thread::kRegion, found);
  return ActionResult::done();
}

void ask_attributes(View& view, const Conversion& wanted) {
  namespace attributes = kvm_uapi::attributes;
  const Record request = kvm_uapi::kAttributesRequest.at(view.store(), 0);
  request.set(attributes::kAddress, wanted.start.value);
  request.set(attributes::kSize, wanted.size);
  request.set(attributes::kPrivate, wanted.to_private);
}

ActionResult ask_conversion(View& view, const Args&) {
  ask_attributes(view, conversion_of(view));
  return ActionResult::done();
}

// kvm_set_phys_mem: what has a guest_memfd begins its life as private memory.
ActionResult ask_private_region(View& view, const Args&) {
  const machine::Region& place = place_setup(view);
  ask_attributes(view, {place.gpa, place.size, true});
  return ActionResult::done();
}

// madvise of the block's memory.
ActionResult name_discarded(View& view, const Args&) {
  kvm_uapi::name_host_range(view.store(), region_setup(view).backing,
                            offset_in_block(view) >> kPageShift,
                            conversion_of(view).size >> kPageShift);
  return ActionResult::done();
}

// ram_block_discard_guest_memfd_range: the file begins where the block does.
ActionResult ask_hole(View& view, const Args&) {
  namespace hole = kvm_uapi::hole;
  const Record request = kvm_uapi::kGmemHole.at(view.store(), 0);
  request.set(hole::kGmem, region_setup(view).gmem);
  request.set(hole::kPunch, 1);
  request.set(hole::kKeepSize, 1);
  request.set(hole::kOffset, offset_in_block(view));
  request.set(hole::kLength, conversion_of(view).size);
  return ActionResult::done();
}

// What hugetlbfs backs stays (QEMU accel/kvm/kvm-all.c kvm_convert_memory).
ActionResult discard_memory(View& view, const Args&) {
  kvm_uapi::for_host_range(view.store(), [&](machine::BackingId backing, std::uint64_t page) {
    machine::discard(view.store(), backing, page);
  });
  return ActionResult::done();
}

ActionResult ask_pre_fault(View& view, const Args&) {
  namespace request = kvm_uapi::pre_fault;
  const Conversion wanted = conversion_of(view);
  const Record record = kvm_uapi::kPreFaultRequest.at(view.store(), 0);
  record.set(request::kGpa, wanted.start.value);
  record.set(request::kSize, wanted.size);
  record.set(request::kProgress, 0);
  return ActionResult::done();
}

// The argument was on the stack.
ActionResult forget_pre_fault(View& view, const Args&) {
  const Record record = kvm_uapi::kPreFaultRequest.at(view.store(), 0);
  for (const Field& field : kvm_uapi::pre_fault::kFields) record.set(field, 0);
  return ActionResult::done();
}

}  // namespace

std::string conversion_refused(const View& view) {
  const Conversion wanted = conversion_of(view);
  return "Convert non guest_memfd backed memory region (" + hex(wanted.start.value) + " ,+ " +
         hex(wanted.size) + ") to " + (wanted.to_private ? "private" : "shared");
}

std::string conversion_overrun(const View& view) {
  const machine::Region& region = region_setup(view);
  return "ram_block_discard_range: Overrun block '" + region.name + "' (" +
         std::to_string(offset_in_block(view)) + "/" + hex(conversion_of(view).size).substr(2) +
         "/" + hex(region.size).substr(2) + ")";
}

void add_private_memory(rules::Vocabulary& v) {
  constexpr bool kFixed = true;
  v.add(fact<convert_to>("convert.to", {"shared", "private"},
                         "what the access was, or what the guest asks for", kFixed));
  v.add(fact<convert_shape>("convert.shape", {"bad", "ok"}, "whole pages, at least one"));
  v.add(fact<convert_end>("convert.end", {"inside", "beyond"},
                          "the end of the range, and that of the region in which it begins"));
  v.add(fact<region_guest_memfd>("region.guest_memfd", {"none", "some"},
                                 "the region's memory has a guest_memfd"));
  v.add(action<find_region>("find_region", {}, "the thread's region",
                            "memory_region_find: the lowest one that the range touches"));
  v.add(action<ask_conversion>("ask_conversion", {}, "the argument of KVM_SET_MEMORY_ATTRIBUTES",
                               "the range of the exit, private or shared"));
  v.add(action<ask_private_region>("ask_private_region", {},
                                   "the argument of KVM_SET_MEMORY_ATTRIBUTES",
                                   "the whole region is private"));
  v.add(action<name_discarded>("name_discarded", {}, "the range of a madvise",
                               "the converted pages in the block's memory"));
  v.add(action<ask_hole>("ask_hole", {}, "the arguments of fallocate",
                         "a hole in the block's guest_memfd: the converted pages"));
  v.add(action<discard_memory>("discard_memory", {}, "the block's memory",
                               "madvise(MADV_DONTNEED): the pages read as zero from now on"));
  v.add(action<ask_pre_fault>("ask_pre_fault", {}, "the argument of KVM_PRE_FAULT_MEMORY",
                              "the range of the exit"));
  v.add(action<forget_pre_fault>("forget_pre_fault", {}, "the argument of KVM_PRE_FAULT_MEMORY",
                                 "it was on the stack"));
}

}  // namespace nptsim::qemu
