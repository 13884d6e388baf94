#include "sim/machine/run.h"

#include <algorithm>
#include <optional>
#include <span>
#include <utility>

#include "sim/machine/frames.h"
#include "sim/machine/monitor.h"

namespace nptsim::machine {
namespace {

// How far before its wrap a counter is put. Even, because KVM's generations advance by two.
constexpr std::uint64_t kBeforeWrap = 8;
// A proved round is told step by step up to here.
constexpr std::size_t kLongestLoopText = 24;

// Finds that a sequence of machines repeats, in constant memory: Brent's algorithm ("An improved
// Monte Carlo factorization algorithm", 1980). A machine is hashed only when its cheap mark agrees
// with the anchor's: most runs end without one, and a hash looks at all that was written since.
class CycleFinder {
 public:
  struct Mark {
    std::uint64_t rip = 0;
    std::uint64_t where = 0;
    bool operator==(const Mark&) const = default;
  };

  void restart() { *this = CycleFinder(); }

  // True if this machine equals an earlier one of the sequence.
  bool add(const Mark& mark, const Machine& machine) {
    if (anchored_ && mark == mark_) {
      const StoreHash now = machine.store().hash_since_origin();
      if (hashed_ && now == hash_) return true;
      if (!hashed_) hash_ = now;
      hashed_ = true;
    }
    if (++since_anchor_ >= power_) {
      power_ *= 2;
      since_anchor_ = 0;
      anchored_ = true;
      mark_ = mark;
      hashed_ = false;
    }
    return false;
  }

 private:
  std::uint64_t power_ = 1;
  std::uint64_t since_anchor_ = 0;
  bool anchored_ = false;
  Mark mark_;
  bool hashed_ = false;
  StoreHash hash_;  // of the first machine with that mark since
};

// Collects the lines of one round of a cycle.
class LoopTeller final : public EventSink {
 public:
  explicit LoopTeller(std::vector<std::string>& lines) : lines_(&lines) {}
  void take(Event event) override {
    if (lines_->size() >= kLongestLoopText) return;
    if (event.kind == "npf" || event.kind == "vc" || event.kind == "exit") {
      lines_->push_back(event.by + " cpu: " + event.kind + " (" + event.rule + ")");
    } else if (event.kind == "decide") {
      const auto* then = event.fields.find("then");
      lines_->push_back(event.by + " " + std::string(name_of(event.layer)) + ": " + event.rule +
                        " -> " + std::get<std::string>(*then));
    }
  }

 private:
  std::vector<std::string>* lines_;
};

// The outermost party that was told of what happened to the first vCPU.
std::string seen_by(const RunResult& result) {
  const Outcome& outcome = result.vcpus.front();
  switch (outcome.kind) {
    case OutcomeKind::kCompletes:
      return result.harm.empty() ? "guest" : "nobody";
    case OutcomeKind::kSpins:
      return outcome.spin == SpinKind::kGuest ? "guest"
             : outcome.spin == SpinKind::kVmm ? "vmm"
                                              : "kernel";
    case OutcomeKind::kException:
      return "guest";
    case OutcomeKind::kGuestTerminated:
    case OutcomeKind::kShutdown:
    case OutcomeKind::kRefused:
    case OutcomeKind::kVmKilled:
      return "vmm";
    case OutcomeKind::kHostFault:
    case OutcomeKind::kWaits:
      return "kernel";
    case OutcomeKind::kUnspecified:
    case OutcomeKind::kUndecided:
      return "nobody";
  }
  return "nobody";
}

class Runner {
 public:
  Runner(Machine& machine, const RunOptions& options)
      : machine_(machine), options_(options), narrator_(options.sink), monitor_(machine) {
    narrator_.set_coverage(options.coverage);
    machine_.monitor(&monitor_);
    machine_.store().set_origin();
    tell();
  }
  ~Runner() {
    machine_.monitor(nullptr);
    machine_.listen(nullptr);
  }

  RunResult run();

 private:
  enum class Ended : std::uint8_t { kEnded, kWaits, kCycles, kBound };

  void tell() {
    const bool wanted = options_.sink != nullptr || options_.coverage != nullptr;
    machine_.listen(wanted ? &narrator_ : nullptr);
  }
  bool over() const {
    return machine_.vm_outcome().has_value() ||
           (options_.interrupted != nullptr && *options_.interrupted);
  }
  Ended run_alone(unsigned actor);
  void run_script_act(const ScriptAct& act);
  void run_due_acts(unsigned vcpu);
  void run_together(const std::vector<unsigned>& actors);
  bool counters_moved(const std::vector<std::uint64_t>& since) const;
  std::vector<std::uint64_t> counter_values() const;
  CycleFinder::Mark mark_of(unsigned actor) const;
  void prove_spin(const std::vector<unsigned>& actors);
  RunResult result();

