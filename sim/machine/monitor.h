// Harm monitors: what went wrong with data, whatever the outcome of the run.
//
// A monitor is a fold over the guest's accesses. These need no memory of their own; one that does
// keeps it in Space::kMonitor, so that it counts when machines are compared.
#ifndef NPTSIM_SIM_MACHINE_MONITOR_H_
#define NPTSIM_SIM_MACHINE_MONITOR_H_

#include "sim/arch/svm/walk_observer.h"
#include "sim/machine/machine.h"

namespace nptsim::machine {

// Judges every access that the guest's processor completes:
//   rom-modified          a guest's write reached the memory of a ROM or flash region
//   ciphertext-read       a data read went through another key than the one that wrote the block
//   host-memory-exposed   a data access reached memory that belongs to no region of the VM
// The VMM's rules raise `write-lost` themselves (View::raise_harm) when they drop a guest's write.
class AccessMonitor final : public svm::WalkListener {
 public:
  explicit AccessMonitor(Machine& machine) : machine_(&machine) {}
  void on_translated(const svm::Translated& translated, svm::RuleId rule) override;

 private:
  static bool never_written(const arch::PhysicalMemory& memory, HostPhysAddr address);

  Machine* machine_;
};

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_MONITOR_H_
