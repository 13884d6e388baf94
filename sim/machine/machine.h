// A machine: one value, and one function that moves it by one atomic step of one actor.
//
// What is written here holds for any kernel, VMM and guest: actors, frames, who runs next in a
// vCPU's thread, where control goes after an exit. What they decide is in their rules.
#ifndef NPTSIM_SIM_MACHINE_MACHINE_H_
#define NPTSIM_SIM_MACHINE_MACHINE_H_

#include <initializer_list>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "sim/arch/svm/exits.h"
#include "sim/machine/view.h"
#include "sim/rules/run.h"

namespace nptsim::machine {

enum class Stepped : std::uint8_t {
  kRan,
  kWaits,  // for a fact that somebody else has to change; nothing happened
  kEnded,  // this actor is finished, or the VM is
};

// What one step was, for whoever judges cycles.
struct StepNote {
  Stepped result = Stepped::kRan;
  bool retired = false;   // an instruction or an access of the guest took effect
  bool in_guest = false;  // the guest was (re)entered
  bool in_vmm = false;    // user space ran
};

class Machine {
 public:
  explicit Machine(std::shared_ptr<const Setup> setup);

  // Copies share memory until one side writes (sim/base/store.h). A copy has no listeners.
  Machine(const Machine& other);
  Machine& operator=(const Machine&) = delete;

  // Moves `actor` (a vCPU's number or kVmmActor) by one step. Never throws.
  StepNote step(unsigned actor);
  // False if the actor is finished, waits, or the VM has ended.
  bool enabled(unsigned actor);

  StoreHash hash() const { return store_.hash(); }
  const Setup& setup() const { return *setup_; }
  Store& store() { return store_; }
  const Store& store() const { return store_; }

  // Runs a procedure of the VMM or the kernel at once, to its end, as `actor`: for setting a
  // machine up. False if it ended the VM or can never end.
  bool run_to_end(unsigned actor, Layer layer, rules::ProcedureId procedure,
                  std::span<const std::uint64_t> locals);
  bool run_to_end(unsigned actor, Layer layer, rules::ProcedureId procedure,
                  std::initializer_list<std::uint64_t> locals = {}) {
    return run_to_end(actor, layer, procedure, std::span(locals.begin(), locals.size()));
  }

  // How the VM, and each vCPU, ended; nothing while they go on.
  const std::optional<Outcome>& vm_outcome() const { return vm_outcome_; }
  const std::optional<Outcome>& vcpu_outcome(unsigned vcpu) const { return vcpu_outcomes_[vcpu]; }
  const std::set<std::string>& harm() const { return harm_; }
  // Instructions that are not modelled, with their place: bad input, not an outcome.
  const std::vector<std::string>& input_errors() const { return input_errors_; }
  const std::vector<std::string>& failed_checks() const { return failed_checks_; }
  // The vCPU sleeps in HLT: with nothing to wake it, that is the end of its program.
  bool halted(unsigned vcpu) const {
    return svm::vcpu_record(store_, vcpu).exit.exit_code == svm::exit_code::kHlt &&
           !svm::vcpu_record(store_, vcpu).pending.in_guest;
  }
  // The text of the line or the procedure at which an actor stands.
  std::string place_of(unsigned actor);

  // A harm flag, once.
  void raise_harm(const std::string& flag);
  // The host's view of dram, with the keys that this machine has.
  arch::PhysicalMemory memory();

  void listen(Narrator* narrator) { narrator_ = narrator; }
  // A listener for every translation of the guest's accesses, beside the narrator.
  void monitor(svm::WalkListener* monitor) { monitor_ = monitor; }

 private:
  friend class View;
  friend class OpenView;
  friend class GuestView;

  template <class Use>
  auto at_place(unsigned vcpu, Use&& use);
  bool enter_guest(unsigned vcpu);
  StepNote guest_step(unsigned vcpu);
  bool at_iret(unsigned vcpu);
  StepNote directive_step(unsigned vcpu);
  StepNote rules_step(unsigned actor);
  StepNote after_attempt(unsigned vcpu, const svm::Attempt& attempt);
  void begin_directive(unsigned vcpu, std::uint64_t line_index);
  void enter_handler(unsigned vcpu, const isa::Event& event);
  rules::RunResult run_top(unsigned actor, ActorFrames& frames, bool fresh);
  const rules::Program& program_of(Layer layer) const;
  void push_call(unsigned actor, ActorFrames& frames, const rules::RunResult& stop);
  bool pop_answer(ActorFrames& frames, const rules::Answer& answer);
  void push_or_end(unsigned actor, bool pushed);
  void end_vcpu(unsigned vcpu, Outcome outcome);
  void speak(unsigned actor, Layer layer) {
    if (narrator_ != nullptr) [[unlikely]]
      name_speaker(actor, layer);
  }
  void name_speaker(unsigned actor, Layer layer);
  bool check_holds(unsigned vcpu, const Directive& directive);

  std::shared_ptr<const Setup> setup_;
  Store store_;
  svm::Cpu cpu_;
  std::optional<Outcome> vm_outcome_;
  std::vector<std::optional<Outcome>> vcpu_outcomes_;
  std::set<std::string> harm_;
  std::vector<std::string> input_errors_;
  std::vector<std::string> failed_checks_;

  // Within one step only: what an action of the guest's own software met or asked for.
  std::optional<svm::Attempt> pending_attempt_;
  std::uint64_t pending_native_until_ = 0;
  Narrator* narrator_ = nullptr;
  svm::WalkListener* monitor_ = nullptr;
};

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_MACHINE_H_
