// Nested tables, as a scenario asks for them: leaves of memory, entries that fault.
#include <array>

#include "models/common/define.h"
#include "models/common/host.h"
#include "models/kernel/given/answers.h"
#include "sim/arch/svm/entry.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/rmp_instructions.h"
#include "sim/machine/rmp_host.h"

namespace nptsim::given {
namespace {

using machine::Hex;
using machine::Outcome;
using machine::OutcomeKind;
using machine::View;
using rules::ActionResult;
using rules::Args;
using namespace define;

constexpr std::uint64_t kAddress = bit_range(51, kPageShift);
constexpr std::uint64_t kTable = svm::kEntryP | svm::kEntryRw | svm::kEntryUs | svm::kEntryA;

GuestPhysAddr fault_gpa(const View& view) { return GuestPhysAddr(view.exit_record().exit_info_2); }
bool is_private(const View& view) {
  return view.setup().snp() && (view.exit_record().exit_info_1 & svm::kErrorEnc) != 0;
}

// The word of the entry; tables on the way are made, a leaf in the way becomes one.
HostPhysAddr entry_of(View& view, GuestPhysAddr gpa, unsigned wanted) {
  Store& store = view.store();
  HostPhysAddr table(kList.at(std::as_const(store), 0).get(list::kRoot));
  for (unsigned level = host::has_la57(view) ? 5 : 4;; --level) {
    const unsigned shift = kPageShift + 9 * (level - 1);
    const HostPhysAddr at = table + 8 * get_bits(gpa.value, shift + 8, shift);
    if (level == wanted) return at;
    const std::uint64_t word = store.read(Space::kDram, at.value / 8);
    const bool is_table = (word & svm::kEntryP) && !(word & svm::kEntryPs);
    if (!is_table) {
      store.write(Space::kDram, at.value / 8, machine::allocate_frame(store).value | kTable);
    }
    table = HostPhysAddr(store.read(Space::kDram, at.value / 8) & kAddress);
  }
}

void write_entry(View& view, GuestPhysAddr gpa, unsigned level, std::uint64_t word) {
  view.store().write(Space::kDram, entry_of(view, gpa, level).value / 8, word);
  host::flush_tlbs(view);
}

// Where a page of a region has its memory: an SNP guest's private pages are in guest_memfd.
struct Backed {
  machine::BackingId backing = machine::kNoBacking;
  std::uint64_t page = 0;
};
Backed backed(const View& view, GuestPhysAddr gpa, bool from_gmem) {
  const machine::Region* region = view.setup().region_at(gpa);
  NPTSIM_CHECK(region != nullptr && region->backing != machine::kNoBacking);
  const bool gmem = from_gmem && region->gmem != machine::kNoBacking;
  return {gmem ? region->gmem : region->backing, (gpa - region->gpa) >> kPageShift};
}

// 512 pages in one aligned run of the host's memory; none if they lie otherwise by now.
std::optional<HostPhysAddr> large_frame(View& view, const Backed& first) {
  Store& store = view.store();
  return machine::is_untouched_2m(store, first.backing, first.page)
             ? machine::populate_2m(store, first.backing, first.page)
             : machine::run_of_2m(store, first.backing, first.page);
}

struct Leaf {
  GuestPhysAddr gpa;
  HostPhysAddr frame;
  unsigned level = 1;
};

std::optional<Leaf> leaf_of(View& view, GuestPhysAddr gpa, unsigned level, bool from_gmem) {
  const GuestPhysAddr first = gpa.align_down(level == 1 ? kPageSize : kSize2M);
  const Backed place = backed(view, first, from_gmem);
  if (level == 1) return Leaf{first, machine::populate(view.store(), place.backing, place.page), 1};
  const auto frame = large_frame(view, place);
  if (frame) return Leaf{first, *frame, 2};
  view.end_vm(
      Outcome(OutcomeKind::kUnspecified,
              "a 2-MByte entry was given, but the pages of the region do not lie together"));
  return std::nullopt;
}

void install(View& view, const Leaf& leaf, bool writable) {
  std::uint64_t word = leaf.frame.value | svm::kEntryP | svm::kEntryUs | svm::kEntryA;
  if (leaf.level > 1) word |= svm::kEntryPs;
  if (writable) word |= svm::kEntryRw | svm::kEntryD;
  write_entry(view, leaf.gpa, leaf.level, word);
  view.say("trace", [&] {
    return machine::EventFields{{"event", std::string("kvm_mmu_set_spte")},
                                {"gfn", Hex{leaf.gpa.page_number()}},
                                {"spte", Hex{word}},
                                {"level", std::uint64_t{leaf.level}}};
  });
}

enum Rights : unsigned { kReadWrite, kReadOnly };
enum Size : unsigned { k4k, k2m };

ActionResult map_page(View& view, const Args& args) {
  const unsigned level = args.word(1) == k2m ? 2 : 1;
  const auto leaf = leaf_of(view, fault_gpa(view), level, is_private(view));
  if (leaf) install(view, *leaf, args.word(0) == kReadWrite);
  return ActionResult::done();
}

ActionResult assign_page(View& view, const Args& args) {
  const bool large = args.word(0) == k2m;
  const auto leaf = leaf_of(view, fault_gpa(view), large ? 2 : 1, true);
  if (!leaf) return ActionResult::done();
  const svm::RmpResult result = machine::host_rmpupdate(
      view, leaf->frame,
      svm::rmp_operand({.gpa = leaf->gpa,
                        .assigned = true,
                        .size = large ? svm::RmpPageSize::k2M : svm::RmpPageSize::k4K,
                        .asid = view.setup().asid}));
  if (!result.ends() || result.code != svm::RmpCode::kSuccess) {
    view.end_vm(Outcome(OutcomeKind::kUnspecified,
                        "a page was to be assigned to the guest, and RMPUPDATE refuses"));
  }
  return ActionResult::done();
}

ActionResult psmash_page(View& view, const Args&) {
  const Backed place = backed(view, fault_gpa(view).align_down(kSize2M), true);
  const auto frame = machine::backing_page(view.store(), place.backing, place.page).frame;
  if (frame) machine::host_psmash(view, *frame);
  return ActionResult::done();
}

unsigned reserved_address(const View& view) {
  return view.setup().cpu.host_reserved_address() != 0;
}

ActionResult install_mmio(View& view, const Args&) {
  const std::uint64_t word =
      view.setup().cpu.host_reserved_address() | svm::kEntryP | svm::kEntryRw | svm::kEntryUs;
  write_entry(view, fault_gpa(view), 1, word);
  view.say("trace", [&] {
    return machine::EventFields{{"event", std::string("mark_mmio_spte")},
                                {"gfn", Hex{fault_gpa(view).page_number()}},
                                {"spte", Hex{word}}};
  });
  return ActionResult::done();
}

ActionResult new_root(View& view, const Args&) {
  const HostPhysAddr root = machine::allocate_frame(view.store());
  kList.at(view.store(), 0).set(list::kRoot, root.value);
  for (unsigned vcpu = 0; vcpu < view.setup().vcpus; ++vcpu) {
    svm::vcpu_record(view.store(), vcpu).control.ncr3 = root.value;
  }
  return ActionResult::done();
}

// A page that is mapped before the first instruction: with the guest's own where it has any.
ActionResult map_ahead(View& view, const Args& args) {
  const GuestPhysAddr gpa(args.get(0));
  const machine::Region* region = view.setup().region_at(gpa);
  if (region == nullptr || region->backing == machine::kNoBacking) return ActionResult::done();
  bool from_gmem = false;
  if (view.setup().snp() && region->gmem != machine::kNoBacking) {
    const Backed place = backed(view, gpa, true);
    from_gmem = machine::backing_page(view.store(), place.backing, place.page).frame.has_value();
  }
  if (const auto leaf = leaf_of(view, gpa, 1, from_gmem)) install(view, *leaf, true);
  return ActionResult::done();
}

}  // namespace

void add_mapping(rules::Vocabulary& v) {
  v.add(fact<reserved_address>("reserved_address", {"none", "some"},
                               "address bits that this processor reserves in a nested entry"));
  v.add(action<new_root>("new_root", {}, "the nested root", "an empty one"));
  v.add(action<map_ahead>("map_ahead", {value_arg("gpa")}, "a nested entry",
                          "a page that the scenario begins with"));
  v.add(action<map_page>(
      "map_page", {word_arg("rights", {"rw", "r"}), word_arg("size", {"4k", "2m"})},
      "a nested entry", "the region's page at the fault: guest_memfd's if the access was private"));
  v.add(action<assign_page>("assign_page", {word_arg("size", {"4k", "2m"})}, "the RMP",
                            "RMPUPDATE: guest_memfd's page at the fault is the guest's"));
  v.add(
      action<psmash_page>("psmash_page", {}, "the RMP", "PSMASH of the 2 MByte around the fault"));
  v.add(action<install_mmio>("install_mmio", {}, "a nested entry",
                             "present, with every address bit that the processor reserves"));
}

}  // namespace nptsim::given
