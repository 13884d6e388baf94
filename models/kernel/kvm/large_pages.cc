#include "models/kernel/kvm/large_pages.h"

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "models/kernel/kvm/gmem.h"
#include "models/kernel/kvm/write_tracking.h"

namespace nptsim::kvm {
namespace {

constexpr std::uint64_t kPages = kSize2M >> kPageShift;

std::uint64_t first_of(std::uint64_t gfn) { return gfn & ~(kPages - 1); }

// kvm_mmu_gfn_disallow_lpage of a write-tracked page.
bool has_write_tracked(const Store& store, std::uint64_t gfn) {
  for (std::uint64_t i = 0; i < kVm.at(store, 0).get(vm::kTrackedCount); ++i) {
    if (first_of(kTracked.at(store, i).get(tracked::kGfn)) == first_of(gfn)) return true;
  }
  return false;
}

// hugepage_has_attrs: not all 512 pages are private, or shared.
bool is_mixed(const Store& store, std::uint64_t gfn) {
  return !are_alike(store, first_of(gfn), kPages);
}

bool host_maps_2m(const Store& store, std::uint64_t gfn) {
  const auto found = slot_of(store, gfn);
  return found && machine::is_mapped_2m(store, found->backing, found->page);
}

// --- facts ---

// Asked only of a gfn that has a slot.
unsigned slot_2m(const View& view) {
  if (!slot_record_of(view.store(), fault_gfn(view))) return 0;
  return static_cast<unsigned>(slot_fit(view.store(), fault_gfn(view)));
}
unsigned tracked_2m(const View& view) { return has_write_tracked(view.store(), fault_gfn(view)); }
unsigned host_level(const View& view) { return host_maps_2m(view.store(), fault_gfn(view)); }
unsigned slot_logs(const View& view) { return logs_dirty(view.store(), fault_gfn(view)); }

unsigned attributes_2m(const View& view) { return is_mixed(view.store(), fault_gfn(view)); }

// The leaf where the walk for the faulting gfn ends. MMIO entries are none.
unsigned leaf_size(const View& view) {
  const auto entry = tables_of(view).find(fault_gpa(view));
  return has_bit(entry.word, kSpteMmuPresent) ? entry.level : 0;
}

// --- actions ---

ActionResult set_goal_level(View& view, const Args& args) {
  vcpu_of(view).set(vcpu::kGoalLevel, args.get(0));
  return ActionResult::done();
}

// tdp_mmu_zap_spte_atomic.
ActionResult zap_large(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  tables.write(tables.find(fault_gpa(view)), 0);
  flush_tlbs(view);
  return ActionResult::done();
}

// tdp_mmu_split_huge_page: no flush, the translation stays what it was.
ActionResult split_large(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  for (auto entry = tables.find(fault_gpa(view)); entry.level > 1;
       entry = tables.find(fault_gpa(view))) {
    tables.split(entry);
  }
  return ActionResult::done();
}

// --- dirty logging goes on or off ---

struct GfnRange {
  std::uint64_t first = 0, end = 0;  // gfns
};

// The slot of the memslot ioctl. The nested tables here are those of address space 0.
GfnRange range_of_request(const View& view) {
  namespace region = kvm_uapi::region;
  const ConstRecord request = kvm_uapi::kRegionRequest.at(view.store(), 0);
  if (request.get(region::kAddressSpace) != 0) return {};
  const auto index = slot_with_id(view.store(), 0, request.get(region::kSlot));
  NPTSIM_CHECK(index.has_value());
  const ConstRecord record = kSlots.at(view.store(), *index);
  const std::uint64_t first = record.get(slot::kBaseGfn);
  return {first, first + record.get(slot::kPages)};
}

// kvm_mmu_slot_try_split_huge_pages.
ActionResult split_slot(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  const GfnRange slot = range_of_request(view);
  for (std::uint64_t gfn = slot.first; gfn < slot.end; gfn = first_of(gfn) + kPages) {
    const auto entry = tables.find(GuestPhysAddr(gfn << kPageShift));
    if (entry.level > 1 && has_bit(entry.word, kSpteMmuPresent)) tables.split(entry);
  }
  return ActionResult::done();
}

// Calls each(gfn) for the first gfn of every whole 2 MByte that could be large and is mapped by a
// table.
template <class Each>
void for_collapsible(View& view, Each&& each) {
  const NestedTables tables = tables_of(std::as_const(view));
  const GfnRange slot = range_of_request(view);
  for (std::uint64_t gfn = first_of(slot.first + kPages - 1); gfn + kPages <= slot.end;
       gfn += kPages) {
    const bool has_table = tables.find(GuestPhysAddr(gfn << kPageShift)).level == 1;
    if (has_table && may_map_2m(view.store(), gfn)) each(gfn);
  }
}

// zap_collapsible_spte_range as it was: the present leaves go, their table stays.
ActionResult zap_collapsible_leaves(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  for_collapsible(view, [&](std::uint64_t gfn) {
    tables.for_present_leaves(gfn, kPages, [](std::uint64_t) { return std::uint64_t{0}; });
  });
  flush_tlbs(view);
  return ActionResult::done();
}

// zap_collapsible_spte_range: the table goes, with all that is in it.
ActionResult zap_collapsible_tables(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  for_collapsible(view,
                  [&](std::uint64_t gfn) { tables.put(GuestPhysAddr(gfn << kPageShift), 2, 0); });
  flush_tlbs(view);
  return ActionResult::done();
}

// recover_huge_pages_range: the first present leaf tells what the large one is (make_huge_spte).
ActionResult recover_large(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  for_collapsible(view, [&](std::uint64_t gfn) {
    std::uint64_t small = 0;
    tables.for_present_leaves(gfn, kPages, [&](std::uint64_t leaf) {
      if (small == 0) small = leaf;
      return leaf;
    });
    if (small != 0) tables.put(GuestPhysAddr(gfn << kPageShift), 2, make_large(small));
  });
  flush_tlbs(view);
  return ActionResult::done();
}

}  // namespace

SlotFit slot_fit(const Store& store, std::uint64_t gfn) {
  const SlotRecord record = slot_record_of(store, gfn);
  NPTSIM_CHECK(record);
  const std::uint64_t base = record.get(slot::kBaseGfn);
  // Every backing begins at a user address that is a multiple of 2 MByte.
  const std::uint64_t user = record.get(slot::kOffset) >> kPageShift;
  if ((base ^ user) % kPages != 0) return SlotFit::kMisaligned;
  const std::uint64_t first = first_of(gfn);
  const bool inside = first >= base && first + kPages <= base + record.get(slot::kPages);
  return inside ? SlotFit::kInside : SlotFit::kEdge;
}

bool may_map_2m(const Store& store, std::uint64_t gfn) {
  return slot_fit(store, gfn) == SlotFit::kInside && !has_write_tracked(store, gfn) &&
         !is_mixed(store, gfn) && host_maps_2m(store, gfn);
}

void add_large_pages(rules::Vocabulary& v) {
  v.add(fact<slot_logs>("slot_logs", kNoYes, "KVM_MEM_LOG_DIRTY_PAGES of the faulting gfn's slot"));
  v.add(fact<slot_2m>("slot_2m", {"inside", "edge", "misaligned"},
                      "the 2 MByte around the gfn, against its slot: lpage_info.disallow_lpage"));
  v.add(fact<tracked_2m>("tracked_2m", kNoYes, "a gfn of these 2 MByte is write-tracked"));
  v.add(fact<attributes_2m>("attributes_2m", {"same", "mixed"},
                            "the memory attributes of these 2 MByte"));
  v.add(fact<host_level>("host_level", {"4k", "2m"},
                         "host_pfn_mapping_level: the host's entry for the page"));
  v.add(fact<leaf_size>("leaf_size", {"none", "4k", "2m", "1g"},
                        "the present nested leaf of the gfn"));
  v.add(action<set_goal_level>("set_goal_level", {number_arg("level", 2)}, "fault.goal_level",
                               "the size that the gfn will be mapped with"));
  v.add(action<zap_large>("zap_large", {}, "a nested entry",
                          "the large leaf is cleared, and a flush"));
  v.add(action<split_large>("split_large", {}, "nested entries",
                            "tdp_mmu_split_huge_page: 512 small leaves that say the same"));
  v.add(action<split_slot>("split_slot", {}, "nested entries of the slot",
                           "kvm_mmu_slot_try_split_huge_pages"));
  v.add(action<zap_collapsible_leaves>("zap_collapsible_leaves", {}, "nested leaves of the slot",
                                       "small leaves where a large one could be"));
  v.add(action<zap_collapsible_tables>("zap_collapsible_tables", {}, "nested tables of the slot",
                                       "tables where a large leaf could be, MMIO entries and all"));
  v.add(action<recover_large>("recover_large", {}, "nested tables of the slot",
                              "a large leaf takes the place of a table"));
}

}  // namespace nptsim::kvm
