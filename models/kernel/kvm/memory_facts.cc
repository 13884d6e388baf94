// What KVM finds for the faulting address: the slot, the host's mapping, the nested entry.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "sim/arch/svm/entry.h"
#include "sim/arch/svm/exit_info.h"

namespace nptsim::kvm {
namespace {

unsigned slot_word(const View& view) {
  enum : unsigned { kNone, kRw, kReadonly, kInvalid };
  const SlotRecord record = slot_record_of(view.store(), fault_gfn(view));
  if (!record) return kNone;
  if (record.get(slot::kInvalid)) return kInvalid;
  return record.get(slot::kReadonly) ? kReadonly : kRw;
}

// "none" when there is no slot to have a host address.
unsigned hva(const View& view) {
  const auto found = slot_of(view.store(), fault_gfn(view));
  if (!found) return 0;
  const auto page = machine::backing_page(view.store(), found->backing, found->page);
  switch (page.protection) {
    case machine::HostProtection::kUnmapped:
      return 0;
    case machine::HostProtection::kNone:
      return 1;
    case machine::HostProtection::kRead:
      return 2;
    case machine::HostProtection::kReadWrite:
      return 3;
    case machine::HostProtection::kPfnmapRead:
      return 4;
    case machine::HostProtection::kPoisoned:
      return 5;
  }
  return 0;
}

unsigned gfn_in_width(const View& view) {
  const std::uint64_t max_gfn =
      bit_range(view.setup().cpu.maxphyaddr - 1, kPageShift) >> kPageShift;
  return fault_gfn(view) <= max_gfn;
}

enum EntryWord : unsigned { kEntryNone, kEntryAllows, kEntryDenies, kEntryMmio, kEntryBroken };

// The nested entry against the fault: what is_access_allowed and is_mmio_spte see. A reserved bit
// in any entry that KVM counts as present, at any level, comes first (get_mmio_spte); KVM computes
// those bits as the processor has them (reset_shadow_zero_bits_mask).
unsigned entry_word(const View& view) {
  constexpr bool kNxe = true;
  const svm::EntryRules& rules = view.entry_rules().nested(kNxe);
  bool reserved = false;
  const auto entry = tables_of(view).find(fault_gpa(view), [&](const NestedTables::Entry& passed) {
    if (!has_bit(passed.word, kSpteMmuPresent)) return;
    reserved |=
        svm::classify(passed.word, rules.at(passed.level)).kind == svm::EntryKind::kReserved;
  });
  if (reserved) return kEntryBroken;
  if (is_mmio_spte(entry.word, vm_of(view).get(vm::kMmioValue))) return kEntryMmio;
  if (!has_bit(entry.word, kSpteMmuPresent)) return kEntryNone;
  // is_access_allowed: a fetch is asked about first, then a write.
  const std::uint64_t error = view.exit_record().exit_info_1;
  if (error & svm::kErrorId) return entry.word & svm::kEntryNx ? kEntryDenies : kEntryAllows;
  const bool denied = (error & svm::kErrorRw) && !(entry.word & svm::kEntryRw);
  return denied ? kEntryDenies : kEntryAllows;
}

// tdp_mmu_map_handle_target_level: the entry that make_spte gives, against the one that is there.
unsigned new_entry(const View& view) {
  const auto now = tables_of(view).find(fault_gpa(view));
  return now.level != goal_level(view) || now.word != spte_of_fault(view);
}

unsigned mmu_writable(const View& view) {
  const auto entry = tables_of(view).find(fault_gpa(view));
  return has_bit(entry.word, kSpteMmuWritable) && has_bit(entry.word, kSpteHostWritable);
}

// check_mmio_spte: 19 bits of the memslot generation.
unsigned mmio_gen(const View& view) {
  const ConstRecord vm = vm_of(view);
  if (vm.get(vm::kUpdating)) return 2;
  const std::uint64_t now = vm.get(vm::kGeneration) % kMmioGenerationModulus;
  return mmio_generation_of(tables_of(view).find(fault_gpa(view)).word) == now ? 0 : 1;
}

// vcpu_match_mmio_gpa: an mmio_gfn of 0 stands for an empty cache, so gfn 0 is never found there.
unsigned mmio_cache(const View& view) {
  const ConstRecord vcpu = vcpu_of(view);
  const std::uint64_t gfn = fault_gfn(view);
  return gfn != 0 && vcpu.get(vcpu::kCacheValid) && vcpu.get(vcpu::kCacheGfn) == gfn &&
         vcpu.get(vcpu::kCacheGeneration) == vm_of(view).get(vm::kGeneration);
}

}  // namespace

void add_memory_facts(rules::Vocabulary& v) {
  v.add(fact<slot_word>("slot", {"none", "rw", "readonly", "invalid"},
                        "the memslot of the faulting gfn"));
  v.add(fact<hva>("hva", {"none", "prot-none", "read", "write", "pfnmap-read", "poisoned"},
                  "the host's mapping of the slot's page"));
  v.add(fact<gfn_in_width>("gfn_in_width", kNoYes, "gfn <= kvm_mmu_max_gfn()"));
  v.add(fact<entry_word>("entry", {"none", "allows", "denies", "mmio", "broken"},
                         "the nested entry of the gfn, against the access"));
  v.add(fact<new_entry>("new_entry", {"same", "other"},
                        "what make_spte gives, against the nested entry"));
  v.add(fact<mmu_writable>("mmu_writable", kNoYes, "SPTE bits 9 and 10"));
  v.add(fact<mmio_gen>("mmio_gen", {"current", "stale", "updating"},
                       "the generation in the MMIO SPTE against the memslots'"));
  v.add(fact<mmio_cache>("mmio_cache", {"miss", "hit"},
                         "the vCPU's MMIO cache holds the gfn, with the current generation"));
}

}  // namespace nptsim::kvm
