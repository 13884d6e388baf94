#include "models/vmm/bare/model.h"

#include <array>
#include <string>
#include <utility>

#include "models/common/define.h"
#include "models/common/host.h"
#include "models/common/host_range.h"
#include "models/common/kvm_uapi.h"
#include "models/common/register_bank.h"
#include "models/vmm/bare/raw_host.h"
#include "sim/machine/rmp_host.h"
#include "sim/machine/view.h"

namespace nptsim::bare {
namespace {

using machine::Outcome;
using machine::OutcomeKind;
using machine::View;
using rules::ActionResult;
using rules::Args;
using namespace define;

// The list of slots, in Space::kVmm.
namespace list {
inline constexpr Field kCount{"count", 0, 63, 0, ""};
inline constexpr Field kFields[] = {kCount};
inline constexpr RecordLayout kLayout{"slots", 8, kFields};
}  // namespace list
inline constexpr RecordArray kList{&list::kLayout, Space::kVmm, kvm_uapi::kVmmPrivate, 1};
// Each as the argument of the ioctl that makes it.
inline constexpr RecordArray kSlots{&kvm_uapi::region::kLayout, Space::kVmm,
                                    kvm_uapi::kVmmPrivate + 0x10, kMaxSlots};

// --- facts ---

unsigned guest_sealed(const View& view) { return view.setup().sealed(); }
unsigned exit_reason(const View& view) {
  return static_cast<unsigned>(
      kvm_uapi::kRuns.at(view.store(), view.vcpu()).get(kvm_uapi::run::kExitReason));
}
// Nobody sends one.
unsigned sipi(const View&) { return 0; }

// --- actions ---

bool slots(View& view, const Args&, std::uint64_t& cursor) {
  return ++cursor < kList.at(std::as_const(view).store(), 0).get(list::kCount);
}

ActionResult request_slot(View& view, const Args& args) {
  const Record request = kvm_uapi::kRegionRequest.at(view.store(), 0);
  const Record slot = kSlots.at(view.store(), args.get(0));
  for (const Field& field : kvm_uapi::region::kFields) request.set(field, slot.get(field));
  return ActionResult::done();
}

// Raw operations of a scenario's script. Their numbers are the procedure's locals.
ActionResult ask_slot(View& view, const Args& args) {
  namespace region = kvm_uapi::region;
  // KVM_MEM_*, Linux include/uapi/linux/kvm.h
  constexpr std::uint64_t kLogDirty = 1, kReadonly = 2, kGuestMemfd = 4;
  const Record request = kvm_uapi::kRegionRequest.at(view.store(), 0);
  const std::uint64_t slot = args.get(0), flags = args.get(1), backing = args.get(4);
  request.set(region::kSlot, get_bits(slot, 15, 0));
  request.set(region::kAddressSpace, get_bits(slot, 31, 16));
  request.set(region::kLogDirty, (flags & kLogDirty) != 0);
  request.set(region::kReadonly, (flags & kReadonly) != 0);
  request.set(region::kOtherFlags, flags & ~(kLogDirty | kReadonly | kGuestMemfd));
  request.set(region::kGpa, args.get(2));
  request.set(region::kSize, args.get(3));
  request.set(region::kNoUserAddress, backing == kNoUserAddress);
  request.set(region::kBacking, backing == kNoUserAddress ? machine::kNoBacking : backing);
  request.set(region::kOffset, args.get(5));
  request.set(region::kGmem, flags & kGuestMemfd ? args.get(6) : 0);
  request.set(region::kGmemOffset, args.get(7));
  return ActionResult::done();
}

ActionResult ask_dirty_log(View& view, const Args& args) {
  kvm_uapi::kDirtyLogRequest.at(view.store(), 0).set(kvm_uapi::dirty_log::kSlot, args.get(0));
  return ActionResult::done();
}

ActionResult ask_ioeventfd(View& view, const Args& args) {
  const Record request = kvm_uapi::kIoeventfdRequest.at(view.store(), 0);
  request.set(kvm_uapi::ioeventfd::kAddress, args.get(0));
  request.set(kvm_uapi::ioeventfd::kLength, args.get(1));
  return ActionResult::done();
}

ActionResult ask_coalesced(View& view, const Args& args) {
  const Record request = kvm_uapi::kCoalescedRequest.at(view.store(), 0);
  request.set(kvm_uapi::coalesced_zone::kAddress, args.get(0));
  request.set(kvm_uapi::coalesced_zone::kSize, args.get(1));
  return ActionResult::done();
}

ActionResult ask_pre_fault(View& view, const Args& args) {
  const Record request = kvm_uapi::kPreFaultRequest.at(view.store(), 0);
  request.set(kvm_uapi::pre_fault::kGpa, args.get(0));
  request.set(kvm_uapi::pre_fault::kSize, args.get(1));
  request.set(kvm_uapi::pre_fault::kProgress, 0);
  return ActionResult::done();
}

// Empties the ring of coalesced writes.
ActionResult take_coalesced(View& view, const Args&) {
  namespace ring = kvm_uapi::coalesced;
  namespace entry = kvm_uapi::coalesced_entry;
  const Record record = kvm_uapi::kCoalescedRing.at(view.store(), 0);
  while (record.get(ring::kFirst) != record.get(ring::kLast)) {
    const std::uint64_t first = record.get(ring::kFirst);
    const Record one = kvm_uapi::kCoalescedEntries.at(view.store(), first);
    view.say("coalesced", [&] {
      return machine::EventFields{{"gpa", machine::Hex{one.get(entry::kAddress)}},
                                  {"len", one.get(entry::kLength)},
                                  {"data", machine::Hex{one.get(entry::kData)}},
                                  {"change", std::string("taken")}};
    });
    record.set(ring::kFirst, (first + 1) % ring::kEntries);
  }
  return ActionResult::done();
}

ActionResult name_host_range(View& view, const Args& args) {
  kvm_uapi::name_host_range(view.store(), static_cast<machine::BackingId>(args.get(0)),
                            args.get(1) >> kPageShift, args.get(2) >> kPageShift);
  return ActionResult::done();
}

ActionResult protect_pages(View& view, const Args& args) {
  const kvm_uapi::HostRange range = kvm_uapi::host_range_of(view.store());
  machine::protect_range(view.store(), range.backing, range.first_page, range.pages,
                         static_cast<machine::HostProtection>(args.get(0)));
  return ActionResult::done();
}

ActionResult discard_pages(View& view, const Args&) {
  const kvm_uapi::HostRange range = kvm_uapi::host_range_of(view.store());
  machine::discard_range(view.store(), range.backing, range.first_page, range.pages);
  return ActionResult::done();
}

ActionResult write_bytes(View& view, const Args& args) {
  arch::PhysicalMemory memory = view.memory();
  const auto backing = static_cast<machine::BackingId>(args.get(0));
  const HostPhysAddr first = machine::populate(view.store(), backing, args.get(1) >> kPageShift);
  if (!machine::host_may_write(view, first, "bare")) return ActionResult::done();
  const std::uint64_t data = args.get(2);
  machine::write_backing(memory, static_cast<machine::BackingId>(args.get(0)), args.get(1), &data,
                         args.get(3));
  return ActionResult::done();
}

// KVM_SEV_LAUNCH_UPDATE_DATA of the regions that are measured.
ActionResult launch_update(View& view, const Args&) {
  host::encrypt_launch_regions(view);
  return ActionResult::done();
}

// A write goes nowhere.
ActionResult answer_mmio(View& view, const Args&) {
  const Record run = kvm_uapi::kRuns.at(view.store(), view.vcpu());
  const std::uint64_t address = run.get(kvm_uapi::run::kMmioAddress);
  const std::uint64_t length = run.get(kvm_uapi::run::kMmioLen);
  if (run.get(kvm_uapi::run::kMmioWrite)) return ActionResult::done();
  run.set(kvm_uapi::run::kMmioData, register_bank_word(address, length));
  return ActionResult::done();
}

// A port that nobody has claimed: all ones.
ActionResult answer_io(View& view, const Args&) {
  const Record run = kvm_uapi::kRuns.at(view.store(), view.vcpu());
  const auto size = static_cast<unsigned>(run.get(kvm_uapi::run::kIoSize));
  if (!run.get(kvm_uapi::run::kIoOut) && size != 0) {
    run.set(kvm_uapi::run::kIoData, bit_range(8 * size - 1, 0));
  }
  return ActionResult::done();
}

void end(View& view, Outcome outcome) {
  outcome.who = "bare";
  view.end_vm(std::move(outcome));
}

ActionResult refuse(View& view, const Args& args) {
  enum Text : unsigned { kNoVmType, kSlotFailed };
  const std::string ioctl =
      args.word(0) == kNoVmType ? "KVM_CREATE_VM" : "KVM_SET_USER_MEMORY_REGION2";
  Outcome outcome(OutcomeKind::kRefused, ioctl + " failed");
  outcome.process_alive = false;
  end(view, std::move(outcome));
  return ActionResult::done();
}

// The way KVM_RUN came back, in the words of the interface.
ActionResult stop_vm(View& view, const Args&) {
  using kvm_uapi::ExitReason;
  const ConstRecord run = kvm_uapi::kRuns.at(std::as_const(view).store(), view.vcpu());
  const auto reason = static_cast<ExitReason>(run.get(kvm_uapi::run::kExitReason));
  const std::string word(kvm_uapi::kExitReasonWords[static_cast<unsigned>(reason)]);
  Outcome outcome(OutcomeKind::kVmKilled, "KVM_RUN: " + word);
  outcome.process_alive = true;
  if (reason == ExitReason::kShutdown) outcome.kind = OutcomeKind::kShutdown;
  if (reason == ExitReason::kMemoryFault) {
    outcome.text = std::string("KVM_RUN failed with errno 14: memory fault, ") +
                   (run.get(kvm_uapi::run::kFaultPrivate) ? "private" : "shared") + " access";
  }
  if (reason == ExitReason::kErrno) {
    outcome.text = "KVM_RUN failed with errno " + std::to_string(run.get(kvm_uapi::run::kErrno));
  }
  if (reason == ExitReason::kSevTerm) {
    // The GHCB MSR protocol: reason code set in bits 15:12, reason code in 23:16.
    const std::uint64_t data = run.get(kvm_uapi::run::kEventData);
    constexpr std::uint64_t kTerminationRequest = 0x100;
    outcome.kind = OutcomeKind::kGuestTerminated;
    if (get_bits(data, 11, 0) == kTerminationRequest) {
      outcome.reason_set = static_cast<unsigned>(get_bits(data, 15, 12));
      outcome.reason_code = static_cast<unsigned>(get_bits(data, 23, 16));
    }
  }
  end(view, std::move(outcome));
  return ActionResult::done();
}

// --- the vocabulary ---

rules::Vocabulary make_vocabulary() {
  rules::Vocabulary v;
  v.add(fact<guest_sealed>("guest.sealed", kNoYes, "the guest's registers are encrypted", true));
  v.name_sealed_fact("guest.sealed");
  v.add(fact<exit_reason>(
      "exit_reason", {std::begin(kvm_uapi::kExitReasonWords), std::end(kvm_uapi::kExitReasonWords)},
      "kvm_run.exit_reason; errno: KVM_RUN itself failed", true));
  v.add(fact<sipi>("sipi", {"none", "pending"}, "a start-up interrupt for the vCPU that waits"));

  rules::IteratorDef each_slot;
  each_slot.name = "slots";
  each_slot.next = rules::iterator_of<View, slots>;
  each_slot.text = "the slots that the scenario wants, in its order";
  v.add(each_slot);

  v.add(action<request_slot>("request_slot", {value_arg("index")},
                             "the argument of KVM_SET_USER_MEMORY_REGION2",
                             "takes it from the list"));
  v.add(action<ask_slot>(
      "ask_slot",
      {value_arg("id"), value_arg("flags"), value_arg("gpa"), value_arg("size"),
       value_arg("backing"), value_arg("offset"), value_arg("gmem"), value_arg("gmem_offset")},
      "the argument of KVM_SET_USER_MEMORY_REGION2", "as the script says, right or wrong"));
  v.add(action<ask_dirty_log>("ask_dirty_log", {value_arg("id")},
                              "the argument of KVM_GET_DIRTY_LOG", "the slot"));
  v.add(action<ask_ioeventfd>("ask_ioeventfd", {value_arg("gpa"), value_arg("len")},
                              "the argument of KVM_IOEVENTFD", "the address and the length"));
  v.add(action<ask_coalesced>("ask_coalesced", {value_arg("gpa"), value_arg("size")},
                              "the argument of KVM_REGISTER_COALESCED_MMIO", "the zone"));
  v.add(action<ask_pre_fault>("ask_pre_fault", {value_arg("gpa"), value_arg("size")},
                              "the argument of KVM_PRE_FAULT_MEMORY", "the range"));
  v.add(action<take_coalesced>("take_coalesced", {}, "the ring of coalesced writes",
                               "takes all that is in it"));
  v.add(action<name_host_range>("name_host_range",
                                {value_arg("backing"), value_arg("offset"), value_arg("size")},
                                "the range of a system call", "pages of a backing"));
  v.add(action<protect_pages>("protect_pages", {value_arg("protection")}, "the host's mappings",
                              "mprotect, munmap or ftruncate of the named range"));
  v.add(action<discard_pages>("discard_pages", {}, "the host's mappings",
                              "MADV_DONTNEED of the named range: its pages are zero again"));
  v.add(action<write_bytes>(
      "write_bytes",
      {value_arg("backing"), value_arg("offset"), value_arg("data"), value_arg("size")},
      "memory of the guest", "the VMM stores by its own mapping"));
  v.add(action<launch_update>("launch_update", {}, "the regions that are measured",
                              "encrypts them in place with the guest's key"));
  v.add(action<answer_mmio>("answer_mmio", {}, "kvm_run mmio.data",
                            "a pattern that depends on the address; writes are ignored"));
  v.add(action<answer_io>("answer_io", {}, "kvm_run io.data", "all ones; writes are ignored"));
  add_raw_host(v);
  v.add(action<refuse>("refuse", {word_arg("text", {"no-vm-type", "slot-failed"})},
                       "the outcome of the VM", "there is no VM to run"));
  v.add(action<stop_vm>("stop_vm", {}, "the outcome of the VM", "the exit is not handled"));
  return v;
}

bool has_memory_slot(const machine::Region& region) {
  return region.backing != machine::kNoBacking &&
         !(region.kind == machine::RegionKind::kPflash && !region.romd);
}

}  // namespace

const rules::Vocabulary& vocabulary() {
  static const rules::Vocabulary kVocabulary = make_vocabulary();
  return kVocabulary;
}

void prepare(Store& store, const machine::Setup& setup) {
  std::vector<Slot> wanted;
  for (const machine::Region& region : setup.regions) {
    if (!has_memory_slot(region) || wanted.size() == kMaxSlots) continue;
    const bool readonly = region.kind != machine::RegionKind::kRam;
    wanted.push_back({static_cast<std::uint32_t>(wanted.size()), region.gpa, region.size,
                      region.backing, 0, readonly, false, region.gmem});
  }
  set_slots(store, wanted);
}

namespace {
constexpr std::uint64_t u64_of(machine::BackingId backing) { return backing; }
}  // namespace

void set_slots(Store& store, const std::vector<Slot>& slots) {
  NPTSIM_CHECK(slots.size() <= kMaxSlots);
  kList.at(store, 0).set(list::kCount, slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Record record = kSlots.at(store, i);
    record.set(kvm_uapi::region::kSlot, slots[i].id);
    record.set(kvm_uapi::region::kReadonly, slots[i].readonly);
    record.set(kvm_uapi::region::kLogDirty, slots[i].log_dirty);
    record.set(kvm_uapi::region::kGpa, slots[i].gpa.value);
    record.set(kvm_uapi::region::kSize, slots[i].size);
    record.set(kvm_uapi::region::kBacking, slots[i].backing);
    record.set(kvm_uapi::region::kOffset, slots[i].offset);
    if (slots[i].gmem != machine::kNoBacking) {
      record.set(kvm_uapi::region::kGmem, u64_of(slots[i].gmem) + 1);
      record.set(kvm_uapi::region::kGmemOffset, slots[i].offset);
    }
  }
}

std::vector<Slot> wanted_slots(const Store& store) {
  namespace region = kvm_uapi::region;
  std::vector<Slot> slots(kList.at(store, 0).get(list::kCount));
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const ConstRecord record = kSlots.at(store, i);
    const std::uint64_t gmem = record.get(region::kGmem);
    slots[i] = {static_cast<std::uint32_t>(record.get(region::kSlot)),
                GuestPhysAddr(record.get(region::kGpa)),
                record.get(region::kSize),
                static_cast<machine::BackingId>(record.get(region::kBacking)),
                record.get(region::kOffset),
                record.get(region::kReadonly) != 0,
                record.get(region::kLogDirty) != 0,
                gmem == 0 ? machine::kNoBacking : static_cast<machine::BackingId>(gmem - 1)};
  }
  return slots;
}

}  // namespace nptsim::bare
