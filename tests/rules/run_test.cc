// What a compiled model does, step by step.
#include "sim/rules/run.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sim/rules/coverage.h"
#include "tests/rules/toy.h"

namespace nptsim::rules {
namespace {

using toy::program_of;
using toy::View;
using toy::World;

// Runs a procedure of one program to its end, as the machine would: calls get a frame of their own.
struct Actor {
  const Program& program;
  World& world;
  std::vector<FrameWords> frames;
  Listener* listener = nullptr;

  Actor(const Program& p, World& w, std::string_view procedure, Listener* l = nullptr)
      : program(p), world(w), frames{begin(p, p.find_procedure(procedure).value())}, listener(l) {}

  // One atomic step, or up to something for the machine to do; the last stop.
  RunResult step() {
    View view(world);
    for (bool fresh = true;; fresh = false) {
      const RunResult stop = run(program, frames.back(), view, listener, fresh);
      if (stop.stop == Stop::kCall) {
        frames.push_back(begin_call(program, frames.back(), program, stop.target));
      } else if (stop.stop == Stop::kReturn && frames.size() > 1) {
        frames.pop_back();
        take_answer(program, frames.back(), stop.answer);
      } else {
        return stop;
      }
    }
  }
  std::string answer() {
    for (unsigned i = 0; i < 1000; ++i) {
      const RunResult stop = step();
      if (stop.stop == Stop::kReturn) return spell(stop.answer);
      if (stop.stop != Stop::kStepEnd) return "stopped";
    }
    return "endless";
  }
  std::string spell(const Answer& answer) const {
    std::string text = program.word(answer.word);
    for (const Answer::Field& field : answer.fields) {
      if (field.name != kNoWord) {
        text += " " + program.word(field.name) + "=" + program.word(field.value);
      }
    }
    return text;
  }
};

const char* const kFault = R"(
params: { caching: { default: on }, order: { default: 2, range: 0..9 } }
capabilities: { readonly_mem: { default: yes, es: no, snp: no } }
exports: [npf]
stages:
  fault:
    - { id: fault.rw, when: { slot: rw }, do: map_page, then: fixed, E }
    - { id: fault.read, when: { slot: readonly, fault.write: no }, do: map_page, then: fixed, E }
    - { id: fault.ro, when: { slot: readonly, readonly_mem: yes }, then: emulate, E }
    - { id: fault.ro-error, when: { slot: readonly }, then: { error: EFAULT, info: none }, E }
    - { id: fault.cached, when: { caching: on, order: 1..9 }, do: [map_page, { paint: red }], then: emulate, E }
    - { id: fault.none, then: emulate, E }
  gate:
    - { id: gate.plain, when: { guest: plain }, then: go, E }
    - { id: gate.sealed, then: retry, E }
procedures:
  npf:
    - { id: npf.fault, decide: fault, E }
    - { id: npf.emulate, when: { fault: emulate }, call: emulate_it, E }
    - { id: npf.error, when: { result: error, error: EFAULT }, return: result, E }
    - { id: npf.done, return: resume, E }
  emulate_it:
    - { id: emulate.gate, decide: gate, E }
    - { id: emulate.retry, when: { gate: retry }, return: retry, E }
    - { id: emulate.do, do: emulate, E }
    - { id: emulate.failed, when: { emulation: failed }, do: { inject: { vector: 6 } }, return: { error: EINVAL }, E }
    - { id: emulate.done, return: emulated, E }
)";

TEST_CASE("a fault in a read-write slot is mapped by the first row that matches") {
  const Program program = program_of(kFault);
  World world;
  world.slot = 1;
  CHECK(Actor(program, world, "npf").answer() == "resume");
  CHECK(world.log == std::vector<std::string>{"map"});
}

TEST_CASE("no slot, plain guest: all actions of the row run in order, then the emulator") {
  const Program program = program_of(kFault);
  World world;
  CHECK(Actor(program, world, "npf").answer() == "resume");
  CHECK(world.log == std::vector<std::string>{"map", "paint red", "emulate"});
}

TEST_CASE("a param decides another row, a capability follows the type of VM") {
  Settings settings;
  settings.values["caching"] = {"off", {}};
  settings.vm_type = "snp";
  const Program program = program_of(kFault, settings);
  CHECK(program.setting("caching") == "off");
  CHECK(program.setting("order") == "2");
  CHECK(program.setting("readonly_mem") == "no");
  CHECK(program.setting("nothing") == std::nullopt);
  World world;
  CHECK(Actor(program, world, "npf").answer() == "resume");
  CHECK(world.log == std::vector<std::string>{"emulate"});

  World write_to_readonly;
  write_to_readonly.slot = 2;
  write_to_readonly.write = 1;
  CHECK(Actor(program, write_to_readonly, "npf").answer() == "error error=EFAULT info=none");
}

TEST_CASE("settings that do not exist are refused with the nearest spelling") {
  const auto checked = toy::checked_of(kFault);
  REQUIRE(checked.ok());
  WordTable words;
  Settings settings;
  settings.values["cachng"] = {"off", {"s.yaml", 3, 9}};
  settings.values["order"] = {"17", {"s.yaml", 4, 9}};
  settings.vm_type = "spn";
  const auto refused = compile(checked.value(), settings, words);
  CHECK(toy::refusal(refused) ==
        "s.yaml:4:9: error: 'order' cannot be '17' (accepted: 0, 1, 2, 3, 4, 5, 6, 7, 8 or "
        "9)\n"
        "s.yaml:3:9: error: unknown param of 'toy' 'cachng'; did you mean 'caching'? (accepted: "
        "caching, order or readonly_mem)\n"
        "error: unknown type of VM 'spn'; did you mean 'snp'? (accepted: plain, es or snp)");
}

TEST_CASE("a fact that needs registers is unknown for a sealed guest, and is not computed") {
  const Program program = program_of(R"(
stages:
  who:
    - { id: who.unknown, when: { cpl: unknown }, then: nobody, E }
    - { id: who.user, when: { cpl: user }, then: user, E }
    - { id: who.kernel, then: kernel, E }
procedures:
  ask: [ { id: ask.who, decide: who, return: result, E } ]
)");
  World world;
  world.cpl = 1;
  CHECK(Actor(program, world, "ask").answer() == "user");
  world.guest = 1;
  world.computed = 0;
  CHECK(Actor(program, world, "ask").answer() == "nobody");
  CHECK(world.computed == 0);
}

TEST_CASE("facts are computed only when a row asks, each once in a decision") {
  const Program program = program_of(kFault);
  World world;
  world.slot = 1;
  const View view(world);
  const Verdict verdict = decide(program, program.find_stage("fault").value(), nullptr, view);
  CHECK(program.rows()[verdict.row].id == "fault.rw");
  CHECK(world.computed == 1);  // slot
  const std::uint64_t bits =
      situation_bits(program, program.find_stage("fault").value(), nullptr, view);
  CHECK(decide_known(program, program.find_stage("fault").value(), bits) == verdict.row);
}

TEST_CASE("an action that cannot finish runs again; what came before it does not") {
  const Program program = program_of(R"(
procedures:
  read:
    - { id: read.it, do: [ { say: 1 }, touch_guest, { say: 2 } ], E }
)");
  World world;
  world.busy = 2;
  Actor actor(program, world, "read");
  RunResult stop = actor.step();
  CHECK(stop.stop == Stop::kStopped);
  CHECK(stop.moved);
  CHECK(program.row_of(actor.frames.back()).id == "read.it");
  stop = actor.step();
  CHECK(stop.stop == Stop::kStopped);
  CHECK_FALSE(stop.moved);
  CHECK(actor.answer() == "done");
  CHECK(world.log == std::vector<std::string>{"say 1", "touched", "say 2"});
}

TEST_CASE("an action of a stage's row that cannot finish resumes inside that row") {
  const Program program = program_of(R"(
stages:
  s: [ { id: s.all, do: [ { say: 1 }, touch_guest ], then: yes, E } ]
procedures:
  p: [ { id: p.s, decide: s, E }, { id: p.out, when: { s: yes }, return: ok, E } ]
)");
  World world;
  world.busy = 1;
  Actor actor(program, world, "p");
  CHECK(actor.step().stop == Stop::kStopped);
  CHECK(program.row_of(actor.frames.back()).id == "s.all");
  CHECK(actor.answer() == "ok");
  CHECK(world.log == std::vector<std::string>{"say 1", "touched"});
}

TEST_CASE("a wait keeps the actor disabled until the fact has its value") {
  const Program program = program_of(R"(
procedures:
  p:
    - { id: p.before, do: { say: 1 }, E }
    - { id: p.lock, wait: { lock: free }, do: take_lock, step: new, E }
    - { id: p.out, do: drop_lock, return: ok, step: new, E }
)");
  World world;
  world.lock = 1;
  Actor actor(program, world, "p");
  CHECK(actor.step().stop == Stop::kStepEnd);
  const RunResult stop = actor.step();
  CHECK(stop.stop == Stop::kWaits);
  CHECK_FALSE(stop.moved);
  CHECK_FALSE(ready(program, actor.frames.back(), View(world)));
  world.lock = 0;
  CHECK(ready(program, actor.frames.back(), View(world)));
  CHECK(actor.step().stop == Stop::kStepEnd);
  CHECK(world.lock == 1);
  CHECK(actor.answer() == "ok");
  CHECK(world.lock == 0);
}

TEST_CASE("a row that its own facts rule out costs no step") {
  const Program program = program_of(R"(
procedures:
  p:
    - { id: p.write, when: { fault.write: yes }, do: { say: 1 }, step: new, E }
    - { id: p.locked, when: { lock: held }, do: { say: 2 }, step: new, E }
)");
  World world;
  Actor actor(program, world, "p");
  // fault.write is fixed, so p.write is skipped at once; the lock is looked at in the new step. At
  // the start of a step that boundary is none.
  CHECK(actor.step().stop == Stop::kReturn);
  Actor later(program, world, "p");
  View view(world);
  CHECK(run(program, later.frames.back(), view).stop == Stop::kStepEnd);
  CHECK(program.row_of(later.frames.back()).id == "p.locked");
}

TEST_CASE("a loop over items makes one step of each, with the cursor in the frame") {
  const Program program = program_of(R"(
procedures:
  p:
    - { id: p.each, each: pages, step: new, source: toy, evidence: code, rows: [ { id: p.say, do: { say: cursor }, E } ] }
    - { id: p.out, return: ok, E }
)");
  World world;
  world.pages = 3;
  Actor actor(program, world, "p");
  unsigned steps = 1;
  while (actor.step().stop == Stop::kStepEnd) ++steps;
  CHECK(steps == 4);  // what comes before the first item is a step, too
  CHECK(world.log == std::vector<std::string>{"say 0", "say 1", "say 2"});
  CHECK(actor.frames.back().cursor() == 0);
}

TEST_CASE("an iterator takes arguments from locals; a call passes locals by name") {
  const Program program = program_of(R"(
exports: [p]
procedures:
  p:
    locals: [first, last]
    rows:
      - { id: p.first, do: [ { add: { to: first, what: 5 } }, { add: { to: last, what: 0x8 } } ], E }
      - { id: p.call, call: q, with: { end: last, begin: first }, return: result, E }
  q:
    locals: [begin, end]
    rows:
      - { id: q.each, each: { between: { from: begin, to: end } }, source: toy, evidence: code, rows: [
          { id: q.say, do: { say: cursor }, step: new, E } ] }
)");
  World world;
  CHECK(Actor(program, world, "p").answer() == "done");
  CHECK(world.log == std::vector<std::string>{"say 5", "say 6", "say 7"});
}

TEST_CASE("repeat looks at its condition before every round") {
  const Program program = program_of(R"(
procedures:
  p:
    - { id: p.first, do: emulate, when: { guest.sealed: no }, E }
    - id: p.again
      when: { guest.sealed: no }
      repeat: { while: { emulation: mmio } }
      source: toy
      evidence: code
      rows:
        - { id: p.round, do: [ { say: 1 }, emulate ], step: new, E }
)");
  World world;
  world.emulation = 1;
  Actor actor(program, world, "p");
  CHECK(actor.step().stop == Stop::kStepEnd);
  CHECK(actor.step().stop == Stop::kStepEnd);
  world.emulation = 0;
  CHECK(actor.step().stop == Stop::kReturn);
  CHECK(world.log == std::vector<std::string>{"emulate", "say 1", "emulate", "say 1", "emulate"});
}

TEST_CASE("a callee takes facts of the caller's frame, and its answer is a fact named like it") {
  const Program program = program_of(R"(
exports: [p]
stages:
  colour: [ { id: colour.w, when: { fault.write: yes }, then: red, E }, { id: colour.r, then: green, E } ]
procedures:
  p:
    - { id: p.colour, decide: colour, E }
    - { id: p.paint, call: paint_it, E }
    - { id: p.out, when: { paint_it: painted }, return: ok, E }
  paint_it:
    takes: [colour]
    rows:
      - { id: paint.red, when: { colour: red }, do: { paint: { colour: red } }, E }
      - { id: paint.green, when: { colour: green }, do: { paint: { colour: green } }, E }
      - { id: paint.out, return: painted, E }
)");
  World world;
  world.write = 1;
  CHECK(Actor(program, world, "p").answer() == "ok");
  CHECK(world.log == std::vector<std::string>{"paint red"});
}

TEST_CASE("exit and ioctl stop with their target, the answer comes back as result with fields") {
  Outside outside;
  outside.exits = {{"userspace", {{"run", {}}, {"stop", {}}}, {}}};
  outside.ioctls = {
      {"set_slot", {{"done", {}}, {"error", {{"error", {"EEXIST", "EINVAL"}}}}}, {"n"}}};
  const Program program = program_of(R"(
procedures:
  p:
    - { id: p.exit, exit: userspace, E }
    - { id: p.stop, when: { result: stop }, return: stopped, E }
    - { id: p.ioctl, ioctl: set_slot, with: { n: 7 }, E }
    - { id: p.exists, when: { result: error, error: EEXIST }, return: exists, E }
    - { id: p.error, when: { set_slot: error }, return: result, E }
)",
                                     {}, outside);
  CHECK(program.exits()[0] == "userspace");
  CHECK(program.ioctls()[0] == "set_slot");
  World world;
  Actor actor(program, world, "p");
  RunResult stop = actor.step();
  CHECK(stop.stop == Stop::kExit);
  CHECK(stop.target == 0);
  const auto word = [&](std::string_view text) {
    for (WordId id = 1; !program.word(id).empty(); ++id) {
      if (program.word(id) == text) return id;
    }
    return kNoWord;
  };
  take_answer(program, actor.frames.back(), Answer{word("run"), {}});
  stop = actor.step();
  CHECK(stop.stop == Stop::kIoctl);
  // The other layer's frame gets the local; here a procedure of the same program stands in for it.
  CHECK(begin_call(program, actor.frames.back(), program, 0).local(0) == 7);
  Answer answer{word("error"), {}};
  answer.fields[0] = {word("error"), word("EINVAL")};
  take_answer(program, actor.frames.back(), answer);
  CHECK(actor.answer() == "error error=EINVAL");
}

