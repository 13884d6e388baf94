#include "models/vmm/bare/raw_host.h"

#include <array>
#include <string>
#include <utility>

#include "models/common/define.h"
#include "models/common/host.h"
#include "models/common/kvm_uapi.h"
#include "sim/arch/svm/entry.h"
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
  const HostPhysAddr at = page_at(view, args.get(0), args.get(1));
  if (!machine::host_may_write(view, at, "bare")) return ActionResult::done();
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
  for (unsigned n = has_bit(view.control().host_cr4, 12) ? 5 : 4; n > level; --n) {
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
  v.add(action<raw_write>("raw_write", values({"backing", "offset", "data", "size"}), "host memory",
                          "a store that the RMP checks"));
  v.add(action<raw_read>("raw_read", values({"backing", "offset"}), "nothing",
                         "eight bytes as the host sees them"));
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
