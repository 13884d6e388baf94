#include "models/kernel/kvm/large_pages.h"

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "models/kernel/kvm/gmem.h"
#include "models/kernel/kvm/write_tracking.h"

namespace nptsim::kvm {
namespace {

std::uint64_t first_of(std::uint64_t gfn, unsigned level) {
  return gfn & ~(pages_of_level(level) - 1);
}

// kvm_mmu_gfn_disallow_lpage of a write-tracked page.
bool has_write_tracked(const Store& store, std::uint64_t gfn, unsigned level) {
  for (std::uint64_t i = 0; i < kVm.at(store, 0).get(vm::kTrackedCount); ++i) {
    const std::uint64_t tracked = kTracked.at(store, i).get(tracked::kGfn);
    if (first_of(tracked, level) == first_of(gfn, level)) return true;
  }
  return false;
}

// hugepage_has_attrs: not all of its pages are private, or shared.
bool is_mixed(const Store& store, std::uint64_t gfn, unsigned level) {
  return !are_alike(store, first_of(gfn, level), pages_of_level(level));
}

// host_pfn_mapping_level.
unsigned host_level_of(const Store& store, std::uint64_t gfn) {
  const auto found = slot_of(store, gfn);
  if (!found) return 1;
  return 1 + static_cast<unsigned>(machine::mapped_size(store, found->backing, found->page));
}

// --- facts ---

// Asked only of a gfn that has a slot.
template <unsigned level>
unsigned slot_of_size(const View& view) {
  if (!slot_record_of(view.store(), fault_gfn(view))) return 0;
  return static_cast<unsigned>(slot_fit(view.store(), fault_gfn(view), level));
}
template <unsigned level>
unsigned tracked_of_size(const View& view) {
  return has_write_tracked(view.store(), fault_gfn(view), level);
}
template <unsigned level>
unsigned attributes_of_size(const View& view) {
  return is_mixed(view.store(), fault_gfn(view), level);
}
unsigned host_level(const View& view) { return host_level_of(view.store(), fault_gfn(view)) - 1; }
unsigned slot_logs(const View& view) { return logs_dirty(view.store(), fault_gfn(view)); }

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

// tdp_mmu_split_huge_page, level by level: no flush, the translation stays what it was.
ActionResult split_large(View& view, const Args& args) {
  NestedTables tables = tables_of(view);
  for (auto entry = tables.find(fault_gpa(view)); entry.level > args.get(0);
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

// kvm_mmu_slot_try_split_huge_pages: to 4 KByte. Of 1 GByte the 2-MByte entries come first.
ActionResult split_slot(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  const GfnRange slot = range_of_request(view);
  for (std::uint64_t gfn = slot.first; gfn < slot.end; gfn = first_of(gfn, 2) + pages_of_level(2)) {
    const GuestPhysAddr gpa(gfn << kPageShift);
    for (auto entry = tables.find(gpa); entry.level > 1 && has_bit(entry.word, kSpteMmuPresent);
         entry = tables.find(gpa)) {
      tables.split(entry);
    }
  }
  return ActionResult::done();
}

// zap_collapsible_spte_range as it was: present leaves that are smaller than they could be go,
// their table stays. Within 2 MByte the largest size is the same for all.
ActionResult zap_collapsible_leaves(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  const GfnRange slot = range_of_request(view);
  for (std::uint64_t gfn = slot.first; gfn < slot.end; gfn = first_of(gfn, 2) + pages_of_level(2)) {
    const auto entry = tables.find(GuestPhysAddr(gfn << kPageShift));
    if (entry.level >= max_mapping_level(view.store(), gfn)) continue;
    tables.for_present_leaves(gfn, pages_of_level(2),
                              [](std::uint64_t) { return std::uint64_t{0}; });
  }
  flush_tlbs(view);
  return ActionResult::done();
}

// Calls each(gfn, level) for the tables of the slot that could be a large leaf, from above.
template <class Each>
void for_collapsible_tables(View& view, Each&& each) {
  const NestedTables tables = tables_of(std::as_const(view));
  const GfnRange slot = range_of_request(view);
  for (unsigned level = kLargestLevel; level > 1; --level) {
    const std::uint64_t pages = pages_of_level(level);
    for (std::uint64_t gfn = first_of(slot.first + pages - 1, level); gfn < slot.end;
         gfn += pages) {
      if (!tables.has_table(GuestPhysAddr(gfn << kPageShift), level)) continue;
      if (max_mapping_level(view.store(), gfn) >= level) each(gfn, level);
    }
  }
}

// zap_collapsible_spte_range: the table goes, with all that is in it.
ActionResult zap_collapsible_tables(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  for_collapsible_tables(view, [&](std::uint64_t gfn, unsigned level) {
    tables.put(GuestPhysAddr(gfn << kPageShift), level, 0);
  });
  flush_tlbs(view);
  return ActionResult::done();
}

// recover_huge_pages_range: the first present leaf tells what the large one is (make_huge_spte).
ActionResult recover_large(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  for_collapsible_tables(view, [&](std::uint64_t gfn, unsigned level) {
    std::uint64_t small = 0;
    tables.for_present_leaves(gfn, pages_of_level(level), [&](std::uint64_t leaf) {
      if (small == 0) small = leaf;
      return leaf;
    });
    if (small != 0) tables.put(GuestPhysAddr(gfn << kPageShift), level, make_large(small, level));
  });
  flush_tlbs(view);
  return ActionResult::done();
}

}  // namespace

SlotFit slot_fit(const Store& store, std::uint64_t gfn, unsigned level) {
  const SlotRecord record = slot_record_of(store, gfn);
  NPTSIM_CHECK(record);
  const std::uint64_t base = record.get(slot::kBaseGfn), pages = pages_of_level(level);
  // Every backing begins at a user address that is a multiple of 2 MByte, and of its host's page.
  const std::uint64_t user = record.get(slot::kOffset) >> kPageShift;
  if ((base ^ user) % pages != 0) return SlotFit::kMisaligned;
  const std::uint64_t first = first_of(gfn, level);
  const bool inside = first >= base && first + pages <= base + record.get(slot::kPages);
  return inside ? SlotFit::kInside : SlotFit::kEdge;
}

unsigned max_mapping_level(const Store& store, std::uint64_t gfn) {
  unsigned level = host_level_of(store, gfn);
  const auto disallowed = [&] {
    return slot_fit(store, gfn, level) != SlotFit::kInside ||
           has_write_tracked(store, gfn, level) || is_mixed(store, gfn, level);
  };
  while (level > 1 && disallowed()) --level;
  return level;
}

void add_large_pages(rules::Vocabulary& v) {
  v.add(fact<slot_logs>("slot_logs", kNoYes, "KVM_MEM_LOG_DIRTY_PAGES of the faulting gfn's slot"));
  const std::vector<std::string> fit = {"inside", "edge", "misaligned"}, alike = {"same", "mixed"};
  v.add(fact<slot_of_size<2>>(
      "slot_2m", fit, "the 2 MByte around the gfn, against its slot: lpage_info.disallow_lpage"));
  v.add(fact<slot_of_size<3>>("slot_1g", fit, "the same of the GByte around it"));
  v.add(fact<tracked_of_size<2>>("tracked_2m", kNoYes, "a gfn of these 2 MByte is write-tracked"));
  v.add(fact<tracked_of_size<3>>("tracked_1g", kNoYes, "a gfn of this GByte is write-tracked"));
  v.add(fact<attributes_of_size<2>>("attributes_2m", alike,
                                    "the memory attributes of these 2 MByte"));
  v.add(fact<attributes_of_size<3>>("attributes_1g", alike, "the memory attributes of this GByte"));
  v.add(fact<host_level>("host_level", {"4k", "2m", "1g"},
                         "host_pfn_mapping_level: the host's entry for the page"));
  v.add(fact<leaf_size>("leaf_size", {"none", "4k", "2m", "1g"},
                        "the present nested leaf of the gfn"));
  v.add(action<set_goal_level>("set_goal_level", {number_arg("level", 3)}, "fault.goal_level",
                               "the size that the gfn will be mapped with"));
  v.add(action<zap_large>("zap_large", {}, "a nested entry",
                          "the large leaf is cleared, and a flush"));
  v.add(
      action<split_large>("split_large", {number_arg("level", 2)}, "nested entries",
                          "tdp_mmu_split_huge_page, down to that level: 512 leaves each time that "
                          "say the same"));
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