// --- who listens ---

struct Notes : Listener {
  std::vector<std::string> lines;
  static std::string spell(const FactSeen& fact) {
    return std::string(fact.fact) + "=" + std::string(fact.value);
  }
  void decided(const Decision& d) override {
    std::string line = d.decider.id + " decides " + std::string(d.stage) + ": " + d.row.id + " ->";
    line += " " + d.program.word(d.answer.word) + " [";
    for (const FactSeen& fact : d.consulted) line += spell(fact) + " ";
    line += "]";
    for (const RowPassed& row : d.passed) line += " not " + row.row->id + " by " + spell(row.by);
    lines.push_back(line);
  }
  void did(const Deed& deed) override {
    lines.push_back(deed.row.id + " does " + deed.action.name);
  }
  void called(const CallNote& n) override {
    lines.push_back(n.row.id + " calls " + std::string(n.target));
  }
  void returned(const ReturnNote& n) override {
    lines.push_back(n.row.id + " returns " + n.program.word(n.answer.word) + " from " +
                    std::string(n.procedure));
  }
  void entered(const Program&, const RowInfo& row) override { lines.push_back("> " + row.id); }
  void skipped(const Program&, const RowPassed& row) override {
    lines.push_back("skip " + row.row->id + " by " + spell(row.by));
  }
  void waits(const Program&, const RowInfo& row, const FactSeen& fact) override {
    lines.push_back(row.id + " waits, " + spell(fact));
  }
};

