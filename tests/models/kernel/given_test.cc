// The kernel `given`: every word of `then:` does what it says, what is not given has no answer, and
// what cannot be meant is refused where it stands.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "models/kernel/given/model.h"
#include "sim/machine/run.h"
#include "tests/build/story.h"

namespace nptsim::scenario {
namespace {

using machine::OutcomeKind;

struct Told : machine::EventSink {
  void take(machine::Event event) override { kinds.push_back(std::move(event.kind)); }
  std::vector<std::string> kinds;
};

std::string with(const std::string& vm, const std::string& answers, const std::string& program) {
  return "machine: { cpu: milan, vm: " + vm + ", kernel: given, vmm: bare }\n" +
         "memory:\n"
         "  ram: { gpa: 0, size: 16M }\n"
         "  rom: { gpa: 0xc0000000, size: 4M }\n"
         "map:\n"
         "  - { gva: 0xc0000000, gpa: 0xc0000000, size: 8K }\n"
         "  - { gva: 0xd0000000, gpa: 0xd0000000, size: 4K, c_bit: 0 }\n"
         "start:\n  answers: [ " +
         answers +
         " ]\n"
         "program:\n  vcpu0: |\n" +
         program;
}

const std::string kRead = "    mov rbx, 0xc0000000\n    mov rax, [rbx]\n";
const std::string kWrite =
    "    mov rbx, 0xc0000000\n    mov qword ptr [rbx], 7\n    mov rax, [rbx]\n";
const std::string kReadHole = "    mov rbx, 0xd0000000\n    mov eax, [rbx]\n";
const std::string kWriteHole = "    mov rbx, 0xd0000000\n    mov [rbx], ecx\n";
const std::string kOrHole = "    mov rbx, 0xd0000000\n    or dword ptr [rbx], 1\n";
const std::string kMovsHole = "    mov esi, 0xd0000000\n    mov edi, 0xd0000100\n    movsb\n";

const std::string kWideHole = "    mov rbx, 0xd0000000\n    movups xmm0, [rbx]\n";

struct Case {
  const char* vm;
  const char* answers;
  const std::string& program;
  OutcomeKind kind;
  const char* text;   // a part of the outcome's
  std::uint64_t rax;  // of one that completes
  const char* event;  // of this kind is one
};
const std::string kCpuid = "    mov eax, 5\n    cpuid\n";
const std::string kHlt = "    hlt\n    nop\n";
const std::string kVmgexit = "    vmgexit\n    mov eax, 9\n";
const std::string kTwice = "    mov rbx, 0xc0000000\n    mov al, [rbx]\n    mov [rbx], al\n";

const std::vector<Case> kCases = {
    {"default", "{ gpa: 0xc0000000, then: map }", kWrite, OutcomeKind::kCompletes, "", 7, "npf"},
    {"default", "{ gpa: 0xc0000000, then: map-2m }", kWrite, OutcomeKind::kCompletes, "", 7, "npf"},
    {"default", "{ gpa: 0xc0000000, then: map-read-only }", kRead, OutcomeKind::kCompletes, "", 0,
     "npf"},
    // Mapped again and again, and the write faults again and again.
    {"default", "{ gpa: 0xc0000000, then: map-read-only }", kTwice, OutcomeKind::kSpins, "", 0,
     "npf"},
    {"default", "{ gpa: 0xc0000000, access: r, then: map-read-only }", kTwice,
     OutcomeKind::kUnspecified,
     "a #NPF at gpa 0xc0000000, error present write user final, is not given", 0, "npf"},
    {"default",
     "{ gpa: 0xc0000000, access: r, then: map-read-only }, { gpa: 0xc0000000, then: map }", kTwice,
     OutcomeKind::kCompletes, "", 0, "npf"},
    {"default", "{ gpa: 0xc0000000, then: retry }", kRead, OutcomeKind::kSpins, "", 0, "npf"},
    {"default", "{ gpa: 0xc0000000, times: 3, then: retry }, { gpa: 0xc0000000, then: map }", kRead,
     OutcomeKind::kCompletes, "", 0, "npf"},
    {"default", "{ gpa: 0xd0000000, then: mmio }", kReadHole, OutcomeKind::kCompletes, "",
     0xc3c2c1c0, "kvm_exit_mmio"},
    {"default", "{ gpa: 0xd0000000, then: mmio }", kWriteHole, OutcomeKind::kCompletes, "", 0,
     "kvm_exit_mmio"},
    {"default", "{ gpa: 0xd0000000, then: mmio }", kOrHole, OutcomeKind::kCompletes, "", 0,
     "kvm_exit_mmio"},
    {"default", "{ gpa: 0xd0000000, then: mmio }", kMovsHole, OutcomeKind::kCompletes, "", 0,
     "kvm_exit_mmio"},
    {"default", "{ gpa: 0xd0000000, then: mmio }", kWideHole, OutcomeKind::kUnspecified,
     "more than one access", 0, "npf"},
    {"sev", "{ gpa: 0xd0000000, then: mmio }", kReadHole, OutcomeKind::kCompletes, "", 0xc3c2c1c0,
     "kvm_exit_mmio"},
    // A plain guest's second access is another exit, with RSV.
    {"default",
     "{ gpa: 0xd0000000, error: [rsvd], then: mmio }, { gpa: 0xd0000000, then: mmio-entry }",
     kReadHole, OutcomeKind::kCompletes, "", 0xc3c2c1c0, "kvm_exit_mmio"},
    {"default", "{ gpa: 0xd0000000, then: mmio-entry }", kReadHole, OutcomeKind::kSpins, "", 0,
     "npf"},
    {"sev-es", "{ gpa: 0xd0000000, then: mmio-entry }", kReadHole, OutcomeKind::kException, "", 0,
     "deliver"},
    {"default", "{ gpa: 0xc0000000, then: memory-fault }", kRead, OutcomeKind::kVmKilled,
     "memory fault, shared", 0, "kvm_exit_memory_fault"},
    {"default", "{ gpa: 0xc0000000, then: internal-error }", kRead, OutcomeKind::kVmKilled,
     "internal-error", 0, "npf"},
    {"default", "{ gpa: 0xc0000000, then: shutdown }", kRead, OutcomeKind::kShutdown, "", 0, "npf"},
    {"default", "{ gpa: 0xc0000000, then: efault }", kRead, OutcomeKind::kVmKilled, "errno 14", 0,
     "npf"},
    {"default", "{ gpa: 0xc0000000, then: einval }", kRead, OutcomeKind::kVmKilled, "errno 22", 0,
     "npf"},
    {"default", "{ gpa: 0xc0000000, then: inject-ud }", kRead, OutcomeKind::kException, "", 0,
     "deliver"},
    {"default", "{ gpa: 0xc0000000, then: inject-gp }", kRead, OutcomeKind::kException, "", 0,
     "deliver"},
    {"default", "{ exit: CPUID, then: skip }", kCpuid, OutcomeKind::kCompletes, "", 5, "exit"},
    {"default", "{ exit: CPUID, then: retry }", kCpuid, OutcomeKind::kSpins, "", 0, "exit"},
    {"default", "{ exit: HLT, then: halt }", kHlt, OutcomeKind::kCompletes, "", 0, "exit"},
    {"default", "", kCpuid, OutcomeKind::kUnspecified, "at the exit CPUID, is not given", 0,
     "exit"},
    {"sev-es", "{ exit: VMGEXIT, then: retry }", kVmgexit, OutcomeKind::kCompletes, "", 9, "exit"},
    {"sev-es", "", kVmgexit, OutcomeKind::kUnspecified, "at the exit VMGEXIT, is not given", 0,
     "exit"},
    {"default", "{ ioctl: set_memory_region, gpa: 0xc0000000, size: 4M, then: einval }", kRead,
     OutcomeKind::kRefused, "KVM_SET_USER_MEMORY_REGION2", 0, "outcome"},
    {"default", "{ ioctl: create_vm, then: einval }", kRead, OutcomeKind::kRefused, "KVM_CREATE_VM",
     0, "outcome"},
    {"snp", "{ gpa: 0xc0000000, then: memory-fault }", kRead, OutcomeKind::kVmKilled,
     "memory fault, private", 0, "kvm_exit_memory_fault"},
    // Assigned to the guest, which has not validated it: #VC. Nobody takes that, so it is #DF.
    {"snp", "{ gpa: 0xc0000000, then: assign }", kRead, OutcomeKind::kException, "", 0, "rmp"},
    {"snp", "{ gpa: 0xc0000000, then: assign-2m }", kRead, OutcomeKind::kException, "", 0, "rmp"},
    // Mapped without a word to the RMP: the next exit has bit 31.
    {"snp", "{ gpa: 0xc0000000, error: [rmp], then: efault }, { gpa: 0xc0000000, then: map }",
     kRead, OutcomeKind::kVmKilled, "errno 14", 0, "npf"},
};

bool is_refused_at_start(const Case& one) { return one.kind == OutcomeKind::kRefused; }

TEST_CASE("each word of then: does what it says") {
  for (const Case& one : kCases) {
    CAPTURE(one.vm);
    CAPTURE(one.answers);
    CAPTURE(one.program);
    std::string body = with(one.vm, one.answers, one.program);
    if (std::string(one.vm) == "snp") {
      body.replace(body.find("start:\n"), 7,
                   "start:\n  pages: [ { gpa: 0xc0000000, size: 8K, state: untouched } ]\n");
    }
    Story story(body);
    Told told;
    machine::RunOptions options;
    options.sink = &told;
    const machine::RunResult result = machine::run(story.machine(), options);
    const machine::Outcome& outcome = result.vcpus.front();
    CAPTURE(outcome.text);
    CHECK(outcome.kind == one.kind);
    CHECK(outcome.text.find(one.text) != std::string::npos);
    if (one.kind == OutcomeKind::kCompletes) CHECK(outcome.registers.gpr[isa::kRax] == one.rax);
    if (is_refused_at_start(one)) continue;
    CHECK(std::find(told.kinds.begin(), told.kinds.end(), one.event) != told.kinds.end());
  }
}

TEST_CASE("no word is left without a case") {
  std::set<std::string> used;
  for (const Case& one : kCases) {
    const std::string text = one.answers;
    for (std::size_t at = text.find("then: "); at != std::string::npos;
         at = text.find("then: ", at + 1)) {
      const std::size_t from = at + 6;
      used.insert(text.substr(from, text.find(' ', from) - from));
    }
  }
  // psmash, map-gpa-private and -shared: scenarios/given, scenarios/recorded. done is no answer's
  // own effect, eexist is einval's.
  used.insert({"none", "psmash", "map-gpa-private", "map-gpa-shared", "done", "eexist"});
  for (const given::ThenWord& row : given::then_words()) {
    const std::string word(row.word);
    CHECK_MESSAGE(used.contains(word), word);
  }
}

TEST_CASE("what cannot be meant is refused") {
  const std::vector<std::pair<std::string, std::string>> kRefusals = {
      {with("default", "{ gpa: 0xc0000000, then: mapp }", kRead), "did you mean 'map'"},
      {with("default", "{ gpa: 0xc0000000, then: halt }", kRead), "unknown answer 'halt'"},
      {with("default", "{ exit: CPUDI, then: skip }", kRead), "did you mean 'CPUID'"},
      {with("default", "{ exit: HLT, then: map }", kRead), "unknown answer 'map'"},
      {with("default", "{ ioctl: set_memory_regio, then: einval }", kRead),
       "did you mean 'set_memory_region'"},
      {with("default", "{ gpa: 0xc0000000, error: [rsv], then: map }", kRead),
       "did you mean 'rsvd'"},
      {with("default", "{ gpa: 0xd0000000, then: map }", kReadHole),
       "there is no memory at gpa 0xd0000000"},
      {with("default", "{ gpa: 0xc0000000, then: assign }", kRead), "assign is for an SNP guest"},
      {with("sev-es", "{ gpa: 0xd0000000, then: mmio }", kReadHole),
       "mmio: the registers of this guest are encrypted"},
      {with("sev-es", "{ exit: HLT, then: skip }", kRead), "skip: the registers of this guest"},
      {with("snp", "{ exit: VMGEXIT, then: map-gpa-private }", kRead), "of which pages?"},
  };
  for (const auto& refused : kRefusals) {
    const std::string& body = refused.first;
    const std::string text = refusal(body);
    CAPTURE(body);
    CAPTURE(text);
    CHECK(text.find(refused.second) != std::string::npos);
  }
}

}  // namespace
}  // namespace nptsim::scenario
