// Regions, their memslots, and the locks that are held while these change.
#include "models/vmm/qemu/define.h"
#include "sim/machine/host.h"

namespace nptsim::qemu {
namespace {

bool regions(View& view, const Args&, std::uint64_t& cursor) {
  return ++cursor < view.setup().regions.size();
}

// Where the thread's region is seen: a toggle changes all these places.
bool places(View& view, const Args&, std::uint64_t& cursor) {
  const std::uint64_t region = region_index(view);
  while (++cursor < view.setup().regions.size()) {
    if (region_shown_at(std::as_const(view).store(), cursor) == region) return true;
  }
  return false;
}

ActionResult at_region(View& view, const Args& args) {
  NPTSIM_CHECK(args.get(0) < view.setup().regions.size());
  thread_record(view).set(thread::kRegion, args.get(0) + 1);
  return ActionResult::done();
}

ActionResult leave_region(View& view, const Args&) {
  thread_record(view).set(thread::kRegion, 0);
  return ActionResult::done();
}

ActionResult set_romd(View& view, const Args& args) {
  region_record(view).set(region::kRomd, args.word(0));
  return ActionResult::done();
}

// kvm_get_free_slot: the first KVMSlot whose memory_size is 0.
std::uint64_t lowest_free_slot(const View& view) {
  const std::size_t count = view.setup().regions.size();
  for (std::uint64_t number = 0;; ++number) {
    bool taken = false;
    for (std::size_t i = 0; i < count && !taken; ++i) {
      taken = kRegions.at(view.store(), i).get(region::kSlot) == number + 1;
    }
    if (!taken) return number;
  }
}

enum class Change : unsigned { kAdd, kAddReadonly, kDelete, kLog, kUnlog };

ActionResult request_slot(View& view, const Args& args) {
  const auto change = static_cast<Change>(args.word(0));
  const machine::Region& r = place_setup(view);
  const std::uint64_t slot = place_record(view).get(region::kSlot);
  const bool add = change == Change::kAdd || change == Change::kAddReadonly;
  const bool remove = change == Change::kDelete;
  NPTSIM_CHECK(add == (slot == 0));
  const Record request = kvm_uapi::kRegionRequest.at(view.store(), 0);
  request.set(kvm_uapi::region::kSlot, add ? lowest_free_slot(view) : slot - 1);
  request.set(kvm_uapi::region::kLogDirty, change == Change::kLog);
  const bool was_readonly = !remove && place_record(view).get(region::kSlotReadonly) != 0;
  request.set(kvm_uapi::region::kReadonly, add ? change == Change::kAddReadonly : was_readonly);
  request.set(kvm_uapi::region::kOtherFlags, 0);
  request.set(kvm_uapi::region::kGpa, r.gpa.value);
  request.set(kvm_uapi::region::kSize, remove ? 0 : r.size);
  request.set(kvm_uapi::region::kBacking, region_setup(view).backing);
  request.set(kvm_uapi::region::kOffset, alias_offset(view));
  const machine::BackingId gmem = region_setup(view).gmem;
  if (gmem == machine::kNoBacking) return ActionResult::done();
  request.set(kvm_uapi::region::kGmem, std::uint64_t{gmem} + 1);
  request.set(kvm_uapi::region::kGmemOffset, alias_offset(view));
  return ActionResult::done();
}

// The ioctl's argument was on the stack: nothing stays of it.
void forget_request(View& view) {
  const Record request = kvm_uapi::kRegionRequest.at(view.store(), 0);
  for (const Field& field : kvm_uapi::region::kFields) request.set(field, 0);
}

ActionResult slot_registered(View& view, const Args&) {
  const Record request = kvm_uapi::kRegionRequest.at(view.store(), 0);
  const Record r = place_record(view);
  r.set(region::kSlot, request.get(kvm_uapi::region::kSlot) + 1);
  r.set(region::kSlotReadonly, request.get(kvm_uapi::region::kReadonly));
  forget_request(view);
  return ActionResult::done();
}

ActionResult slot_unregistered(View& view, const Args&) {
  const Record r = place_record(view);
  r.set(region::kSlot, 0);
  r.set(region::kSlotReadonly, 0);
  forget_request(view);
  return ActionResult::done();
}

// The VMA of the region: what no row of QEMU's own does, but proposals do.
ActionResult mprotect_region(View& view, const Args& args) {
  const machine::Region& r = region_setup(view);
  const auto protection =
      args.word(0) != 0 ? machine::HostProtection::kReadWrite : machine::HostProtection::kRead;
  machine::protect_range(view.store(), r.backing, 0, r.size >> kPageShift, protection);
  return ActionResult::done();
}

ActionResult inhibit_ioctls(View& view, const Args&) {
  process_record(view).set(process::kInhibit, 1);
  return ActionResult::done();
}

ActionResult allow_ioctls(View& view, const Args&) {
  process_record(view).set(process::kInhibit, 0);
  return ActionResult::done();
}

ActionResult bql_lock(View& view, const Args&) {
  NPTSIM_CHECK(process_record(view).get(process::kBql) == 0);
  process_record(view).set(process::kBql, thread_of(view) + 1);
  return ActionResult::done();
}

ActionResult bql_unlock(View& view, const Args&) {
  NPTSIM_CHECK(process_record(view).get(process::kBql) == thread_of(view) + 1);
  process_record(view).set(process::kBql, 0);
  return ActionResult::done();
}

}  // namespace

void add_memory_actions(rules::Vocabulary& v) {
  v.add(iterator<regions>("regions", "all memory regions, in the order of the machine's list"));
  v.add(iterator<places>("places",
                         "the places at which the region is seen, by rising address: its own and "
                         "its alias"));
  v.add(action<at_region>("at_region", {value_arg("index")}, "the thread's region",
                          "the region that the following rows are about"));
  v.add(action<leave_region>("leave_region", {}, "the thread's region", "forgets it again"));
  v.add(action<set_romd>("set_romd", {word_arg("mode", {"off", "on"})}, "the region's romd_mode",
                         "memory_region_rom_device_set_romd: the flag alone"));
  v.add(action<request_slot>(
      "request_slot", {word_arg("change", {"add", "add-readonly", "delete", "log", "unlog"})},
      "the argument of KVM_SET_USER_MEMORY_REGION2",
      "a new slot gets the lowest free number; size 0 deletes; a log of "
      "dirty pages changes the flags alone"));
  v.add(action<slot_registered>("slot_registered", {}, "the region's KVMSlot",
                                "the slot that the ioctl made is the region's"));
  v.add(action<slot_unregistered>("slot_unregistered", {}, "the region's KVMSlot",
                                  "the region has no slot any more"));
  v.add(action<mprotect_region>("mprotect_region", {word_arg("to", {"read", "read-write"})},
                                "the protection of the region's host mapping",
                                "mprotect() of the region's whole mapping"));
  v.add(action<inhibit_ioctls>("inhibit_ioctls", {}, "accel_in_ioctl_inhibit",
                               "accel_ioctl_inhibit_begin: no vCPU enters KVM_RUN"));
  v.add(action<allow_ioctls>("allow_ioctls", {}, "accel_in_ioctl_inhibit",
                             "accel_ioctl_inhibit_end"));
  v.add(
      action<bql_lock>("bql_lock", {}, "the big QEMU lock", "takes it; a row waits for it first"));
  v.add(action<bql_unlock>("bql_unlock", {}, "the big QEMU lock", "lets it go"));
}

}  // namespace nptsim::qemu