TEST_CASE("a listener hears each decision with the facts consulted and why rows were passed over") {
  const Program program = program_of(kFault);
  World world;
  world.slot = 2;
  world.write = 1;
  Notes notes;
  CHECK(Actor(program, world, "npf", &notes).answer() == "resume");
  CHECK(notes.lines ==
        std::vector<std::string>{
            "> npf.fault",
            "npf.fault decides fault: fault.ro -> emulate [slot=readonly fault.write=yes "
            "readonly_mem=yes ] not fault.rw by slot=readonly not fault.read by fault.write=yes",
            "> npf.emulate",
            "npf.emulate calls emulate_it",
            "> emulate.gate",
            "emulate.gate decides gate: gate.plain -> go [guest=plain ]",
            "skip emulate.retry by gate=go",
            "> emulate.do",
            "emulate.do does emulate",
            "skip emulate.failed by emulation=done",
            "> emulate.done",
            "emulate.done returns emulated from emulate_it",
            "skip npf.error by result=emulated",
            "> npf.done",
            "npf.done returns resume from npf",
        });
}

TEST_CASE("with and without a listener the same happens") {
  const Program program = program_of(kFault);
  for (unsigned guest = 0; guest < 3; ++guest) {
    for (unsigned slot = 0; slot < 3; ++slot) {
      for (unsigned write = 0; write < 2; ++write) {
        World quiet;
        quiet.guest = guest;
        quiet.slot = slot;
        quiet.write = write;
        World loud = quiet;
        Notes notes;
        CHECK(Actor(program, quiet, "npf").answer() ==
              Actor(program, loud, "npf", &notes).answer());
        CHECK(quiet.log == loud.log);
      }
    }
  }
}

