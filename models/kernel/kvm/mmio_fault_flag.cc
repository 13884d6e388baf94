// A flag of KVM_EXIT_MEMORY_FAULT that no kernel has: the access is MMIO, not a conversion. For a
// proposal.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"

namespace nptsim::kvm {
namespace {

ActionResult mark_mmio_fault(View& view, const Args&) {
  run_of(view).set(kvm_uapi::run::kFaultMmio, 1);
  return ActionResult::done();
}

}  // namespace

void add_mmio_fault_flag(rules::Vocabulary& v) {
  v.add(action<mark_mmio_fault>("mark_mmio_fault", {}, "kvm_run memory_fault.flags",
                                "behind memory_fault_exit: the access is MMIO"));
}

}  // namespace nptsim::kvm
