// SNP guests: the private side of a fault, the RMP, page-state changes, KVM_SET_MEMORY_ATTRIBUTES.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "models/kernel/kvm/gmem.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/machine/rmp_host.h"

namespace nptsim::kvm {
namespace {

namespace attributes = kvm_uapi::attributes;

// kvm_arch_has_private_mem: by the VM's type, which is SNP where the guest is.
unsigned has_private_mem(const View& view) { return view.setup().snp(); }
unsigned host_snp(const View& view) { return view.setup().cpu.checks_rmp(); }

unsigned fault_private(const View& view) { return is_private_fault(view); }
unsigned fault_attribute(const View& view) { return is_private_gfn(view.store(), fault_gfn(view)); }
unsigned mismatch(const View& view) {
  return has_private_mem(view) && fault_private(view) != fault_attribute(view);
}
unsigned slot_gmem(const View& view) { return gmem_of(view.store(), fault_gfn(view)).has_value(); }

// snp_lookup_rmpentry of the page of guest_memfd: assigned by its own entry, the level by the
// 2-MByte-aligned one.
unsigned fault_rmp(const View& view) {
  enum : unsigned { kNoPage, kUncovered, kUnassigned, k4K, k2M };
  const auto place = gmem_of(view.store(), fault_gfn(view));
  if (!place) return kNoPage;
  const auto frame = machine::backing_page(view.store(), place->backing, place->page).frame;
  if (!frame) return kNoPage;
  arch::PhysicalMemory memory = view.memory();
  const auto rmp = machine::rmp_of(view, memory);
  if (!rmp || !rmp->covers(*frame)) return kUncovered;
  if (rmp->aligned(*frame).speaks_for_2m()) return k2M;
  return rmp->own(*frame).assigned ? k4K : kUnassigned;
}

// __kvm_gmem_get_pfn: the order of the folio, if all of it is bound to the slot. A gfn that is not
// aligned as its place in the file counts for nothing here.
unsigned gmem_max_order(const View& view) {
  constexpr std::uint64_t kPages = svm::kPagesIn2M;
  const std::uint64_t gfn = fault_gfn(view);
  const auto place = gmem_of(view.store(), gfn);
  if (!place || (gfn - place->page) % kPages != 0) return 0;
  const SlotRecord slot = slot_record_of(view.store(), gfn);
  const std::uint64_t bound = slot.get(slot::kGmemOffset) >> kPageShift;
  const std::uint64_t first = place->page / kPages * kPages;
  if (first < bound || first + kPages > bound + slot.get(slot::kPages)) return 0;
  return large_folio(view.store(), *place).has_value();
}

// is_pfn_range_shared, of the 2 MByte around the page.
unsigned rmp_2m(const View& view) {
  const auto place = gmem_of(view.store(), fault_gfn(view));
  arch::PhysicalMemory memory = view.memory();
  const auto rmp = machine::rmp_of(view, memory);
  const auto frame =
      place ? machine::backing_page(view.store(), place->backing, place->page).frame : std::nullopt;
  if (!frame || !rmp || !rmp->table().covers_2m(*frame)) return 0;
  const HostPhysAddr first = frame->align_down(kSize2M);
  for (unsigned i = 0; i < svm::kPagesIn2M; ++i) {
    if (rmp->own(first + i * kPageSize).assigned) return 0;
  }
  return 1;
}

// PSMASH of the 2 MByte around the page fails while one of its entries is in use.
unsigned rmp_region(const View& view) {
  const auto place = gmem_of(view.store(), fault_gfn(view));
  if (!place) return 0;
  const auto frame = machine::backing_page(view.store(), place->backing, place->page).frame;
  arch::PhysicalMemory memory = view.memory();
  const auto rmp = machine::rmp_of(view, memory);
  if (!frame || !rmp || !rmp->table().covers_2m(*frame)) return 0;
  const HostPhysAddr region = frame->align_down(kSize2M);
  for (unsigned i = 0; i < svm::kPagesIn2M; ++i) {
    if (rmp->own(region + i * kPageSize).lock) return 1;
  }
  return 0;
}

// --- KVM_SET_MEMORY_ATTRIBUTES ---

ConstRecord attributes_request(const View& view) {
  return kvm_uapi::kAttributesRequest.at(view.store(), 0);
}
unsigned attributes_shape(const View& view) {
  const std::uint64_t gpa = attributes_request(view).get(attributes::kAddress);
  const std::uint64_t size = attributes_request(view).get(attributes::kSize);
  return size != 0 && ((gpa | size) & kPageMask) == 0 && gpa + size > gpa;
}
unsigned attributes_supported(const View& view) {
  return !attributes_request(view).get(attributes::kPrivate) || has_private_mem(view);
}

// --- the GHCB ---

// snp_begin_psc_msr: 1 private, 2 shared.
unsigned psc_operation(const View& view) {
  const std::uint64_t operation = get_bits(view.control().ghcb_msr, 55, 52);
  return operation == 1 ? 1 : operation == 2 ? 2 : 0;
}
unsigned psc_answer(const View& view) {
  return run_of(view).get(kvm_uapi::run::kHypercallRet) != 0;
}
unsigned ghcb_registered(const View& view) {
  return vcpu_of(view).get(vcpu::kRegisteredGhcb) == (view.control().ghcb_msr & ~kPageMask);
}

}  // namespace

void add_snp_facts(rules::Vocabulary& v) {
  constexpr bool kFixed = true;
  v.add(fact<has_private_mem>("private_mem", kNoYes, "kvm_arch_has_private_mem", kFixed));
  v.add(fact<host_snp>("host_snp", kNoYes,
                       "CC_ATTR_HOST_SEV_SNP: the host's kernel has set up the RMP", kFixed));
  v.add(fact<fault_private>("fault.private", kNoYes,
                            "PFERR_PRIVATE_ACCESS: EXITINFO1 bit 34 of an SNP guest", kFixed));
  v.add(fact<fault_attribute>("attribute", {"shared", "private"},
                              "KVM_MEMORY_ATTRIBUTE_PRIVATE of the faulting gfn"));
  v.add(fact<mismatch>("mismatch", kNoYes, "fault.private is not what the attribute says"));
  v.add(fact<slot_gmem>("slot_gmem", {"none", "some"}, "the slot has a guest_memfd"));
  v.add(fact<fault_rmp>("rmp", {"no-page", "uncovered", "unassigned", "4k", "2m"},
                        "the RMP entry of the gfn's page of guest_memfd"));
  v.add(fact<gmem_max_order>("gmem_max_order", {"0", "9"},
                             "max_order of kvm_gmem_get_pfn: 9 is a large folio, all in the slot"));
  v.add(fact<rmp_2m>("rmp_2m", {"some", "none"},
                     "whether any of the 512 pages around the page is assigned"));
  v.add(fact<rmp_region>("rmp_region", {"free", "held"},
                         "whether an RMP entry of the 2 MByte around the page is in use"));
  v.add(fact<attributes_shape>("attributes.shape", {"bad", "ok"},
                               "whole pages, at least one, no wrap"));
  v.add(fact<attributes_supported>("attributes.supported", kNoYes,
                                   "the VM may have what is asked for"));
  v.add(fact<psc_operation>("psc.operation", {"other", "private", "shared"},
                            "bits 55:52 of a page-state change by the MSR"));
  v.add(fact<psc_answer>("psc.answer", {"done", "failed"}, "kvm_run hypercall.ret"));
  v.add(fact<ghcb_registered>("ghcb_registered", kNoYes,
                              "the GHCB lies where the guest registered it"));
}

}  // namespace nptsim::kvm
