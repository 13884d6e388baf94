#include "sim/machine/machine.h"

#include <utility>

#include "sim/arch/svm/exits.h"
#include "sim/machine/guest_lookup.h"
#include "sim/machine/place.h"
#include "sim/rules/run.h"

namespace nptsim::machine {
namespace {

// Long enough for any start-up; a procedure that takes longer never ends.
constexpr unsigned kSetupSteps = 1'000'000;

StepNote ended() {
  StepNote note;
  note.result = Stepped::kEnded;
  return note;
}

StepNote guest_note() {
  StepNote note;
  note.in_guest = true;
  return note;
}

std::string name_of_actor(unsigned actor) {
  return actor == kVmmActor ? "vmm" : "vcpu" + std::to_string(actor);
}

}  // namespace

Machine::Machine(std::shared_ptr<const Setup> setup)
    : setup_(std::move(setup)), cpu_(setup_->cpu), vcpu_outcomes_(setup_->vcpus) {
  NPTSIM_CHECK(setup_->vcpus >= 1 && setup_->vcpus <= kMaxVcpus);
  for (unsigned vcpu = 0; vcpu < setup_->vcpus; ++vcpu) svm::reset_vcpu(store_, vcpu);
  const svm::RmpTable& rmp = setup_->cpu.rmp;
  if (setup_->cpu.checks_rmp())
    reserve_frames(store_, HostPhysAddr(rmp.base), rmp.end + 1 - rmp.base);
}

Machine::Machine(const Machine& other)
    : setup_(other.setup_),
      store_(other.store_),
      cpu_(setup_->cpu),
      vm_outcome_(other.vm_outcome_),
      vcpu_outcomes_(other.vcpu_outcomes_),
      harm_(other.harm_),
      input_errors_(other.input_errors_),
      failed_checks_(other.failed_checks_) {}

arch::PhysicalMemory Machine::memory() {
  return setup_->keyed() ? arch::PhysicalMemory(store_, setup_->seed)
                         : arch::PhysicalMemory(store_);
}

void Machine::name_speaker(unsigned actor, Layer layer) {
  narrator_->set_speaker({name_of_actor(actor), layer});
}

const rules::Program& Machine::program_of(Layer layer) const {
  switch (layer) {
    case Layer::kGuest:
      return *setup_->guest;
    case Layer::kKernel:
      return *setup_->kernel;
    case Layer::kVmm:
      return *setup_->vmm;
    default:
      NPTSIM_BUG("a layer without rules");
  }
}

StepNote Machine::step(unsigned actor) {
  if (vm_outcome_) return ended();
  ActorFrames frames(store_, actor);
  if (frames.state() != ActorState::kRunning) return ended();
  if (narrator_ != nullptr) narrator_->begin_step();
  if (frames.empty()) {
    if (actor == kVmmActor) return ended();
    return frames.directive() != 0 ? directive_step(actor) : guest_step(actor);
  }
  return frames.native() ? guest_step(actor) : rules_step(actor);
}

bool Machine::enabled(unsigned actor) {
  if (vm_outcome_) return false;
  ActorFrames frames(store_, actor);
  if (frames.state() != ActorState::kRunning) return false;
  if (frames.empty()) return actor != kVmmActor;
  if (frames.native() || frames.top_layer() == Layer::kGuest) return true;
  const rules::Program& program = program_of(frames.top_layer());
  if (setup_->sealed()) return rules::ready(program, frames.top(), SealedView(*this, actor));
  return rules::ready(program, frames.top(), OpenView(*this, actor));
}

// --- the guest's own instructions ---

bool Machine::enter_guest(unsigned vcpu) {
  if (svm::vcpu_record(store_, vcpu).pending.in_guest) return true;
  speak(vcpu, Layer::kCpu);
  const svm::Attempt entry = at_place(vcpu, [&](auto& place) { return cpu_.vmrun(place); });
  if (entry.kind == svm::AttemptKind::kRetired) return true;
  after_attempt(vcpu, entry);
  return false;
}

StepNote Machine::guest_step(unsigned vcpu) {
  StepNote note = guest_note();
  if (!enter_guest(vcpu)) return note;
  ActorFrames frames(store_, vcpu);
  const svm::VcpuRecord& v = svm::vcpu_record(store_, vcpu);
  const VcpuProgram& program = setup_->programs[vcpu];
  const std::uint64_t rip = v.registers.rip;
  const bool event_first = svm::event_inj_valid(v.pending.event);
  if (frames.empty()) frames.call_line() = 0;
  if (frames.empty() && rip == program.end && !event_first) {
    end_vcpu(vcpu, Outcome(OutcomeKind::kCompletes));
    return ended();
  }
  const bool iret = frames.native() && !event_first && at_iret(vcpu);
  speak(vcpu, Layer::kCpu);
  const svm::Attempt attempt =
      at_place(vcpu, [&](auto& place) { return cpu_.attempt_instruction(place); });
  const bool retired = attempt.kind == svm::AttemptKind::kRetired;
  note.retired = retired || attempt.kind == svm::AttemptKind::kIteration;
  if (!retired) {
    after_attempt(vcpu, attempt);
    return note;
  }
  if (frames.native()) {
    const std::uint64_t until = frames.native_until();
    if (until != 0 ? svm::vcpu_record(store_, vcpu).registers.rip == until : iret) frames.pop();
  }
  if (const CodeLine* line = program.line_at(rip); line != nullptr && line->directive) {
    begin_directive(vcpu, static_cast<std::uint64_t>(line - program.lines.data()));
  }
  return note;
}

bool Machine::at_iret(unsigned vcpu) {
  unsigned char bytes[2] = {};
  const svm::VcpuRecord& v = svm::vcpu_record(store_, vcpu);
  arch::PhysicalMemory dram = memory();
  if (!peek_guest(*setup_, dram, v, isa::code_address(v.registers), bytes, sizeof bytes)) {
    return false;
  }
  constexpr unsigned char kIret = 0xcf;
  return bytes[0] == kIret || ((bytes[0] & 0xf0) == 0x40 && bytes[1] == kIret);
}

StepNote Machine::after_attempt(unsigned vcpu, const svm::Attempt& attempt) {
  if (narrator_ != nullptr) {
    speak(vcpu, Layer::kCpu);
    const svm::VcpuRecord& v = svm::vcpu_record(std::as_const(store_), vcpu);
    narrator_->attempted(attempt, v.exit,
                         setup_->sealed() ? std::nullopt : std::optional(v.registers.rip));
  }
  switch (attempt.kind) {
    case svm::AttemptKind::kRetired:
    case svm::AttemptKind::kIteration:
      break;
    case svm::AttemptKind::kDelivered:
      enter_handler(vcpu, attempt.event);
      break;
    case svm::AttemptKind::kExit:
      push_or_end(
          vcpu,
          ActorFrames(store_, vcpu).push(Layer::kKernel, *setup_->kernel, setup_->entries.vmexit));
      break;
    case svm::AttemptKind::kHostFault:
      // KVM has no fixup for VMRUN: Linux arch/x86/kvm/svm/vmenter.S, kvm_spurious_fault.
      vm_outcome_ = Outcome(OutcomeKind::kHostFault, "VMRUN: #GP(0) in the host");
      break;
    case svm::AttemptKind::kHalted:
      end_vcpu(vcpu, Outcome(OutcomeKind::kCompletes));
      break;
    case svm::AttemptKind::kUnsupported:
      input_errors_.push_back("the instruction at '" + place_of(vcpu) + "' is not modelled");
      end_vcpu(vcpu, Outcome(OutcomeKind::kUndecided, input_errors_.back()));
      break;
    case svm::AttemptKind::kUnspecified:
      end_vcpu(vcpu,
               Outcome(OutcomeKind::kUnspecified, std::string(svm::text_of(attempt.gap).text)));
      break;
  }
  return {};
}

// A gate may lead to modelled guest code; its native end runs afterwards, up to IRET.
void Machine::enter_handler(unsigned vcpu, const isa::Event& event) {
  ActorFrames frames(store_, vcpu);
  const svm::VcpuRecord& v = svm::vcpu_record(store_, vcpu);
  const auto handler = setup_->handlers.find(v.registers.rip);
  if (handler == setup_->handlers.end()) {
    if (setup_->programs[vcpu].line_at(v.registers.rip) == nullptr) {
      // A vector that the scenario left to nobody: the gate leads to the end of this vCPU.
      Outcome outcome(OutcomeKind::kException);
      outcome.vector = event.vector;
      if (event.has_error_code) outcome.error_code = event.error_code;
      end_vcpu(vcpu, std::move(outcome));
      return;
    }
    if (!frames.empty()) push_or_end(vcpu, frames.push_native());
    return;
  }
  rules::FrameWords frame = rules::begin(*setup_->guest, handler->second);
  frame.local(0) = event.error_code;
  push_or_end(vcpu, frames.push_native() && frames.push(Layer::kGuest, frame));
}

void Machine::push_or_end(unsigned actor, bool pushed) {
  if (pushed || vm_outcome_) return;
  Outcome outcome(OutcomeKind::kUndecided, "more than " + std::to_string(ActorFrames::kMaxDepth) +
                                               " procedures inside each other");
  if (actor < setup_->vcpus) {
    end_vcpu(actor, std::move(outcome));
  } else {
    vm_outcome_ = std::move(outcome);
  }
}

void Machine::end_vcpu(unsigned vcpu, Outcome outcome) {
  ActorFrames(store_, vcpu).set_state(ActorState::kFinished);
  outcome.at = place_of(vcpu);
  vcpu_outcomes_[vcpu] = std::move(outcome);
}

// --- lines of a program that are no instructions ---

void Machine::begin_directive(unsigned vcpu, std::uint64_t line_index) {
  const Directive& directive = *setup_->programs[vcpu].lines[line_index].directive;
  ActorFrames frames(store_, vcpu);
  if (directive.kind == Directive::Kind::kCheck) {
    if (!check_holds(vcpu, directive)) {
      failed_checks_.push_back(setup_->programs[vcpu].lines[line_index].text);
    }
  } else if (directive.kind == Directive::Kind::kCall) {
    rules::FrameWords frame = rules::begin(*setup_->guest, directive.procedure);
    for (std::size_t i = 0; i < directive.arguments.size(); ++i) {
      frame.local(static_cast<unsigned>(i)) = directive.arguments[i];
    }
    push_or_end(vcpu, frames.push(Layer::kGuest, frame));
    frames.call_line() = line_index + 1;
  } else {
    frames.directive() = line_index + 1;
  }
}

StepNote Machine::directive_step(unsigned vcpu) {
  StepNote note = guest_note();
  if (!enter_guest(vcpu)) return note;
  ActorFrames frames(store_, vcpu);
  svm::VcpuRecord& v = svm::vcpu_record(store_, vcpu);
  if (svm::event_inj_valid(v.pending.event)) return guest_step(vcpu);
  const Directive& directive = *setup_->programs[vcpu].lines[frames.directive() - 1].directive;
  std::uint64_t data = directive.kind == Directive::Kind::kStore ? directive.arguments[1] : 0;
  svm::GuestAccess access;
  access.gva = GuestVirtAddr(directive.arguments[0]);
  access.size = directive.size;
  access.kind = directive.kind == Directive::Kind::kLoad    ? svm::AccessKind::kRead
                : directive.kind == Directive::Kind::kStore ? svm::AccessKind::kWrite
                                                            : svm::AccessKind::kFetch;
  speak(vcpu, Layer::kCpu);
  const svm::Attempt attempt =
      at_place(vcpu, [&](auto& place) { return cpu_.attempt_access(place, access, &data); });
  if (attempt.kind != svm::AttemptKind::kRetired) {
    after_attempt(vcpu, attempt);
    return note;
  }
  note.retired = true;
  frames.directive() = 0;
  if (directive.kind == Directive::Kind::kLoad) {
    isa::write_gpr(svm::vcpu_record(store_, vcpu).registers, directive.gpr,
                   directive.size >= 4 ? directive.size : 8, data);
  }
  return note;
}

bool Machine::check_holds(unsigned vcpu, const Directive& directive) {
  const isa::Registers& r = svm::vcpu_record(std::as_const(store_), vcpu).registers;
  std::uint64_t left = 0;
  if (!read_register(r, directive.check_left, left)) return false;
  const std::uint64_t right = directive.check_right;
  const std::string& relation = directive.check_relation;
  if (relation == "==") return left == right;
  if (relation == "!=") return left != right;
  if (relation == "<") return left < right;
  if (relation == "<=") return left <= right;
  if (relation == ">") return left > right;
  return left >= right;
}

// --- rules ---

rules::RunResult Machine::run_top(unsigned actor, ActorFrames& frames, bool fresh) {
  const Layer layer = frames.top_layer();
  const rules::Program& program = program_of(layer);
  if (layer == Layer::kGuest) {
    GuestView view(*this, actor);
    return rules::run(program, frames.stack(), view, narrator_, fresh);
  }
  if (setup_->sealed()) {
    SealedView view(*this, actor);
    return rules::run(program, frames.stack(), view, narrator_, fresh);
  }
  OpenView view(*this, actor);
  return rules::run(program, frames.stack(), view, narrator_, fresh);
}

void Machine::push_call(unsigned actor, ActorFrames& frames, const rules::RunResult& stop) {
  const Layer layer = frames.top_layer();
  Layer target_layer = layer;
  rules::ProcedureId target = stop.target;
  if (stop.stop == rules::Stop::kExit) {
    target_layer = Layer::kVmm;
    target = setup_->entries.vmm_by_exit[stop.target];
  } else if (stop.stop == rules::Stop::kIoctl) {
    target_layer = Layer::kKernel;
    target = setup_->entries.kernel_by_ioctl[stop.target];
  }
  push_or_end(actor,
              frames.push(target_layer, rules::begin_call(program_of(layer), frames.top(),
                                                          program_of(target_layer), target)));
}

// The top frame is over. True if the frame below is of the same layer, so that the step goes on.
bool Machine::pop_answer(ActorFrames& frames, const rules::Answer& answer) {
  const Layer layer = frames.top_layer();
  frames.pop();
  if (frames.empty() || frames.native()) return false;
  const Layer below = frames.top_layer();
  if (layer == Layer::kKernel && below == Layer::kGuest) return false;  // a #VMEXIT was handled
  rules::take_answer(program_of(below), frames.top(), answer);
  return below == layer;
}

StepNote Machine::rules_step(unsigned actor) {
  StepNote note;
  ActorFrames frames(store_, actor);
  bool moved = false;
  for (bool fresh = true;; fresh = false) {
    const Layer layer = frames.top_layer();
    speak(actor, layer);
    if (layer == Layer::kGuest) {
      note.in_guest = true;
      if (!enter_guest(actor)) return note;
      if (svm::event_inj_valid(svm::vcpu_record(store_, actor).pending.event)) {
        return guest_step(actor);
      }
      speak(actor, layer);
    }
    const rules::RunResult ran = run_top(actor, frames, fresh);
    moved |= ran.moved || ran.stop != rules::Stop::kWaits;
    note.in_vmm |= layer == Layer::kVmm;
    note.retired |= layer == Layer::kGuest && ran.stop != rules::Stop::kStopped;
    if (vm_outcome_ || frames.state() != ActorState::kRunning) return note;
    bool go_on = false;
    switch (ran.stop) {
      case rules::Stop::kStepEnd:
        break;
      case rules::Stop::kStopped:
        NPTSIM_CHECK(pending_attempt_.has_value());
        break;
      case rules::Stop::kWaits:
        note.result = moved ? Stepped::kRan : Stepped::kWaits;
        break;
      case rules::Stop::kCall:
        push_call(actor, frames, ran);
        go_on = true;
        break;
      case rules::Stop::kExit:
      case rules::Stop::kIoctl:
        push_call(actor, frames, ran);
        break;
      case rules::Stop::kReturn:
        go_on = pop_answer(frames, ran.answer);
        break;
    }
    if (pending_attempt_) {
      const svm::Attempt attempt = *std::exchange(pending_attempt_, std::nullopt);
      after_attempt(actor, attempt);
      return note;
    }
    if (pending_native_until_ != 0) {
      push_or_end(actor, frames.push_native(std::exchange(pending_native_until_, 0)));
      return note;
    }
    if (!go_on || vm_outcome_ || frames.state() != ActorState::kRunning) return note;
  }
}

bool Machine::run_to_end(unsigned actor, Layer layer, rules::ProcedureId procedure,
                         std::span<const std::uint64_t> locals) {
  ActorFrames frames(store_, actor);
  rules::FrameWords frame = rules::begin(program_of(layer), procedure);
  unsigned next = 0;
  for (const std::uint64_t value : locals) frame.local(next++) = value;
  const unsigned depth = frames.depth();
  if (!frames.push(layer, frame)) return false;
  for (unsigned n = 0; n < kSetupSteps; ++n) {
    const StepNote note = rules_step(actor);
    if (vm_outcome_ || note.result == Stepped::kWaits) return false;
    if (ActorFrames(store_, actor).depth() == depth) return true;
  }
  return false;
}

void Machine::raise_harm(const std::string& flag) {
  if (!harm_.insert(flag).second || narrator_ == nullptr) return;
  if (narrator_->tells("harm")) narrator_->emit("harm", {{"flag", flag}});
}

std::string Machine::place_of(unsigned actor) {
  if (actor >= setup_->vcpus) return "";
  const std::uint64_t rip = svm::vcpu_record(std::as_const(store_), actor).registers.rip;
  const VcpuProgram& program = setup_->programs[actor];
  ActorFrames frames(store_, actor);
  if (frames.directive() != 0) return program.lines[frames.directive() - 1].text;
  if (frames.call_line() != 0) return program.lines[frames.call_line() - 1].text;
  if (const CodeLine* line = program.line_at(rip)) return line->text;
  return "";
}

}  // namespace nptsim::machine
