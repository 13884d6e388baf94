// What the fault path changes: MMIO cache, SPTEs.
#include <algorithm>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "models/kernel/kvm/gmem.h"
#include "sim/arch/svm/entry.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/exits.h"

namespace nptsim::kvm {
namespace {

using machine::EventFields;
using machine::Hex;

// KVM's own bit of the error code, PFERR_PRIVATE_ACCESS, is set before.
template <class AnyView>
ActionResult trace_page_fault(AnyView& view, const Args& args) {
  constexpr unsigned kU32 = 0;
  view.say("trace", [&] {
    const std::uint64_t error = fault_error_code(view);
    return kvm_uapi::page_fault_line(view, args.word(0) == kU32 ? get_bits(error, 31, 0) : error);
  });
  return ActionResult::done();
}

// vcpu_cache_mmio_info: nothing is cached while the slots change.
ActionResult fill_mmio_cache(View& view, const Args&) {
  const ConstRecord vm = vm_of(static_cast<const View&>(view));
  if (vm.get(vm::kUpdating)) return ActionResult::done();
  const Record vcpu = vcpu_of(view);
  vcpu.set(vcpu::kCacheValid, 1);
  vcpu.set(vcpu::kCacheGfn, fault_gfn(view));
  const std::uint64_t index = vcpu.base() + vcpu::kCacheGeneration.word;
  view.store().write_stamped({Space::kKernel, index}, vm.get(vm::kGeneration), kGenerationCounter,
                             kWholeGenerationStamp);
  return ActionResult::done();
}

ActionResult install_mmio(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  const ConstRecord vm = vm_of(static_cast<const View&>(view));
  const std::uint64_t spte =
      make_mmio_spte(vm.get(vm::kMmioValue), vm.get(vm::kGeneration), fault_gpa(view).value);
  const auto entry = tables.find_or_make(fault_gpa(view));
  tables.write_mmio(entry, spte);
  view.say("trace", [&] {
    return EventFields{{"event", std::string("mark_mmio_spte")},
                       {"gfn", Hex{fault_gfn(view)}},
                       {"spte", Hex{spte}},
                       {"spa", Hex{entry.spa.value}}};
  });
  return ActionResult::done().note(spte);
}

// hva_to_pfn found a page: which, and whether it may be mapped writable.
ActionResult pin_pfn(View& view, const Args&) {
  const auto found = slot_of(view.store(), fault_gfn(view));
  NPTSIM_CHECK(found.has_value());
  const auto page = machine::backing_page(view.store(), found->backing, found->page);
  const HostPhysAddr frame =
      page.frame ? *page.frame : machine::populate(view.store(), found->backing, found->page);
  const bool host_writable = page.protection == machine::HostProtection::kReadWrite;
  set_fault_page(view, frame, host_writable && !found->readonly);
  return ActionResult::done().note(frame.value);
}

// tdp_mmu_map_handle_target_level: a leaf that takes the place of a table needs a flush.
ActionResult install_spte(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  const unsigned level = goal_level(view);
  const std::uint64_t spte = spte_of_fault(view);
  if (tables.put(fault_gpa(view), level, spte)) flush_tlbs(view);
  const auto entry = tables.find(fault_gpa(view));
  vcpu_of(view).set(vcpu::kFaultFrame, 0);
  view.say("trace", [&] {
    return EventFields{{"event", std::string("kvm_mmu_set_spte")},
                       {"gfn", Hex{fault_gfn(view)}},
                       {"spte", Hex{spte}},
                       {"level", std::uint64_t{level}},
                       {"spa", Hex{entry.spa.value}}};
  });
  return ActionResult::done().note(spte);
}

// fast_page_fault lifts KVM's own write protection.
ActionResult make_writable(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  const auto entry = tables.find(fault_gpa(view));
  tables.write(entry, entry.word | svm::kEntryRw | svm::kEntryD);
  return ActionResult::done();
}

// Private where the attribute says so: kvm_arch_vcpu_pre_fault_memory.
void ask_as_attribute(View& view, svm::ExitRecord& exit) {
  const bool is_private = view.setup().snp() && is_private_gfn(view.store(), fault_gfn(view));
  if (is_private) exit.exit_info_1 |= svm::kErrorEnc;
}

// A fault that nobody took, as KVM_PRE_FAULT_MEMORY makes one: sets a machine up.
void begin_fault(View& view, std::uint64_t gpa, std::uint64_t error_code) {
  svm::ExitRecord& exit = svm::vcpu_record(view.store(), view.vcpu()).exit;
  exit.exit_code = svm::exit_code::kNpf;
  exit.exit_info_1 = error_code;
  exit.exit_info_2 = gpa;
  ask_as_attribute(view, exit);
}

ActionResult synthetic_fault(View& view, const Args& args) {
  begin_fault(view, args.get(0),
              svm::kErrorFinal | svm::kErrorUs | (args.get(1) ? svm::kErrorRw : 0));
  return ActionResult::done();
}

// KVM_PRE_FAULT_MEMORY: the next page of its range, read.
Record pre_fault_of(View& view) { return kvm_uapi::kPreFaultRequest.at(view.store(), 0); }
ConstRecord pre_fault_of(const View& view) {
  return kvm_uapi::kPreFaultRequest.at(view.store(), 0);
}

unsigned pre_fault_shape(const View& view) {
  namespace request = kvm_uapi::pre_fault;
  const std::uint64_t gpa = pre_fault_of(view).get(request::kGpa);
  const std::uint64_t size = pre_fault_of(view).get(request::kSize);
  return ((gpa | size) & kPageMask) == 0 && gpa + size > gpa;
}
unsigned pre_fault_left(const View& view) {
  return pre_fault_of(view).get(kvm_uapi::pre_fault::kSize) != 0;
}
unsigned pre_fault_progress(const View& view) {
  return pre_fault_of(view).get(kvm_uapi::pre_fault::kProgress) != 0;
}

ActionResult pre_fault_begin(View& view, const Args&) {
  begin_fault(view, pre_fault_of(view).get(kvm_uapi::pre_fault::kGpa), svm::kErrorFinal);
  return ActionResult::done();
}

// kvm_arch_vcpu_pre_fault_memory: to the end of what the new entry maps.
ActionResult pre_fault_advance(View& view, const Args&) {
  namespace request = kvm_uapi::pre_fault;
  const Record record = pre_fault_of(view);
  const std::uint64_t gpa = record.get(request::kGpa), size = record.get(request::kSize);
  const std::uint64_t page = size_of_level(goal_level(view)), mapped = page - gpa % page;
  record.set(request::kGpa, gpa + std::min(size, mapped));
  record.set(request::kSize, size - std::min(size, mapped));
  record.set(request::kProgress, 1);
  return ActionResult::done();
}

ActionResult end_synthetic_fault(View& view, const Args&) {
  svm::vcpu_record(view.store(), view.vcpu()).exit = {};
  return ActionResult::done();
}

}  // namespace

void add_fault_actions(rules::Vocabulary& v) {
  rules::ActionDef trace = open_action<trace_page_fault<OpenView>>(
      "trace_page_fault", {word_arg("error_code", {"u32", "u64"})}, "nothing",
      "the kvm_page_fault line");
  trace.sealed = rules::action_of<SealedView, trace_page_fault<SealedView>>;
  v.add(trace);
  v.add(action<fill_mmio_cache>("fill_mmio_cache", {}, "the vCPU's MMIO cache",
                                "vcpu_cache_mmio_info"));
  v.add(action<install_mmio>("install_mmio", {}, "a nested entry",
                             "mark_mmio_spte: a present entry with reserved bits, the gfn and the "
                             "generation"));
  v.add(action<pin_pfn>("pin_pfn", {}, "the host page, if it has no frame yet",
                        "hva_to_pfn: the frame behind the slot, and whether it may be written"));
  v.add(action<install_spte>("install_spte", {}, "a nested entry",
                             "make_spte, of the size that was chosen"));
  v.add(action<make_writable>("make_writable", {}, "a nested entry", "fast_pf_fix_direct_spte"));
  v.add(action<synthetic_fault>("synthetic_fault", {value_arg("gpa"), value_arg("write")},
                                "the exit record", "a fault that the guest did not take"));
  v.add(fact<pre_fault_shape>("pre_fault.shape", {"bad", "ok"}, "whole pages, some, and no wrap"));
  v.add(fact<pre_fault_left>("pre_fault.left", kNoYes, "the range is not done yet"));
  v.add(
      fact<pre_fault_progress>("pre_fault.progress", {"none", "some"}, "pages done in this call"));
  v.add(action<pre_fault_begin>("pre_fault_begin", {}, "the exit record",
                                "a read of the range's next page that the guest did not make"));
  v.add(action<pre_fault_advance>("pre_fault_advance", {}, "struct kvm_pre_fault_memory",
                                  "one page further"));
  v.add(action<end_synthetic_fault>("end_synthetic_fault", {}, "the exit record",
                                    "leaves no trace of it"));
}

}  // namespace nptsim::kvm
