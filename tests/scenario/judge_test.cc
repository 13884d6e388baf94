// What is expected against what happened.
#include "sim/scenario/judge.h"

#include <string>

#include "sim/machine/event.h"
#include "tests/scenario/support.h"

namespace nptsim::scenario {
namespace {

using machine::Event;
using machine::EventValue;
using machine::Hex;
using machine::Outcome;
using machine::OutcomeKind;
using machine::RunResult;
using machine::SpinKind;
using Names = std::vector<std::string>;

// A vCPU spins on a write to flash; five events tell how.
RunResult spin() {
  RunResult result;
  Outcome outcome;
  outcome.kind = OutcomeKind::kSpins;
  outcome.spin = SpinKind::kFault;
  outcome.at = "mov byte ptr [rbx], 0x40   # write";
  outcome.registers.gpr[0] = 0x1280;
  outcome.registers.rflags = 3;
  result.vcpus.push_back(outcome);
  result.vm.kind = OutcomeKind::kCompletes;
  result.seen_by = "nobody";
  const auto add = [&result](std::string kind, machine::EventFields fields, std::string rule = "") {
    result.events.push_back({result.events.size() + 1, "vcpu0", machine::Layer::kKernel,
                             std::move(kind), std::move(rule), std::nullopt, std::move(fields)});
  };
  add("npf", {{"gpa", Hex{0xffc00000}}, {"error", Names{"user", "final"}}});
  add("decide", {{"stage", std::string("pfn")}, {"passed", std::uint64_t{3}}}, "pfn.ok");
  add("npf", {{"gpa", Hex{0xffc00000}}, {"error", Names{"present", "write", "user", "final"}}});
  add("do", {{"action", std::string("psmash")}, {"ok", true}});
  add("npf", {{"gpa", Hex{0x1000}}, {"error", Names{"write"}}});
  return result;
}

std::string judged(const std::string& expect, const RunResult& result = spin()) {
  const Scenario scenario = only_scenario(small("expect:\n  " + expect + "\n"));
  std::string text;
  for (const Difference& difference : judge(scenario.expect.at(0).expectation, result)) {
    text += to_string(difference.pos) + ": " + difference.sentence + "\n";
  }
  return text;
}

TEST_CASE("claims that hold") {
  const char* claims[] = {
      "vcpu0: { outcome: spins }",
      "vcpu0: { outcome: spins, kind: fault, at: 'mov  byte ptr [rbx], 0x40' }",
      "vcpu0: { at: 'MOV BYTE PTR [rbx], 0x40' }",
      "vcpu0: { al: 0x80, ah: 0x12, eax: 0x1280, cf: 1, zf: 0 }",
      "vm: { outcome: completes }",
      "seen_by: nobody",
      "harm: []",
      "events: [ npf, npf, npf ]",
      "events: [ { npf: { gpa: 0xffc00000, error: [final, user] } } ]",
      "events: [ { npf: { gpa: 4290772992, error: { contains: [write, present] } } } ]",
      "events: [ { npf: { error: write } } ]",
      "events: [ { npf: { error: { any: [write] } } } ]",
      "events: [ { npf: { error: { not: present }, gpa: { not: [0xffc00000, 0] } } } ]",
      "events: [ { decide: { stage: pfn, rule: pfn.ok, passed: 3, layer: kernel, by: vcpu0 } } ]",
      "events: [ { psmash: { ok: yes } } ]",
      "only: [ decide ]",
      "only: [ npf, decide, npf, npf ]",
      "none: [ vc, { npf: { gpa: 0x2000 } }, rmp ]",
      "count: { npf: 3, psmash: 1, vc: 0 }",
      "count: [ { npf: { gpa: 0xffc00000 }, times: 2 } ]",
  };
  for (const char* claim : claims) {
    CAPTURE(claim);
    CHECK(judged(claim) == "");
  }
}

TEST_CASE("claims that do not, and the sentence") {
  struct Row {
    const char* claim;
    const char* sentence;
  };
  const Row rows[] = {
      {"vcpu0: { outcome: completes, al: 1 }",
       "f.yaml:7:21: vcpu0: expected completes, but it is spins (fault) at 'mov byte ptr [rbx], "
       "0x40'\n"},
      {"vcpu0: { outcome: spins, kind: vmm, al: 0x81 }",
       "f.yaml:7:34: vcpu0: expected kind vmm, but it is fault\n"
       "f.yaml:7:43: vcpu0: expected al 0x81, but it is 0x80\n"},
      {"vcpu0: { outcome: spins, at: hlt }",
       "f.yaml:7:32: vcpu0: expected at 'hlt', but it is 'mov byte ptr [rbx], 0x40   # write'\n"},
      {"vcpu0: { vector: 29 }", "f.yaml:7:20: vcpu0: expected vector 0x1d, but it is nothing\n"},
      {"vm: { outcome: vm-killed }", "f.yaml:7:18: vm: expected vm-killed, but it is completes\n"},
      {"seen_by: guest",
       "f.yaml:7:12: expected that it is seen by guest, but it is seen by nobody\n"},
      {"harm: [rom-modified]", "f.yaml:7:9: expected the harm rom-modified, but it is not done\n"},
      {"events: [ { npf: { gpa: 0xffc00000, error: [present, write] } } ]",
       "f.yaml:7:15: expected the event npf { gpa: 0xffc00000, error: [present, write] }, but it "
       "does "
       "not happen; nearest is event 1, npf { gpa: 0xffc00000, error: [user, final] }; its error "
       "is "
       "[user, final] and not [present, write]\n"},
      {"events: [ { npf: { gpa: 0x1000 } }, decide ]",
       "f.yaml:7:39: expected the event decide after event 5, but it does not happen; it happens "
       "earlier, as event 2\n"},
      {"events: [ vc ]",
       "f.yaml:7:13: expected the event vc, but it does not happen; no event of that kind does\n"},
      {"events: [ { decide: { row: x } } ]",
       "f.yaml:7:15: expected the event decide { row: x }, but it does not happen; nearest is "
       "event "
       "2, decide { stage: pfn, passed: 3 }; it has no row\n"},
      {"only: [ npf, npf ]",
       "f.yaml:7:16: expected no more events of the kinds in `only`, but there is event 5, npf { "
       "gpa: 0x1000, error: [write] }\n"},
      {"only: [ npf, { npf: { gpa: 0x1000 } }, npf ]",
       "f.yaml:7:18: expected npf { gpa: 0x1000 } as the next event of the kinds in `only`, but it "
       "is event 3, npf { gpa: 0xffc00000, error: [present, write, user, final] }\n"},
      {"only: [ decide, decide ]",
       "f.yaml:7:19: expected the event decide, but it does not happen; nearest is event 2, decide "
       "{ "
       "stage: pfn, passed: 3 }\n"},
      {"none: [ psmash ]",
       "f.yaml:7:11: expected no event psmash, but there is event 4, do { action: psmash, ok: yes "
       "}\n"},
      {"count: { npf: 2 }",
       "f.yaml:7:17: expected the event npf 2 times, but it happens 3 times\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.claim);
    CHECK(judged(row.claim) == row.sentence);
  }
}

TEST_CASE("harm that nobody expected is a difference, also where nothing is claimed") {
  RunResult result = spin();
  result.harm = {"stale-data-read"};
  CHECK(judged("seen_by: nobody", result) ==
        "f.yaml:7:3: the harm stale-data-read is done, and not expected\n");
  CHECK(judged("harm: [stale-data-read]", result) == "");
  CHECK(judge_point(only_scenario(small()), result).status == Status::kFail);
}

TEST_CASE("an exception, a termination, a refusal: their own fields") {
  RunResult result = spin();
  Outcome& outcome = result.vcpus[0];
  outcome = {};
  outcome.kind = OutcomeKind::kException;
  outcome.vector = 29;
  outcome.error_code = 0x400;
  CHECK(judged("vcpu0: { outcome: exception, vector: vc, error_code: 0x400 }", result) == "");
  outcome = {};
  outcome.kind = OutcomeKind::kGuestTerminated;
  outcome.reason_set = 0;
  outcome.reason_code = 3;
  CHECK(judged("vcpu0: { outcome: guest-terminated, reason_set: 0, reason_code: 4 }", result) ==
        "f.yaml:7:67: vcpu0: expected reason_code 0x4, but it is 0x3\n");
  outcome = {};
  outcome.kind = OutcomeKind::kVmKilled;
  outcome.who = "qemu";
  outcome.text = "error: kvm run failed Bad address";
  outcome.process_alive = true;
  CHECK(judged("vcpu0: { outcome: vm-killed, who: qemu, text: Bad address, process_alive: yes }",
               result) == "");
  CHECK(
      judged("vcpu0: { outcome: vm-killed, who: kvm, text: EFAULT, process_alive: no }", result) ==
      "f.yaml:7:37: vcpu0: expected who kvm, but it is qemu\n"
      "f.yaml:7:48: vcpu0: expected a text with 'EFAULT', but it is 'error: kvm run failed Bad "
      "address'\n"
      "f.yaml:7:71: vcpu0: expected process_alive no, but it is yes\n");
}

Verdict verdict(const std::string& more, const RunResult& result) {
  return judge_point(only_scenario(small(more)), result);
}

TEST_CASE("a gap passes when it is expected, a bound never does") {
  RunResult result = spin();
  result.vcpus[0] = {};
  result.vcpus[0].kind = OutcomeKind::kUnspecified;
  result.vcpus[0].text = "no source says";
  CHECK(verdict("expect: { vcpu0: { outcome: unspecified } }\n", result).status == Status::kPass);
  const Verdict other = verdict("expect: { vcpu0: { outcome: spins } }\n", result);
  CHECK(other.status == Status::kIncomplete);
  CHECK(other.why == "vcpu0: expected spins, but it is unspecified: no source says");
  CHECK(verdict("", result).status == Status::kIncomplete);

  result.vcpus[0].kind = OutcomeKind::kUndecided;
  CHECK(verdict("expect: { vcpu0: { outcome: undecided } }\n", result).status ==
        Status::kIncomplete);
  CHECK(verdict("expect: { vcpu0: { al: 0 } }\n", result).status == Status::kIncomplete);
  CHECK(verdict("xfail: x\nexpect: { vcpu0: { outcome: spins } }\n", result).status ==
        Status::kIncomplete);
  CHECK(verdict("expect: { vcpu0: { outcome: spins }, seen_by: vmm }\n", result).status ==
        Status::kFail);
}

TEST_CASE("a known disagreement passes, and passing unexpectedly fails") {
  const Verdict known =
      verdict("xfail: not modelled\nexpect: { vcpu0: { outcome: waits } }\n", spin());
  CHECK(known.status == Status::kPass);
  CHECK(known.why == "a known disagreement: not modelled");
  CHECK(known.differences.size() == 1);
  const Verdict surprise =
      verdict("xfail: not modelled\nexpect: { vcpu0: { outcome: spins } }\n", spin());
  CHECK(surprise.status == Status::kFail);
  CHECK(surprise.differences.at(0).sentence ==
        "marked xfail (not modelled), but all is as expected");
}

TEST_CASE("a point without any item of `expect` is no pass") {
  const Verdict none =
      verdict("expect: [ { when: { kernel: kvm-6.8 }, vcpu0: { outcome: spins } } ]\n", spin());
  CHECK(none.status == Status::kFail);
  CHECK(none.differences.at(0).sentence == "no item of `expect` is for this point");
}

TEST_CASE("a vCPU that does not run meets no claim") {
  RunResult result = spin();
  result.vcpus.clear();
  CHECK(judged("vcpu0: { outcome: spins }", result) == "f.yaml:7:10: vcpu0: it does not run\n");
}

}  // namespace
}  // namespace nptsim::scenario