TEST_CASE("coverage counts rows by id, over programs") {
  const Program program = program_of(kFault);
  Coverage all;
  for (unsigned slot = 0; slot < 3; ++slot) {
    World world;
    world.slot = slot;
    Coverage one;
    Actor(program, world, "npf", &one).answer();
    all.add(one);
  }
  CHECK(all.count("npf.done") == 3);
  CHECK(all.count("fault.cached") == 1);
  std::vector<std::string> missing;
  for (const RowInfo* row : all.missing(program)) missing.push_back(row->id);
  CHECK(missing == std::vector<std::string>{"fault.ro", "fault.ro-error", "fault.none",
                                            "gate.sealed", "npf.error", "emulate.retry",
                                            "emulate.failed"});
}

TEST_CASE("a frame is all there is: equal words go on equally") {
  const Program program = program_of(kFault);
  World world;
  Actor actor(program, world, "npf");
  const FrameWords at_start = actor.frames.back();
  CHECK(at_start == begin(program, program.find_procedure("npf").value()));
  CHECK_FALSE(at_start.empty());
  CHECK(FrameWords{}.empty());
  FrameWords frame;
  Answer answer{3, {}};
  answer.fields = {{{1, 2}, {3, 4}, {5, 6}, {0xffff, 0xfffe}}};
  frame.set_answer(answer);
  CHECK(frame.answer() == answer);
  CHECK(kFrameLayout.words == kFrameWords);
}

}  // namespace
}  // namespace nptsim::rules
