#include "models/vmm/bare/raw_host.h"

#include <array>
#include <string>
#include <utility>

#include "models/common/define.h"
#include "models/common/host.h"
#include "models/common/kvm_uapi.h"
#include "models/common/snp_launch.h"
#include "models/vmm/bare/model.h"
#include "sim/arch/svm/entry.h"
#include "sim/machine/firmware_host.h"
#include "sim/machine/rmp_host.h"

namespace nptsim::bare {
namespace {

using machine::Hex;
using machine::View;
using rules::ActionResult;
using rules::Args;
using namespace define;

// The frame behind a place: of a region with private memory the guest's private page, where it has
// one; without a region the host's own address.
HostPhysAddr page_at(View& view, std::uint64_t backing_word, std::uint64_t offset) {
  const auto backing = static_cast<machine::BackingId>(backing_word);
  if (backing == machine::kNoBacking) return HostPhysAddr(offset);
  const std::uint64_t page = offset >> kPageShift;
  for (const machine::Region& region : view.setup().regions) {
    if (region.backing != backing || region.gmem == machine::kNoBacking) continue;
    const auto frame = machine::backing_page(view.store(), region.gmem, page).frame;
    if (frame) return *frame + (offset & kPageMask);
  }
  return machine::populate(view.store(), backing, page) + (offset & kPageMask);
}

// A store of 1 to 8 bytes, with no key: what the guest encrypted is ciphertext to the host.
ActionResult raw_write(View& view, const Args& args) {
  constexpr unsigned kKernel = 3;  // of `flags`: by the host's kernel, not by the VMM
  const HostPhysAddr at = page_at(view, args.get(0), args.get(1));
  const char* who = has_bit(args.get(4), kKernel) ? "kernel" : "bare";
  if (!machine::host_may_write(view, at, who)) return ActionResult::done();
  const std::uint64_t data = args.get(2);
  view.memory().write_bytes(at, &data, args.get(3), arch::kNoKey);
  return ActionResult::done().note(at.value);
}

ActionResult raw_read(View& view, const Args& args) {
  const HostPhysAddr at = page_at(view, args.get(0), args.get(1));
  std::uint64_t data = 0;
  view.memory().read_bytes(at, &data, sizeof data, arch::kNoKey);
  return ActionResult::done().note(data);
}

// A device that was given to the guest. Where the IOMMU's table leads was settled once, and its
// entry may cover more than the page.
machine::DeviceAccess device_access(View& view, const Args& args, bool write) {
  constexpr unsigned kLarge = 2;  // of `flags`
  return {GuestPhysAddr(args.get(2)), page_at(view, args.get(0), args.get(1)), write,
          has_bit(args.get(3), kLarge) ? kSize2M : kPageSize};
}

ActionResult device_write(View& view, const Args& args) {
  const machine::DeviceAccess device = device_access(view, args, true);
  if (!machine::device_may_access(view, device)) return ActionResult::done();
  const std::uint64_t data = args.get(4);
  view.memory().write_bytes(device.spa, &data, args.get(5), arch::kNoKey);
  return ActionResult::done().note(device.spa.value);
}

ActionResult device_read(View& view, const Args& args) {
  const machine::DeviceAccess device = device_access(view, args, false);
  if (!machine::device_may_access(view, device)) return ActionResult::done();
  std::uint64_t data = 0;
  view.memory().read_bytes(device.spa, &data, sizeof data, arch::kNoKey);
  return ActionResult::done().note(data);
}

// A page, ciphertext and all.
ActionResult raw_copy(View& view, const Args& args) {
  const HostPhysAddr from = page_at(view, args.get(0), args.get(1)).page_base();
  const HostPhysAddr to = page_at(view, args.get(2), args.get(3)).page_base();
  if (!machine::host_may_write(view, to, "bare")) return ActionResult::done();
  std::array<std::uint8_t, kPageSize> bytes;
  arch::PhysicalMemory memory = view.memory();
  memory.read_bytes(from, bytes.data(), bytes.size(), arch::kNoKey);
  memory.write_bytes(to, bytes.data(), bytes.size(), arch::kNoKey);
  return ActionResult::done();
}

ActionResult raw_rmpupdate(View& view, const Args& args) {
  constexpr unsigned kAssigned = 0, kImmutable = 1, kLarge = 2;  // of `flags`
  const std::uint64_t flags = args.get(4);
  svm::RmpOperandFields fields;
  fields.gpa = GuestPhysAddr(args.get(2));
  fields.asid = static_cast<std::uint32_t>(args.get(3));
  fields.assigned = has_bit(flags, kAssigned);
  fields.immutable = has_bit(flags, kImmutable);
  fields.size = has_bit(flags, kLarge) ? svm::RmpPageSize::k2M : svm::RmpPageSize::k4K;
  machine::host_rmpupdate(view, page_at(view, args.get(0), args.get(1)), svm::rmp_operand(fields));
  return ActionResult::done();
}

ActionResult raw_psmash(View& view, const Args& args) {
  machine::host_psmash(view, page_at(view, args.get(0), args.get(1)));
  return ActionResult::done();
}

ActionResult raw_rmpread(View& view, const Args& args) {
  const auto answer = machine::host_rmpread(view, page_at(view, args.get(0), args.get(1)));
  return ActionResult::done().note(answer.entry.high);
}

// A leaf of the nested tables, with all rights, and a flush. Tables on the way must be there: a
// page that the guest has used before.
ActionResult raw_map(View& view, const Args& args) {
  constexpr unsigned kLarge = 2;
  const GuestPhysAddr gpa(args.get(0));
  const unsigned level = has_bit(args.get(3), kLarge) ? 2 : 1;
  const HostPhysAddr page = page_at(view, args.get(1), args.get(2)).page_base();
  const std::uint64_t address = bit_range(51, kPageShift) & ~view.setup().cpu.host_c_mask();
  Store& store = view.store();
  std::uint64_t table = view.control().ncr3 & address;
  for (unsigned n = host::has_la57(view) ? 5 : 4; n > level; --n) {
    const std::uint64_t index = gpa.value >> (kPageShift + 9 * (n - 1)) & 511;
    const std::uint64_t entry = store.read(Space::kDram, (table + 8 * index) / 8);
    if (!(entry & svm::kEntryP) || (entry & svm::kEntryPs)) {
      view.say("text", {{"text", std::string("map_page: there is no table for this address")}});
      return ActionResult::done();
    }
    table = entry & address;
  }
  const std::uint64_t index = gpa.value >> (kPageShift + 9 * (level - 1)) & 511;
  const std::uint64_t leaf = page.value | svm::kEntryP | svm::kEntryRw | svm::kEntryUs |
                             svm::kEntryA | svm::kEntryD | (level == 2 ? svm::kEntryPs : 0) |
                             bit(11);  // so that KVM counts it as present
  store.write(Space::kDram, (table + 8 * index) / 8, leaf);
  host::flush_tlbs(view);
  return ActionResult::done().note(leaf);
}

// A command on a guest names it by its context page. SNP_LAUNCH_UPDATE names both; without a
// context it is about the first guest that there is.
ActionResult raw_firmware(View& view, const Args& args) {
  constexpr unsigned kLarge = 2;  // of `flags`
  svm::FirmwareRequest request;
  request.command = static_cast<svm::FirmwareCommand>(args.get(0));
  request.page = page_at(view, args.get(1), args.get(2)).page_base();
  request.type = static_cast<svm::SnpPageType>(args.get(3));
  request.asid = static_cast<std::uint32_t>(args.get(4));
  request.policy = kvm_uapi::snp_start::kUsualPolicy;
  request.size = has_bit(args.get(5), kLarge) ? svm::RmpPageSize::k2M : svm::RmpPageSize::k4K;
  const HostPhysAddr context = page_at(view, args.get(6), args.get(7)).page_base();
  request.context = request.page;
  if (request.command == svm::FirmwareCommand::kLaunchUpdate) {
    const ConstRecord first = svm::kSnpGuests.at(std::as_const(view).store(), 0);
    request.context =
        context.value != 0 ? context : HostPhysAddr(first.get(svm::snp_guest::kContext));
  }
  const svm::FirmwareResult result = machine::host_firmware(view, request);
  return ActionResult::done().note(static_cast<std::uint64_t>(result.status));
}

// --- the launch ---

ActionResult ask_launch_start(View& view, const Args& args) {
  kvm_uapi::ask_snp_launch_start(view.store(), args.get(0), args.get(1));
  return ActionResult::done();
}

ActionResult ask_launch_update(View& view, const Args& args) {
  const std::uint64_t backing = args.get(3);
  kvm_uapi::ask_snp_launch_update(
      view.store(), {.gpa = args.get(0),
                     .size = args.get(1),
                     .type = args.get(2),
                     .backing = backing == kNoUserAddress ? machine::kNoBacking : backing,
                     .offset = args.get(4),
                     .flags = args.get(5)});
  return ActionResult::done();
}

ActionResult ask_launch_finish(View& view, const Args& args) {
  kvm_uapi::ask_snp_launch_finish(view.store(), args.get(0));
  return ActionResult::done();
}

ActionResult ask_fallocate(View& view, const Args& args) {
  constexpr unsigned kPunchHole = 0, kKeepSize = 1;  // of `flags`
  const Record request = kvm_uapi::kGmemHole.at(view.store(), 0);
  for (const machine::Region& region : view.setup().regions) {
    if (region.backing == args.get(0)) request.set(kvm_uapi::hole::kGmem, region.gmem);
  }
  request.set(kvm_uapi::hole::kOffset, args.get(1));
  request.set(kvm_uapi::hole::kLength, args.get(2));
  request.set(kvm_uapi::hole::kPunch, has_bit(args.get(3), kPunchHole));
  request.set(kvm_uapi::hole::kKeepSize, has_bit(args.get(3), kKeepSize));
  return ActionResult::done();
}

// --- KVM_SET_MEMORY_ATTRIBUTES ---

void ask_attributes(View& view, std::uint64_t gpa, std::uint64_t size, bool is_private) {
  namespace attributes = kvm_uapi::attributes;
  const Record request = kvm_uapi::kAttributesRequest.at(view.store(), 0);
  request.set(attributes::kAddress, gpa);
  request.set(attributes::kSize, size);
  request.set(attributes::kPrivate, is_private);
}

ActionResult ask_attributes_of_script(View& view, const Args& args) {
  ask_attributes(view, args.get(0), args.get(1), has_bit(args.get(2), 0));
  return ActionResult::done();
}

// What the guest wants by a page-state change, or by the access that it just made.
ActionResult ask_attributes_of_exit(View& view, const Args&) {
  namespace run = kvm_uapi::run;
  const ConstRecord r = kvm_uapi::kRuns.at(std::as_const(view).store(), view.vcpu());
  const auto reason = static_cast<kvm_uapi::ExitReason>(r.get(run::kExitReason));
  if (reason == kvm_uapi::ExitReason::kHypercall) {
    ask_attributes(view, r.get(run::kHypercallGpa), r.get(run::kHypercallPages) << kPageShift,
                   r.get(run::kHypercallPrivate) != 0);
  } else {
    ask_attributes(view, r.get(run::kFaultGpa), kPageSize, r.get(run::kFaultPrivate) != 0);
  }
  return ActionResult::done();
}

ActionResult answer_hypercall(View& view, const Args& args) {
  kvm_uapi::kRuns.at(view.store(), view.vcpu())
      .set(kvm_uapi::run::kHypercallRet, args.word(0) == 0 ? 0 : 1);
  return ActionResult::done();
}

std::vector<rules::ArgDef> values(std::initializer_list<const char*> names) {
  std::vector<rules::ArgDef> args;
  for (const char* name : names) args.push_back(value_arg(name));
  return args;
}

}  // namespace

void add_raw_host(rules::Vocabulary& v) {
  v.add(action<raw_write>("raw_write", values({"backing", "offset", "data", "size", "flags"}),
                          "host memory", "a store that the RMP checks"));
  v.add(action<raw_read>("raw_read", values({"backing", "offset"}), "nothing",
                         "eight bytes as the host sees them"));
  v.add(action<device_write>("device_write",
                             values({"backing", "offset", "gpa", "flags", "data", "size"}),
                             "host memory", "a device's store, which the IOMMU checks in the RMP"));
  v.add(action<device_read>("device_read", values({"backing", "offset", "gpa", "flags"}), "nothing",
                            "eight bytes as a device gets them"));
  v.add(action<raw_copy>("raw_copy", values({"from_backing", "from_offset", "backing", "offset"}),
                         "host memory", "a page, as the host sees it"));
  v.add(action<raw_rmpupdate>("raw_rmpupdate",
                              values({"backing", "offset", "gpa", "asid", "flags"}), "an RMP entry",
                              "RMPUPDATE"));
  v.add(
      action<raw_psmash>("raw_psmash", values({"backing", "offset"}), "512 RMP entries", "PSMASH"));
  v.add(action<raw_rmpread>("raw_rmpread", values({"backing", "offset"}), "nothing", "RMPREAD"));
  v.add(action<raw_map>("raw_map", values({"gpa", "backing", "offset", "flags"}), "a nested entry",
                        "a leaf with all rights, and a flush"));
  v.add(action<raw_firmware>("raw_firmware",
                             values({"command", "backing", "offset", "type", "asid", "flags",
                                     "from_backing", "from_offset"}),
                             "a page, its RMP entry, the firmware's guests",
                             "a command of the AMD-SP"));
  v.add(action<ask_launch_start>("ask_launch_start", values({"policy", "flags"}),
                                 "the argument of KVM_SEV_SNP_LAUNCH_START", "as the script says"));
  v.add(action<ask_launch_update>(
      "ask_launch_update", values({"gpa", "size", "type", "backing", "offset", "flags"}),
      "the argument of KVM_SEV_SNP_LAUNCH_UPDATE", "as the script says"));
  v.add(action<ask_launch_finish>("ask_launch_finish", values({"flags"}),
                                  "the argument of KVM_SEV_SNP_LAUNCH_FINISH",
                                  "as the script says"));
  v.add(action<ask_fallocate>("ask_fallocate", values({"backing", "offset", "size", "flags"}),
                              "the arguments of fallocate", "as the script says"));
  v.add(action<ask_attributes_of_script>("ask_attributes", values({"gpa", "size", "flags"}),
                                         "the argument of KVM_SET_MEMORY_ATTRIBUTES",
                                         "as the script says"));
  v.add(action<ask_attributes_of_exit>("ask_attributes_of_exit", {},
                                       "the argument of KVM_SET_MEMORY_ATTRIBUTES",
                                       "as the exit says"));
  v.add(action<answer_hypercall>("answer_hypercall", {word_arg("ret", {"done", "failed"})},
                                 "kvm_run hypercall.ret", "0, or not"));
}

}  // namespace nptsim::bare
