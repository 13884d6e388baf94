// SNP guests: pages of guest_memfd, RMP changes, exits with KVM_EXIT_MEMORY_FAULT and
// KVM_EXIT_HYPERCALL.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "models/kernel/kvm/gmem.h"
#include "models/kernel/kvm/launch.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/ghcb.h"
#include "sim/machine/rmp_host.h"

namespace nptsim::kvm {
namespace {

namespace uapi = kvm_uapi;
using machine::Hex;

// kvm_prepare_memory_fault_exit: the page, and what the access was.
ActionResult memory_fault_exit(View& view, const Args&) {
  const bool is_private = (view.exit_record().exit_info_1 & svm::kErrorEnc) != 0;
  uapi::exit_for_memory_fault(view, fault_gpa(view).page_base(), is_private);
  return ActionResult::done();
}

// kvm_gmem_get_folio: a large one, if it can be.
ActionResult large_folio_of_fault(View& view, const Args&) {
  const auto place = gmem_of(view.store(), fault_gfn(view));
  NPTSIM_CHECK(place.has_value());
  allocate_large_folio(view, *place);
  return ActionResult::done();
}

// kvm_gmem_get_pfn: the folio is zeroed at its first use.
ActionResult pin_gmem(View& view, const Args&) {
  const auto place = gmem_of(view.store(), fault_gfn(view));
  NPTSIM_CHECK(place.has_value());
  const auto found = slot_of(view.store(), fault_gfn(view));
  const bool known =
      machine::backing_page(view.store(), place->backing, place->page).frame.has_value();
  const HostPhysAddr frame = machine::populate(view.store(), place->backing, place->page);
  set_fault_page(view, frame, !found->readonly);
  return ActionResult::done().give(0, known ? 1 : 0).note(frame.value);
}

// sev_gmem_prepare: rmp_make_private, assigned and not immutable.
ActionResult make_private(View& view, const Args& args) {
  constexpr unsigned kSmall = 0;
  const auto size = args.word(0) == kSmall ? svm::RmpPageSize::k4K : svm::RmpPageSize::k2M;
  const HostPhysAddr frame(vcpu_of(static_cast<const View&>(view)).get(vcpu::kFaultFrame));
  return give(make_private_page(view, frame.align_down(svm::bytes_of(size)),
                                fault_gpa(view).align_down(svm::bytes_of(size)), size, false));
}

HostPhysAddr gmem_frame(const View& view) {
  const auto place = gmem_of(view.store(), fault_gfn(view));
  NPTSIM_CHECK(place.has_value());
  const auto frame = machine::backing_page(view.store(), place->backing, place->page).frame;
  NPTSIM_CHECK(frame.has_value());
  return *frame;
}

// snp_rmptable_psmash: PSMASH of the 2-MByte-aligned page.
ActionResult psmash_page(View& view, const Args&) {
  const svm::RmpResult result = machine::host_psmash(view, gmem_frame(view).align_down(kSize2M));
  vcpu_of(view).set(vcpu::kPsmashRet, static_cast<std::uint64_t>(result.code));
  const bool good = result.ends() && result.code == svm::RmpCode::kSuccess;
  return ActionResult::done().give(0, good ? 0 : 1);
}

// kvm_zap_gfn_range(gfn, gfn + 512): from the faulting gfn on, not from the aligned one.
ActionResult zap_rmp_range(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  const auto entry = tables.find(fault_gpa(view));
  // A large leaf goes as a whole.
  if (entry.level > 1 && has_bit(entry.word, kSpteMmuPresent)) tables.write(entry, 0);
  tables.for_present_leaves(fault_gfn(view), 512, [](std::uint64_t) { return std::uint64_t{0}; });
  flush_tlbs(view);
  return ActionResult::done();
}

ActionResult trace_rmp_fault(View& view, const Args& args) {
  view.say("trace", [&] {
    return machine::EventFields{{"event", std::string("kvm_rmp_fault")},
                                {"gpa", Hex{fault_gpa(view).value}},
                                {"pfn", Hex{gmem_frame(view).page_number()}},
                                {"error_code", Hex{fault_error_code(view)}},
                                {"rmp_level", std::uint64_t{args.get(0)}},
                                {"psmash_ret", vcpu_of(std::as_const(view)).get(vcpu::kPsmashRet)}};
  });
  vcpu_of(view).set(vcpu::kPsmashRet, 0);
  return ActionResult::done();
}

// A line that only the host's log shows.
ActionResult log_rmp_fault(View& view, const Args& args) {
  constexpr const char* kTexts[] = {
      "SEV: Unexpected RMP fault for non-private GPA",
      "SEV: Unexpected RMP fault, non-private slot for GPA",
      "SEV: Unexpected RMP fault, no backing page for private GPA",
      "SEV: Unexpected RMP fault, no assigned RMP entry found for GPA",
      "SEV: Unable to split RMP entry for GPA"};
  view.say("text", {{"text", std::string(kTexts[args.word(0)])}});
  return ActionResult::done();
}

// kvm_vm_set_mem_attributes: the leaves of the range go, then the attribute changes. Contents and
// RMP stay as they are.
ActionResult store_attributes(View& view, const Args&) {
  namespace attributes = uapi::attributes;
  const ConstRecord request = uapi::kAttributesRequest.at(std::as_const(view).store(), 0);
  const std::uint64_t first = request.get(attributes::kAddress) >> kPageShift;
  const std::uint64_t count = request.get(attributes::kSize) >> kPageShift;
  tables_of(view).for_present_leaves(first, count, [](std::uint64_t) { return std::uint64_t{0}; });
  flush_tlbs(view);
  set_private_gfns(view.store(), first, count, request.get(attributes::kPrivate) != 0);
  view.say("attributes", {{"gpa", Hex{first << kPageShift}},
                          {"size", Hex{count << kPageShift}},
                          {"private", request.get(attributes::kPrivate) != 0}});
  return ActionResult::done();
}

// --- the GHCB MSR protocol ---

ActionResult msr_preferred_gpa(View& view, const Args&) {
  constexpr std::uint64_t kNone = bit_range(63, 12);  // GHCB_MSR_PREF_GPA_NONE
  view.control().ghcb_msr = kNone | svm::ghcb::kMsrPreferredGpa;
  return ActionResult::done();
}

ActionResult msr_register_gpa(View& view, const Args&) {
  const std::uint64_t gpa = view.control().ghcb_msr & ~kPageMask;
  vcpu_of(view).set(vcpu::kRegisteredGhcb, gpa);
  view.control().ghcb_msr = gpa | svm::ghcb::kMsrRegisterGpa;
  return ActionResult::done();
}

// snp_begin_psc_msr: KVM_EXIT_HYPERCALL, KVM_HC_MAP_GPA_RANGE.
ActionResult request_map_gpa_range(View& view, const Args&) {
  const std::uint64_t msr = view.control().ghcb_msr;
  const std::uint64_t gpa = get_bits(msr, 51, 12) << kPageShift;
  const bool is_private = get_bits(msr, 55, 52) == 1;
  uapi::exit_for_map_gpa_range(view, gpa, 1, is_private);
  return ActionResult::done();
}

// GHCB_MSR_PSC_RESP_ERROR sets bit 63: "highest bit as a generic error response".
ActionResult msr_page_state(View& view, const Args& args) {
  view.control().ghcb_msr = (args.word(0) == 0 ? 0 : bit(63)) | svm::ghcb::kMsrPageState;
  return ActionResult::done();
}

}  // namespace

void add_snp_actions(rules::Vocabulary& v) {
  v.add(given("rmp_changed", {"done", "failed"}, "what RMPUPDATE or PSMASH answered"));
  v.add(action<memory_fault_exit>("memory_fault_exit", {}, "kvm_run",
                                  "KVM_EXIT_MEMORY_FAULT: page, size, flags of the access"));
  v.add(given("gmem_folio", {"fresh", "known"}, "the page of guest_memfd was used before"));
  v.add(action<large_folio_of_fault>("allocate_large_folio", {}, "512 pages of guest_memfd",
                                     "where the file has room and none of them is there"));
  v.add(giving({"gmem_folio"},
               action<pin_gmem>("pin_gmem", {}, "the page of guest_memfd, if it has no frame yet",
                                "kvm_gmem_get_pfn")));
  v.add(giving({"rmp_changed"},
               action<make_private>("make_private", {word_arg("size", {"4k", "2m"})},
                                    "an RMP entry", "rmp_make_private: assigned, not validated")));
  v.add(giving({"rmp_changed"}, action<psmash_page>("psmash_page", {}, "512 RMP entries",
                                                    "PSMASH of the 2-MByte page")));
  v.add(action<zap_rmp_range>("zap_rmp_range", {}, "nested leaves",
                              "those of 512 gfns from the faulting one on"));
  v.add(action<trace_rmp_fault>("trace_rmp_fault", {number_arg("level", 2)}, "nothing",
                                "the kvm_rmp_fault line"));
  v.add(action<log_rmp_fault>(
      "log_rmp_fault",
      {word_arg("text", {"shared", "no-gmem", "no-page", "no-entry", "not-split"})}, "nothing",
      "a line in the host's log"));
  v.add(action<store_attributes>("store_attributes", {}, "attributes, nested leaves of the range",
                                 "KVM_SET_MEMORY_ATTRIBUTES"));
  v.add(action<msr_preferred_gpa>("msr_preferred_gpa", {}, "the GHCB MSR", "none is preferred"));
  v.add(action<msr_register_gpa>("msr_register_gpa", {}, "the GHCB MSR, the registered GHCB",
                                 "any address is accepted"));
  v.add(action<request_map_gpa_range>("request_map_gpa_range", {}, "kvm_run",
                                      "KVM_EXIT_HYPERCALL, KVM_HC_MAP_GPA_RANGE for one page"));
  v.add(action<msr_page_state>("msr_page_state", {word_arg("result", {"done", "failed"})},
                               "the GHCB MSR", "the answer to a page-state change"));
}

}  // namespace nptsim::kvm
