// One schedule to its end: completing, waiting, spinning and how a spin is proved.
#include "sim/machine/run.h"

#include <string>
#include <vector>

#include "tests/build/story.h"

namespace nptsim::machine {
namespace {

using scenario::Story;

const std::string kTwo = "machine: { cpu: milan, kernel: kvm-7.0, vmm: bare, vcpus: 2 }\n";
const std::string kFlash =
    "machine: { cpu: milan, vm: sev-es-legacy, kernel: kvm-7.0, vmm: qemu, guest: ovmf }\n"
    "memory:\n"
    "  ram: { gpa: 0, size: 16M }\n"
    "  flash: { gpa: 0xffc00000, size: 4M, device: pflash, mode: romd, launch: plain }\n"
    "map: [ { gva: 0xffc00000, gpa: 0xffc00000, size: 4M, c_bit: 0, access: rw } ]\n";

RunResult run_of(const std::string& body, std::uint64_t max_steps = 1'000'000) {
  Story story(body);
  RunOptions options;
  options.max_steps = max_steps;
  return run(story.machine(), options);
}

TEST_CASE("a vCPU that jumps to itself is a spin of the guest's own making") {
  const RunResult result =
      run_of(scenario::kPlain + scenario::kRam + "program: { vcpu0: \"again: jmp again\" }\n");
  CHECK(result.vcpus[0].kind == OutcomeKind::kSpins);
  CHECK(result.vcpus[0].spin == SpinKind::kGuest);
  CHECK(result.vcpus[0].at == "jmp again");
  CHECK_FALSE(result.vcpus[0].survived_wrap);
}

TEST_CASE("HLT with nothing to wait for completes") {
  const RunResult result = run_of(scenario::kPlain + scenario::kRam + "program: { vcpu0: hlt }\n");
  CHECK(result.vcpus[0].kind == OutcomeKind::kCompletes);
}

// It ends, but not within the bound; a bound never becomes an answer.
TEST_CASE("a program that runs too long is undecided, not a spin") {
  const std::string body = scenario::kPlain + scenario::kRam +
                           "program:\n  vcpu0: |\n    again: inc rax\n    jmp again\n";
  const RunResult result = run_of(body, 5000);
  CHECK(result.vcpus[0].kind == OutcomeKind::kUndecided);
  CHECK(result.vcpus[0].text.find("5000") != std::string::npos);
}

TEST_CASE("a long loop that returns to an equal machine is found without keeping all machines") {
  const RunResult result = run_of(scenario::kPlain + scenario::kRam +
                                  "program:\n  vcpu0: |\n    again: inc al\n    jmp again\n");
  CHECK(result.vcpus[0].kind == OutcomeKind::kSpins);
  CHECK(result.steps < 5000);  // 256 rounds of two instructions, and the proof
}

TEST_CASE("who polls for a flag is parked until somebody sets it") {
  const RunResult result = run_of(kTwo + scenario::kRam +
                                  "program:\n"
                                  "  vcpu0: |\n"
                                  "    poll: cmp byte ptr [0x300000], 1\n"
                                  "    jne poll\n"
                                  "  vcpu1: |\n"
                                  "    mov byte ptr [0x300000], 1\n"
                                  "map: [ { gva: 0x300000, gpa: 0x300000, size: 4K } ]\n");
  CHECK(result.vcpus[0].kind == OutcomeKind::kCompletes);
  CHECK(result.vcpus[1].kind == OutcomeKind::kCompletes);
}

TEST_CASE("two that poll for each other spin together") {
  const RunResult result = run_of(kTwo + scenario::kRam +
                                  "program:\n"
                                  "  vcpu0: |\n"
                                  "    one: cmp byte ptr [0x300000], 1\n"
                                  "    jne one\n"
                                  "    mov byte ptr [0x300001], 1\n"
                                  "  vcpu1: |\n"
                                  "    two: cmp byte ptr [0x300001], 1\n"
                                  "    jne two\n"
                                  "    mov byte ptr [0x300000], 1\n"
                                  "map: [ { gva: 0x300000, gpa: 0x300000, size: 4K } ]\n");
  for (const Outcome& outcome : result.vcpus) {
    CHECK(outcome.kind == OutcomeKind::kSpins);
    CHECK(outcome.spin == SpinKind::kGuest);
  }
}

TEST_CASE("a store to flash in romd mode: nothing retires, no counter moves") {
  const RunResult result = run_of(kFlash +
                                  "program:\n  vcpu0: |\n"
                                  "    mov rbx, 0xffc00000\n"
                                  "    mov byte ptr [rbx], 0x40\n");
  CHECK(result.vcpus[0].kind == OutcomeKind::kSpins);
  CHECK(result.vcpus[0].spin == SpinKind::kFault);
  CHECK_FALSE(result.vcpus[0].survived_wrap);
  CHECK(result.seen_by == "kernel");
}

// Each toggle advances the memslot generation, which MMIO entries hold in 19 bits. A cycle is only
// believed when it goes on beyond the wrap.
TEST_CASE("a guest that toggles romd for ever spins, past the wrap of the generation") {
  const RunResult result = run_of(kFlash +
                                  "program:\n  vcpu0: |\n"
                                  "    again: nop\n"
                                  "    .call flash.write 0xffc00000, 0x70\n"
                                  "    .call flash.write 0xffc00000, 0xff\n"
                                  "    jmp again\n");
  CHECK(result.vcpus[0].kind == OutcomeKind::kSpins);
  CHECK(result.vcpus[0].spin == SpinKind::kGuest);
  CHECK(result.vcpus[0].survived_wrap);
}

// Deterministic to the last event.
TEST_CASE("two runs tell the same events") {
  class Keeper final : public EventSink {
   public:
    void take(Event event) override {
      text += event.by + event.kind + event.rule + std::to_string(event.n) + ";";
    }
    std::string text;
  };
  std::string told[2];
  for (std::string& text : told) {
    Story story(kFlash +
                "program:\n  vcpu0: |\n"
                "    .call flash.write 0xffc00000, 0x70\n"
                "    mov rbx, 0xffc00000\n"
                "    mov al, [rbx]\n");
    Keeper keeper;
    RunOptions options;
    options.sink = &keeper;
    CHECK(run(story.machine(), options).vcpus[0].kind == OutcomeKind::kCompletes);
    text = keeper.text;
  }
  CHECK(!told[0].empty());
  CHECK(told[0] == told[1]);
}

TEST_CASE("listening changes nothing: the machine ends equal with and without events") {
  class Nobody final : public EventSink {
   public:
    void take(Event) override {}
  };
  StoreHash ends[2];
  for (int i = 0; i < 2; ++i) {
    Story story(kFlash + "program: { vcpu0: \"mov rbx, 0xffc00000\\n mov al, [rbx]\" }\n");
    Nobody nobody;
    RunOptions options;
    if (i == 1) options.sink = &nobody;
    run(story.machine(), options);
    ends[i] = story.machine().hash();
  }
  CHECK(ends[0] == ends[1]);
}

TEST_CASE("a copy of a machine goes its own way to the same end") {
  Story story(kFlash + "program: { vcpu0: \"mov rbx, 0xffc00000\\n mov al, [rbx]\" }\n");
  for (int i = 0; i < 3; ++i) story.machine().step(0);
  Machine copy(story.machine());
  CHECK(copy.hash() == story.machine().hash());
  run(copy, {});
  CHECK(copy.hash() != story.machine().hash());
  run(story.machine(), {});
  CHECK(copy.hash() == story.machine().hash());
}

}  // namespace
}  // namespace nptsim::machine
