#include "sim/trace/outcome_class.h"

#include <algorithm>

namespace nptsim::trace {

using machine::OutcomeKind;

std::span<const OutcomeClass> outcome_classes() {
  using K = OutcomeKind;
  static const OutcomeClass kClasses[] = {
      {"progress", {K::kCompletes}, ""},
      {"pass", {K::kCompletes}, ""},
      {"fact", {}, "a fact of a part, no run"},
      {"spin", {K::kSpins}, ""},
      // Back in the VMM, which goes on or waits for something else.
      {"vmm_exit", {K::kCompletes, K::kWaits, K::kVmKilled}, ""},
      {"vmm_exit_error", {K::kVmKilled}, ""},
      {"refused", {K::kRefused, K::kVmKilled}, ""},
      {"guest_exception", {K::kException, K::kShutdown, K::kCompletes}, ""},
      // The process is the guest kernel's, which goes on: what the program sees is its exception.
      {"guest_process_killed", {K::kException, K::kCompletes}, ""},
      {"guest_stops",
       {K::kGuestTerminated, K::kException, K::kShutdown, K::kVmKilled, K::kSpins},
       ""},
      {"guest_terminated", {K::kGuestTerminated, K::kException, K::kVmKilled}, ""},
      {"guest_unusable", {K::kSpins, K::kRefused}, ""},
      {"guest_fails", {K::kVmKilled, K::kRefused, K::kGuestTerminated, K::kException}, ""},
      // Of one vCPU, as the recorder has it.
      {"exception", {K::kException}, ""},
      {"shutdown", {K::kShutdown}, ""},
      {"dma_fails", {K::kCompletes}, ""},
      {"silent_loss", {K::kCompletes}, ""},
      {"host_oops", {K::kHostFault}, ""},
      {"host_stall", {}, "the host's own stalls are not modelled"},
  };
  return kClasses;
}

const OutcomeClass* find_outcome_class(std::string_view name) {
  const auto classes = outcome_classes();
  const auto found = std::find_if(classes.begin(), classes.end(),
                                  [&](const OutcomeClass& one) { return one.name == name; });
  return found == classes.end() ? nullptr : &*found;
}

bool meets(const OutcomeClass& wanted, const machine::RunResult& run) {
  if (wanted.kinds.empty()) return true;
  const auto is_wanted = [&](const machine::Outcome& outcome) {
    return std::find(wanted.kinds.begin(), wanted.kinds.end(), outcome.kind) != wanted.kinds.end();
  };
  const bool by_vm = run.vm.kind != OutcomeKind::kCompletes && is_wanted(run.vm);
  return by_vm || std::any_of(run.vcpus.begin(), run.vcpus.end(), is_wanted);
}

}  // namespace nptsim::trace
