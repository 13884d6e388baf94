// A flag of KVM_EXIT_MEMORY_FAULT that no kernel has: the access is MMIO, not a conversion. For a
// proposal.
#include <utility>

#include "models/vmm/qemu/define.h"

namespace nptsim::qemu {
namespace {

using machine::Outcome;
using machine::OutcomeKind;

unsigned memory_fault_mmio(const View& view) {
  return static_cast<unsigned>(run_record(view).get(kvm_uapi::run::kFaultMmio));
}

// Stock QEMU prints the flags that it does not know (accel/kvm/kvm-all.c kvm_cpu_exec); the flag
// has no number yet. The other text is nobody's: it says what a person would have to be told.
ActionResult stop_for_mmio_fault(View& view, const Args& args) {
  const bool known = args.word(0) == 1;
  Outcome outcome(OutcomeKind::kVmKilled,
                  known ? "the guest wrote to a read-only slot, or to MMIO that it maps as private"
                        : "KVM_EXIT_MEMORY_FAULT: Unknown flag");
  outcome.who = "qemu";
  outcome.process_alive = true;
  view.end_vm(std::move(outcome));
  return ActionResult::done();
}

}  // namespace

void add_mmio_fault_flag(rules::Vocabulary& v) {
  v.add(fact<memory_fault_mmio>("memory_fault.mmio", kNoYes,
                                "the memory fault says that it is MMIO"));
  v.add(action<stop_for_mmio_fault>("stop_for_mmio_fault", {word_arg("flag", {"unknown", "known"})},
                                    "the outcome of the VM", "QEMU stops the VM"));
}

}  // namespace nptsim::qemu
