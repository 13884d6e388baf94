#include "sim/machine/view.h"

#include <utility>

#include "sim/arch/svm/exits.h"
#include "sim/machine/guest_lookup.h"
#include "sim/machine/machine.h"
#include "sim/machine/place.h"

namespace nptsim::machine {

View::View(Machine& machine, unsigned actor, bool sealed)
    : Context(sealed),
      machine_(&machine),
      setup_(machine.setup_.get()),
      store_(&machine.store_),
      narrator_(machine.narrator_),
      actor_(actor) {}

arch::PhysicalMemory View::memory() const { return machine_->memory(); }
const svm::EntryRuleSets& View::entry_rules() const { return machine_->cpu_.entry_rules(); }

void View::end_vm(Outcome outcome) {
  interrupt();
  if (!machine_->vm_outcome_) machine_->vm_outcome_ = std::move(outcome);
}
void View::end_vcpus(const Outcome& outcome) {
  for (unsigned vcpu = 0; vcpu < setup_->vcpus; ++vcpu) {
    const bool goes_on = ActorFrames(*store_, vcpu).state() == ActorState::kRunning;
    if (goes_on) machine_->end_vcpu(vcpu, outcome);
  }
}
bool View::vm_ended() const { return machine_->vm_outcome_.has_value(); }

void View::raise_harm(const std::string& flag) { machine_->raise_harm(flag); }

void View::say(const std::string& kind, EventFields fields) {
  if (narrator_ != nullptr && narrator_->tells(kind)) narrator_->emit(kind, std::move(fields));
}

svm::VcpuRecord& OpenView::vcpu_state() { return svm::vcpu_record(machine().store_, vcpu()); }
const svm::VcpuRecord& OpenView::vcpu_state() const { return svm::vcpu_record(store(), vcpu()); }

isa::Registers& GuestView::registers() {
  return svm::vcpu_record(machine().store_, vcpu()).registers;
}
const isa::Registers& GuestView::registers() const {
  return svm::vcpu_record(store(), vcpu()).registers;
}

bool GuestView::access(svm::AccessKind kind, GuestVirtAddr address, void* data, unsigned size) {
  Machine& m = machine();
  if (m.pending_attempt_) return false;  // an exit comes first
  const svm::Attempt attempt = m.at_place(vcpu(), [&](auto& place) {
    return m.cpu_.attempt_access(place, svm::GuestAccess{kind, address, size}, data);
  });
  if (attempt.kind == svm::AttemptKind::kRetired) return true;
  m.pending_attempt_ = attempt;
  return false;
}

GuestView::Lookup GuestView::lookup(GuestVirtAddr address) const {
  arch::PhysicalMemory dram = memory();
  const auto mapping = look_up(setup(), dram, registers(), address, setup().guest_key());
  if (!mapping) return {};
  return {true, mapping->c_bit, mapping->gpa};
}

bool GuestView::peek(GuestVirtAddr address, void* data, unsigned size) const {
  arch::PhysicalMemory dram = memory();
  return peek_guest(setup(), dram, svm::vcpu_record(store(), vcpu()), address, data, size);
}

void GuestView::vmgexit() {
  Machine& m = machine();
  NPTSIM_CHECK(!m.pending_attempt_);
  m.pending_attempt_ = m.at_place(
      vcpu(), [&](auto& place) { return m.cpu_.external_exit(place, svm::exit_code::kVmgexit); });
  interrupt();
}

void GuestView::run_native(std::uint64_t begin, std::uint64_t end) {
  registers().rip = begin;
  machine().pending_native_until_ = end;
  interrupt();
}

void GuestView::end_vcpu(Outcome outcome) {
  machine().end_vcpu(vcpu(), std::move(outcome));
  interrupt();
}

unsigned GuestView::nesting() const {
  return ActorFrames(machine().store_, vcpu()).count(Layer::kGuest);
}

unsigned GuestView::nesting(rules::ProcedureId procedure) const {
  return ActorFrames(machine().store_, vcpu()).count(Layer::kGuest, procedure);
}

}  // namespace nptsim::machine
