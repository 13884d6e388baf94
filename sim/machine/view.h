// What rules see of a machine. Confidentiality is a type here: a kernel's or a VMM's action gets an
// OpenView, which has the guest's registers, or a SealedView, which has not, and an action without
// a form for SealedView cannot be reached by the rules of an SEV-ES guest (sim/rules/check.h).
#ifndef NPTSIM_SIM_MACHINE_VIEW_H_
#define NPTSIM_SIM_MACHINE_VIEW_H_

#include <concepts>
#include <cstdint>
#include <string>

#include "sim/arch/common/physical_memory.h"
#include "sim/arch/svm/cpu.h"
#include "sim/arch/svm/vcpu.h"
#include "sim/arch/svm/walk_context.h"
#include "sim/machine/frames.h"
#include "sim/machine/host.h"
#include "sim/machine/narrator.h"
#include "sim/machine/outcome.h"
#include "sim/machine/setup.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::machine {

class Machine;

// What both sides of the wall see.
class View : public rules::Context {
 public:
  View(Machine& machine, unsigned actor, bool sealed);

  const Setup& setup() const { return *setup_; }
  Store& store() { return *store_; }
  const Store& store() const { return *store_; }
  // Through the host's own eyes: no guest key.
  arch::PhysicalMemory memory() const;

  // The vCPU whose thread this is; for the VMM's main thread vCPU 0.
  unsigned vcpu() const { return actor_ < kMaxVcpus ? actor_ : 0; }
  bool is_vcpu_thread() const { return actor_ < kMaxVcpus; }
  // What the processor told the host, and what the host tells the processor.
  const svm::ExitRecord& exit_record() const { return svm::vcpu_record(store(), vcpu()).exit; }
  const svm::VmcbControl& control() const { return svm::vcpu_record(store(), vcpu()).control; }
  svm::VmcbControl& control() { return svm::vcpu_record(store(), vcpu()).control; }
  // What entries mean to this processor.
  const svm::EntryRuleSets& entry_rules() const;

  // The VM ends here, for everyone.
  void end_vm(Outcome outcome);
  bool vm_ended() const;
  // No vCPU runs any more, each for this reason; the host goes on.
  void end_vcpus(const Outcome& outcome);
  void raise_harm(const std::string& flag);

  // Null when nobody listens.
  Narrator* narrator() const { return narrator_; }
  void say(const std::string& kind, EventFields fields);
  // The same where it happens often: `fields` is called if somebody listens.
  template <std::invocable Fields>
  void say(const std::string& kind, const Fields& fields) {
    if (narrator() != nullptr && narrator()->tells(kind)) [[unlikely]]
      narrator()->emit(kind, fields());
  }

 protected:
  Machine& machine() const { return *machine_; }
  unsigned actor() const { return actor_; }

 private:
  Machine* machine_;
  const Setup* setup_;
  Store* store_;
  Narrator* narrator_;
  unsigned actor_;
};

// A kernel or VMM that can read its guest's registers.
class OpenView final : public View {
 public:
  OpenView(Machine& machine, unsigned actor) : View(machine, actor, false) {}
  svm::VcpuRecord& vcpu_state();
  const svm::VcpuRecord& vcpu_state() const;
};

// A kernel or VMM whose guest has encrypted registers.
class SealedView final : public View {
 public:
  SealedView(Machine& machine, unsigned actor) : View(machine, actor, true) {}
};

// The guest's own software: everything goes through the processor, with the guest's rights.
class GuestView final : public View {
 public:
  GuestView(Machine& machine, unsigned actor) : View(machine, actor, false) {}

  isa::Registers& registers();
  const isa::Registers& registers() const;
  // False if the access did not happen: an exit or an exception is under way, and the action must
  // say that it stopped, to run again.
  bool access(svm::AccessKind kind, GuestVirtAddr address, void* data, unsigned size);
  // The guest's own translation of an address, by its tables, as software that reads them sees it:
  // nothing is set, nothing can fault (a table it cannot read ends the search).
  struct Lookup {
    bool present = false;
    bool c_bit = false;
    GuestPhysAddr gpa;
  };
  Lookup lookup(GuestVirtAddr address) const;
  // Bytes of the guest's own memory by such a lookup; false where it finds no mapping or no frame.
  bool peek(GuestVirtAddr address, void* data, unsigned size) const;
  // VMGEXIT: the exit is taken when the action is done.
  void vmgexit();
  // Runs the guest's own instructions at `begin` until RIP is `end`; the row after this action goes
  // on then. Registers and RIP are the caller's to save.
  void run_native(std::uint64_t begin, std::uint64_t end);
  // The guest asked for its end, or ended itself; of this vCPU only.
  void end_vcpu(Outcome outcome);
  // How many modelled handlers are nested, this one included.
  unsigned nesting() const;
  // How many of them are this procedure.
  unsigned nesting(rules::ProcedureId procedure) const;
};

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_VIEW_H_