  Machine& machine_;
  const RunOptions& options_;
  Narrator narrator_;
  AccessMonitor monitor_;
  std::uint64_t steps_ = 0;
  bool bound_reached_ = false;
  bool wrap_tried_ = false;
  std::size_t next_act_ = 0;
  std::vector<std::optional<Outcome>> spins_{machine_.setup().vcpus};
};

CycleFinder::Mark Runner::mark_of(unsigned actor) const {
  const Store& store = std::as_const(machine_).store();
  std::uint64_t rip = 0, where = 0;
  if (actor < kMaxVcpus) {
    const isa::Registers& registers = svm::vcpu_record(store, actor).registers;
    rip = registers.rip;
    // A loop of the guest's comes back to its RIP with another count.
    for (const std::uint64_t gpr : registers.gpr) where = where * 31 + gpr;
  }
  const std::uint64_t* frames = store.words_of_page(Space::kFrames, actor);
  for (unsigned i = 0; i < 8; ++i) where = where * 31 + frames[i];
  return {rip, where};
}

std::vector<std::uint64_t> Runner::counter_values() const {
  const Store& store = std::as_const(machine_).store();
  std::vector<std::uint64_t> values;
  for (const Counter& counter : store.counters()) {
    values.push_back(store.read(counter.word.space, counter.word.index));
  }
  return values;
}

bool Runner::counters_moved(const std::vector<std::uint64_t>& since) const {
  return counter_values() != since;
}

// A step of the VMM that a scenario asks for happens at once, between two steps of the vCPUs.
void Runner::run_script_act(const ScriptAct& act) {
  if (options_.sink != nullptr) {
    narrator_.set_speaker({"script", Layer::kVmm});
    if (narrator_.tells("text")) narrator_.emit("text", {{"text", act.text}});
  }
  machine_.run_to_end(kVmmActor, Layer::kVmm, act.procedure, std::span(act.arguments));
}

void Runner::run_due_acts(unsigned vcpu) {
  const auto& script = machine_.setup().script;
  while (next_act_ < script.size() && !over()) {
    const ScriptAct& act = script[next_act_];
    if (act.at_vcpu) {
      if (*act.at_vcpu != vcpu) return;
      const Store& store = std::as_const(machine_).store();
      ActorFrames frames(machine_.store(), vcpu);
      if (!frames.empty() || svm::vcpu_record(store, vcpu).registers.rip != act.at_address) return;
    }
    ++next_act_;
    run_script_act(act);
  }
}

Runner::Ended Runner::run_alone(unsigned actor) {
  CycleFinder finder;
  std::vector<std::uint64_t> counters;
  bool wrap_tried = false;
  for (;;) {
    if (actor < kMaxVcpus) run_due_acts(actor);
    if (over()) return Ended::kEnded;
    if (!machine_.enabled(actor)) {
      return ActorFrames(machine_.store(), actor).state() == ActorState::kRunning &&
                     !(actor == kVmmActor)
                 ? Ended::kWaits
                 : Ended::kEnded;
    }
    if (++steps_ > options_.max_steps) {
      bound_reached_ = true;
      return Ended::kBound;
    }
    const StepNote note = machine_.step(actor);
    if (note.result == Stepped::kEnded) return Ended::kEnded;
    if (note.result == Stepped::kWaits) return Ended::kWaits;
    if (counters.empty()) counters = counter_values();
    if (!finder.add(mark_of(actor), machine_)) continue;
    if (!counters_moved(counters) || wrap_tried) return Ended::kCycles;
    // Only a cycle that survives the wrap of what it counts goes on for ever.
    for (CounterId id = 0; id < counters.size(); ++id) {
      machine_.store().move_before_wrap(id, kBeforeWrap);
    }
    wrap_tried = wrap_tried_ = true;
    finder.restart();
  }
}

void Runner::run_together(const std::vector<unsigned>& actors) {
  CycleFinder finder;
  for (;;) {
    for (const unsigned actor : actors) {
      if (over()) return;
      if (!machine_.enabled(actor)) continue;
      if (++steps_ > options_.max_steps) {
        bound_reached_ = true;
        return;
      }
      machine_.step(actor);
    }
    CycleFinder::Mark mark;
    bool any = false;
    for (const unsigned actor : actors) {
      const CycleFinder::Mark one = mark_of(actor);
      mark.rip = mark.rip * 31 + one.rip;
      mark.where = mark.where * 31 + one.where;
      any |= machine_.enabled(actor);
    }
    if (!any) return;
    if (finder.add(mark, machine_)) {
      prove_spin(actors);
      return;
    }
  }
}

// The machine is on a cycle of these actors. Goes round once to see what kind it is.
void Runner::prove_spin(const std::vector<unsigned>& actors) {
  struct Seen {
    StepNote sum;
    bool stepped = false;
  };
  std::vector<Seen> seen(machine_.setup().vcpus);
  std::vector<std::string> loop;
  LoopTeller teller(loop);
  Narrator narrator(&teller);
  machine_.listen(&narrator);
  const Store& store = std::as_const(machine_).store();
  const StoreHash start = store.hash_since_origin();
  const std::uint64_t limit = steps_ + options_.max_steps;
  do {
    for (const unsigned actor : actors) {
      if (!machine_.enabled(actor)) continue;
      ++steps_;
      const StepNote note = machine_.step(actor);
      if (actor >= seen.size()) continue;
      seen[actor].stepped = true;
      seen[actor].sum.retired |= note.retired;
      seen[actor].sum.in_guest |= note.in_guest;
      seen[actor].sum.in_vmm |= note.in_vmm;
    }
  } while (store.hash_since_origin() != start && steps_ < limit);
  tell();
  for (const unsigned actor : actors) {
    if (actor >= seen.size() || !seen[actor].stepped) continue;
    const StepNote& sum = seen[actor].sum;
    Outcome outcome(OutcomeKind::kSpins);
    outcome.spin = sum.retired    ? SpinKind::kGuest
                   : sum.in_vmm   ? SpinKind::kVmm
                   : sum.in_guest ? SpinKind::kFault
                                  : SpinKind::kKernel;
    outcome.at = machine_.place_of(actor);
    outcome.loop = loop;
    outcome.survived_wrap = wrap_tried_;
    spins_[actor] = std::move(outcome);
  }
}

RunResult Runner::run() {
  for (bool again = true; again && !over();) {
    again = false;
    std::vector<unsigned> parked;
    for (unsigned vcpu = 0; vcpu < machine_.setup().vcpus && !over(); ++vcpu) {
      const std::uint64_t before = steps_;
      const Ended ended = run_alone(vcpu);
      if (ended == Ended::kBound) return result();
      if (ended == Ended::kCycles) parked.push_back(vcpu);
      // Somebody's progress may have changed what an earlier one cycles on or waits for.
      if (ended != Ended::kCycles && steps_ != before && !parked.empty()) again = true;
    }
    if (!again && !parked.empty() && !over()) run_together(parked);
  }
  return result();
}

RunResult Runner::result() {
  RunResult result;
  result.steps = steps_;
  result.harm = machine_.harm();
  result.failed_checks = machine_.failed_checks();
  result.input_errors = machine_.input_errors();
  const auto& vm = machine_.vm_outcome();
  result.vm = vm ? *vm : Outcome(OutcomeKind::kCompletes);
  for (unsigned vcpu = 0; vcpu < machine_.setup().vcpus; ++vcpu) {
    Outcome outcome;
    if (const auto& own = machine_.vcpu_outcome(vcpu)) {
      outcome = *own;
    } else if (vm) {
      outcome = *vm;
    } else if (spins_[vcpu]) {
      outcome = *spins_[vcpu];
    } else if (bound_reached_) {
      outcome =
          Outcome(OutcomeKind::kUndecided,
                  "the bound of " + std::to_string(options_.max_steps) + " steps was reached");
    } else if (options_.interrupted != nullptr && *options_.interrupted) {
      outcome = Outcome(OutcomeKind::kUndecided, "interrupted");
    } else {
      // A HLT inside of modelled code is not the program's end.
      const bool own_code = ActorFrames(machine_.store(), vcpu).count(Layer::kGuest) != 0;
      const bool completed = machine_.halted(vcpu) && !own_code;
      outcome = Outcome(completed ? OutcomeKind::kCompletes : OutcomeKind::kWaits);
    }
    if (outcome.at.empty()) outcome.at = machine_.place_of(vcpu);
    outcome.registers = svm::vcpu_record(std::as_const(machine_).store(), vcpu).registers;
    result.vcpus.push_back(std::move(outcome));
  }
  result.seen_by = seen_by(result);
  return result;
}

}  // namespace

RunResult run(Machine& machine, const RunOptions& options) {
  return Runner(machine, options).run();
}

}  // namespace nptsim::machine
