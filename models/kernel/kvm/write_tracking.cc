// Write-tracked gfns: Linux arch/x86/kvm/mmu/page_track.c, mmu.c kvm_mmu_unprotect_gfn_and_retry.
#include "models/kernel/kvm/write_tracking.h"

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"

namespace nptsim::kvm {
namespace {

std::optional<std::uint64_t> index_of(const Store& store, std::uint64_t gfn) {
  const std::uint64_t count = kVm.at(store, 0).get(vm::kTrackedCount);
  for (std::uint64_t i = 0; i < count; ++i) {
    if (kTracked.at(store, i).get(tracked::kGfn) == gfn) return i;
  }
  return std::nullopt;
}

unsigned write_tracked(const View& view) { return is_write_tracked(view.store(), fault_gfn(view)); }

// Of an SEV-ES guest KVM knows no RIP; nested guests cannot run in one.
std::uint64_t rip_of(const View& view) {
  if (view.sealed()) return 0;
  return static_cast<const OpenView&>(view).vcpu_state().registers.rip;
}

unsigned last_unprotect(const View& view) {
  const ConstRecord vcpu = vcpu_of(view);
  return vcpu.get(vcpu::kRetryValid) && vcpu.get(vcpu::kRetryRip) == rip_of(view) &&
         vcpu.get(vcpu::kRetryGpa) == fault_gpa(view).value;
}

// The last one takes its place.
void forget(Store& store, std::uint64_t index) {
  const std::uint64_t last = kVm.at(store, 0).get(vm::kTrackedCount) - 1;
  const Record gone = kTracked.at(store, last);
  kTracked.at(store, index).set(tracked::kGfn, gone.get(tracked::kGfn));
  gone.set(tracked::kGfn, 0);
  kVm.at(store, 0).set(vm::kTrackedCount, last);
}

bool was_unprotected(View& view) {
  const auto index = index_of(view.store(), fault_gfn(view));
  if (index) forget(view.store(), *index);
  view.say("text", {{"text", std::string(index ? "unprotected" : "nothing to unprotect")},
                    {"gfn", machine::Hex{fault_gfn(view)}}});
  return index.has_value();
}

// The shadow pages of the gfn go, so nobody needs to know of writes to it any more. The nested
// entry stays read-only until the next fault.
ActionResult unprotect_gfn(View& view, const Args&) {
  if (was_unprotected(view)) note_retry(view);
  return ActionResult::done();
}

}  // namespace

void set_write_tracked(Store& store, const std::vector<std::uint64_t>& gfns) {
  NPTSIM_CHECK(gfns.size() <= kMostWriteTracked);
  for (std::uint64_t i = 0; i < gfns.size(); ++i) {
    kTracked.at(store, i).set(tracked::kGfn, gfns[i]);
  }
  kVm.at(store, 0).set(vm::kTrackedCount, gfns.size());
}

bool is_write_tracked(const Store& store, std::uint64_t gfn) {
  return index_of(store, gfn).has_value();
}

void note_retry(machine::View& view) {
  const Record vcpu = vcpu_of(view);
  vcpu.set(vcpu::kRetryValid, 1);
  vcpu.set(vcpu::kRetryRip, rip_of(view));
  vcpu.set(vcpu::kRetryGpa, fault_gpa(view).value);
}

bool take_last_retry(machine::View& view) {
  const bool same = last_unprotect(view);
  const Record vcpu = vcpu_of(view);
  vcpu.set(vcpu::kRetryValid, 0);
  vcpu.set(vcpu::kRetryRip, 0);
  vcpu.set(vcpu::kRetryGpa, 0);
  return same;
}

void unprotect(machine::View& view) { was_unprotected(view); }

void add_write_tracking(rules::Vocabulary& v) {
  v.add(fact<write_tracked>("write_tracked", kNoYes,
                            "kvm_gfn_is_write_tracked: KVM shadows the gfn"));
  v.add(fact<last_unprotect>("last_unprotect", {"other", "same"},
                             "this RIP and address were unprotected and tried again last"));
  v.add(action<unprotect_gfn>("unprotect_gfn", {}, "the write-tracked gfns",
                              "kvm_mmu_unprotect_page: zaps the shadow pages of the gfn, if any"));
}

}  // namespace nptsim::kvm
