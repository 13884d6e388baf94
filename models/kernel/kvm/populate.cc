// KVM_SEV_SNP_LAUNCH_UPDATE: pages of guest_memfd get contents from user space and are measured,
// one by one (Linux arch/x86/kvm/svm/sev.c snp_launch_update, sev_gmem_post_populate;
// virt/kvm/guest_memfd.c kvm_gmem_populate).
#include <algorithm>
#include <array>
#include <utility>

#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/gmem.h"
#include "models/kernel/kvm/launch.h"

namespace nptsim::kvm {
namespace {

namespace uapi = kvm_uapi;
namespace update = kvm_uapi::snp_update;
using svm::SnpPageType;

ConstRecord params(const View& view) { return uapi::kSnpLaunchUpdate.at(view.store(), 0); }
SnpPageType type_of(const View& view) {
  return static_cast<SnpPageType>(params(view).get(update::kType));
}
// The page under way.
std::uint64_t page_index(const View& view) { return vm_of(view).get(vm::kPopulateDone); }
std::uint64_t populate_gfn(const View& view) {
  return params(view).get(update::kGfn) + page_index(view);
}
// User space's data of the page under way; it need not be aligned.
std::uint64_t source_offset(const View& view) {
  return params(view).get(update::kOffset) + (page_index(view) << kPageShift);
}
machine::BackingId source_of(const View& view) {
  return static_cast<machine::BackingId>(params(view).get(update::kBacking));
}
GmemPage gmem_page(const View& view) {
  const auto place = gmem_of(view.store(), populate_gfn(view));
  NPTSIM_CHECK(place.has_value());
  return *place;
}
HostPhysAddr populate_frame(const View& view) {
  const GmemPage place = gmem_page(view);
  const auto frame = machine::backing_page(view.store(), place.backing, place.page).frame;
  NPTSIM_CHECK(frame.has_value());
  return *frame;
}

// --- facts ---

unsigned shape(const View& view) {
  const SnpPageType type = type_of(view);
  const bool known =
      type >= SnpPageType::kNormal && type <= SnpPageType::kCpuid && type != SnpPageType::kVmsa;
  return known && params(view).get(update::kFlags) == 0 &&
         (params(view).get(update::kLength) & kPageMask) == 0;
}
unsigned length(const View& view) { return params(view).get(update::kLength) != 0; }
// The slot at gfn_start alone.
unsigned first_slot(const View& view) {
  return gmem_of(view.store(), params(view).get(update::kGfn)).has_value();
}
unsigned populate_left(const View& view) {
  const ConstRecord vm = vm_of(view);
  return vm.get(vm::kPopulateDone) < vm.get(vm::kPopulatePages);
}
unsigned progress(const View& view) { return page_index(view) != 0; }
unsigned populate_attribute(const View& view) {
  return is_private_gfn(view.store(), populate_gfn(view));
}
unsigned populate_rmp(const View& view) {
  enum : unsigned { kUncovered, kUnassigned, kAssigned };
  arch::PhysicalMemory memory = view.memory();
  const svm::Rmp rmp(view.setup().cpu.rmp, memory);
  const HostPhysAddr frame = populate_frame(view);
  if (!rmp.covers(frame)) return kUncovered;
  return rmp.authoritative(frame).assigned ? kAssigned : kUnassigned;
}
enum Source : unsigned { kNoSource, kReadable, kUnreadable };
unsigned source(const View& view) {
  using machine::HostProtection;
  if (type_of(view) == SnpPageType::kZero) return kNoSource;
  if (params(view).get(update::kNoUserAddress) || source_of(view) == machine::kNoBacking) {
    return kUnreadable;
  }
  const std::uint64_t last = source_offset(view) + kPageSize - 1;
  for (std::uint64_t page = source_offset(view) >> kPageShift; page <= last >> kPageShift; ++page) {
    const auto protection = machine::backing_page(view.store(), source_of(view), page).protection;
    if (protection != HostProtection::kReadWrite && protection != HostProtection::kRead) {
      return kUnreadable;
    }
  }
  return kReadable;
}
unsigned source_aligned(const View& view) {
  return type_of(view) == SnpPageType::kZero ||
         (params(view).get(update::kOffset) & kPageMask) == 0;
}
// The page that the firmware corrected goes back to user space.
unsigned cpuid_failure(const View& view) {
  return type_of(view) == SnpPageType::kCpuid &&
         uapi::kSevCommand.at(view.store(), 0).get(uapi::sev_cmd::kError) ==
             static_cast<std::uint8_t>(svm::FirmwareStatus::kInvalidParam);
}

// --- actions ---

// The count is cut at the slot's end.
ActionResult populate_begin(View& view, const Args&) {
  const std::uint64_t gfn = params(view).get(update::kGfn);
  const SlotRecord record = slot_record_of(std::as_const(view).store(), gfn);
  const std::uint64_t room = record.get(slot::kPages) - (gfn - record.get(slot::kBaseGfn));
  const Record vm = vm_of(view);
  vm.set(vm::kPopulateDone, 0);
  vm.set(vm::kPopulatePages, std::min(room, params(view).get(update::kLength) >> kPageShift));
  uapi::kSevCommand.at(view.store(), 0).set(uapi::sev_cmd::kError, 0);
  return ActionResult::done();
}

ActionResult populate_pin(View& view, const Args&) {
  const GmemPage place = gmem_page(view);
  const bool known =
      machine::backing_page(view.store(), place.backing, place.page).frame.has_value();
  const HostPhysAddr frame = machine::populate(view.store(), place.backing, place.page);
  return ActionResult::done().give(0, known ? 1 : 0).note(frame.value);
}

ActionResult populate_large_folio(View& view, const Args&) {
  allocate_large_folio(view, gmem_page(view));
  return ActionResult::done();
}

using Page = std::array<std::uint8_t, kPageSize>;

// A folio that is not prepared is as good as none: the next use zeroes it. Of a large one the page
// stays.
ActionResult populate_forget(View& view, const Args&) {
  const GmemPage place = gmem_page(view);
  if (large_folio(std::as_const(view).store(), place)) {
    constexpr Page kZero{};
    view.memory().write_bytes(populate_frame(view), kZero.data(), kZero.size(), arch::kNoKey);
  } else {
    machine::discard(view.store(), place.backing, place.page);
  }
  return ActionResult::done();
}

ActionResult populate_copy(View& view, const Args&) {
  const HostPhysAddr frame = populate_frame(view);
  if (!machine::host_may_write(view, frame, "kernel")) return ActionResult::done();
  Page page;
  arch::PhysicalMemory memory = view.memory();
  machine::read_backing(memory, source_of(view), source_offset(view), page.data(), page.size());
  memory.write_bytes(frame, page.data(), page.size(), arch::kNoKey);
  return ActionResult::done();
}

// The other way: what the firmware left in the page.
ActionResult populate_copy_back(View& view, const Args&) {
  Page page;
  arch::PhysicalMemory memory = view.memory();
  memory.read_bytes(populate_frame(view), page.data(), page.size(), arch::kNoKey);
  machine::write_backing(memory, source_of(view), source_offset(view), page.data(), page.size());
  return ActionResult::done();
}

ActionResult populate_make_private(View& view, const Args&) {
  return give(make_private_page(view, populate_frame(view),
                                GuestPhysAddr(populate_gfn(view) << kPageShift),
                                svm::RmpPageSize::k4K, true));
}
ActionResult populate_measure(View& view, const Args&) {
  return give(guest_firmware(view, {.command = svm::FirmwareCommand::kLaunchUpdate,
                                    .page = populate_frame(view),
                                    .type = type_of(view)})
                  .good());
}
ActionResult populate_reclaim(View& view, const Args&) {
  return give(reclaim_page(view, populate_frame(view)));
}
ActionResult populate_next(View& view, const Args&) {
  const Record vm = vm_of(view);
  vm.set(vm::kPopulateDone, vm.get(vm::kPopulateDone) + 1);
  return ActionResult::done();
}

// gfn_start, len and uaddr tell what is left.
ActionResult populate_tell(View& view, const Args&) {
  const Record request = uapi::kSnpLaunchUpdate.at(view.store(), 0);
  const std::uint64_t done = page_index(view);
  request.set(update::kGfn, request.get(update::kGfn) + done);
  request.set(update::kLength, request.get(update::kLength) - (done << kPageShift));
  if (type_of(view) != SnpPageType::kZero) {
    request.set(update::kOffset, request.get(update::kOffset) + (done << kPageShift));
  }
  vm_of(view).set(vm::kPopulateDone, 0);
  return ActionResult::done().note(request.get(update::kLength));
}

}  // namespace

void add_populate(rules::Vocabulary& v) {
  v.add(fact<shape>("launch_update.shape", {"bad", "ok"},
                    "no flags, whole pages, a type that user space may ask for"));
  v.add(fact<length>("launch_update.length", {"none", "some"}, "len"));
  v.add(fact<first_slot>("launch_update.slot", {"no-gmem", "gmem"}, "the slot at gfn_start"));
  v.add(fact<populate_left>("launch_update.left", kNoYes, "pages that are still to do"));
  v.add(fact<progress>("launch_update.progress", {"none", "some"}, "pages that are done"));
  v.add(fact<populate_attribute>("populate.attribute", {"shared", "private"},
                                 "of the page under way"));
  v.add(fact<populate_rmp>("populate.rmp", {"uncovered", "unassigned", "assigned"},
                           "the RMP entry of the page under way"));
  v.add(fact<source>("populate.source", {"none", "readable", "unreadable"},
                     "user space's page; none for zero pages"));
  v.add(fact<source_aligned>("launch_update.source", {"unaligned", "aligned"},
                             "uaddr; of zero pages it counts for nothing"));
  v.add(fact<cpuid_failure>("cpuid_failure", kNoYes,
                            "a CPUID page that the firmware answered with INVALID_PARAM"));
  v.add(given("reclaimed", {"done", "leaked"}, "whether the page is the host's again"));
  v.add(action<populate_begin>("populate_begin", {}, "the ioctl's cursor",
                               "as many pages as the slot has"));
  v.add(giving(
      {"gmem_folio"},
      action<populate_pin>("populate_pin", {}, "the page of guest_memfd, if it has no frame yet",
                           "__kvm_gmem_get_pfn")));
  v.add(action<populate_large_folio>("populate_large_folio", {}, "512 pages of guest_memfd",
                                     "kvm_gmem_get_folio, where a large one can be"));
  v.add(action<populate_forget>("populate_forget", {}, "the page of guest_memfd",
                                "it was not prepared: the next use zeroes it"));
  v.add(action<populate_copy>("populate_copy", {}, "the page of guest_memfd", "copy_from_user"));
  v.add(action<populate_copy_back>("populate_copy_back", {}, "user space's page", "copy_to_user"));
  v.add(giving({"rmp_changed"},
               action<populate_make_private>("populate_make_private", {}, "an RMP entry",
                                             "rmp_make_private, immutable: Pre-Guest")));
  v.add(giving({"firmware"},
               action<populate_measure>("populate_measure", {}, "the page, its RMP entry",
                                        "SNP_LAUNCH_UPDATE")));
  v.add(
      giving({"reclaimed"}, action<populate_reclaim>("populate_reclaim", {}, "the page's RMP entry",
                                                     "snp_page_reclaim")));
  v.add(action<populate_next>("populate_next", {}, "the ioctl's cursor", "the next page"));
  v.add(action<populate_tell>("populate_tell", {}, "struct kvm_sev_snp_launch_update",
                              "what is left"));
}

}  // namespace nptsim::kvm
