// What differs from one KVM to the next. Each row is one difference: a small machine is built for
// every version and run, and the row says how it must end where, and by which decision.
#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "sim/machine/run.h"
#include "tests/build/story.h"

namespace nptsim::scenario {
namespace {

using machine::OutcomeKind;

const std::vector<std::string> kVersions = {"5.17", "6.0",  "6.8",  "6.10", "6.11",
                                            "6.12", "6.14", "6.18", "7.0"};

std::size_t place_of(const std::string& version) {
  const auto at = std::find(kVersions.begin(), kVersions.end(), version);
  REQUIRE(at != kVersions.end());
  return static_cast<std::size_t>(at - kVersions.begin());
}

struct Ended {
  OutcomeKind kind = OutcomeKind::kUndecided;
  std::string text;
  std::uint64_t rax = 0, rdx = 0;
  std::vector<std::string> rules;  // of all events, in order
  bool has(const std::string& rule) const {
    return std::find(rules.begin(), rules.end(), rule) != rules.end();
  }
};

struct Rules : machine::EventSink {
  void take(machine::Event event) override { list.push_back(std::move(event.rule)); }
  std::vector<std::string> list;
};

Ended run(const std::string& version, const std::string& machine, const std::string& body) {
  Story story("machine: { cpu: milan, kernel: kvm-" + version + ", " + machine + " }\n" + body);
  Rules rules;
  machine::RunOptions options;
  options.sink = &rules;
  const machine::RunResult result = machine::run(story.machine(), options);
  const machine::Outcome& outcome = result.vcpus.front();
  return {outcome.kind, outcome.text, outcome.registers.gpr[isa::kRax],
          outcome.registers.gpr[isa::kRdx], std::move(rules.list)};
}

// How it ends from a version on, until the next line says otherwise; `rule` decided on the way
// (empty: none is named), `not_rule` never did.
struct From {
  const char* version;
  OutcomeKind kind;
  const char* rule;
  const char* not_rule = "";
};

struct Difference {
  const char* what;
  const char* machine;
  std::string body;
  std::vector<From> history;
};

const From& at(const std::vector<From>& history, const std::string& version) {
  const From* found = &history.front();
  for (const From& from : history) {
    if (place_of(from.version) <= place_of(version)) found = &from;
  }
  return *found;
}

const std::string kRamOnly = "memory: { ram: { gpa: 0, size: 16M } }\n";
const std::string kHole = kRamOnly + R"(
map: [ { gva: 0xd0000000, gpa: 0xd0000000, size: 4K, c_bit: 0, access: rwx } ]
program: { vcpu0: "mov rbx, 0xd0000000\nmov eax, [rbx]" }
)";
const std::string kTaken = kRamOnly + R"(
map: [ { gva: 0x300000, gpa: 0x300000, size: 4K } ]
script: [ { vmm: { rmpupdate: { page: ram+0x300000 } } } ]
program: { vcpu0: "mov rbx, 0x300000\nmov rax, [rbx]" }
)";
const std::string kNop = kRamOnly + "program: { vcpu0: nop }\n";
// The program reads two pages of a read-only slot and then uses them as its page tables.
const std::string kOwnTables = R"(
memory:
  ram: { gpa: 0, size: 16M }
  rom:
    gpa: 0x1000000
    size: 1M
    contents: [ { offset: 0, words: [0x1001027] }, { offset: 0x1000, words: [0xe3] } ]
map: [ { gva: 0x1000000, gpa: 0x1000000, size: 8K, access: rw } ]
start:
  slots:
    - { gpa: 0, size: 16M, backing: ram }
    - { gpa: 0x1000000, size: 1M, backing: rom, flags: [readonly] }
program: { vcpu0: "mov rbx, 0x1000000\nmov rax, [rbx]\nmov rax, [rbx + 0x1000]\nmov cr3, rbx\nnop" }
)";
const std::string kReadonlySlot = R"(
memory: { ram: { gpa: 0, size: 16M }, rom: { gpa: 0x1000000, size: 1M } }
start:
  slots:
    - { gpa: 0, size: 16M, backing: ram }
    - { gpa: 0x1000000, size: 1M, backing: rom, flags: [readonly] }
program: { vcpu0: nop }
)";
const std::string kAddToReadonly = R"(
memory: { ram: { gpa: 0, size: 16M }, rom: { gpa: 0x1000000, size: 1M } }
map: [ { gva: 0x1000000, gpa: 0x1000000, size: 4K, access: rw } ]
start:
  slots:
    - { gpa: 0, size: 16M, backing: ram }
    - { gpa: 0x1000000, size: 1M, backing: rom, flags: [readonly] }
program: { vcpu0: "mov ebx, 0x1000000\nadd dword ptr [rbx], 1" }
)";
// A device page gets an MMIO entry; a command to the flash deletes its slot; the page is read
// again.
const std::string kDeleteElsewhere = R"(
memory:
  ram: { gpa: 0, size: 16M }
  flash: { gpa: 0xffc00000, size: 4M, device: pflash, mode: romd, launch: plain }
map:
  - { gva: 0xd0000000, gpa: 0xd0000000, size: 4K, c_bit: 0 }
  - { gva: 0xffc00000, gpa: 0xffc00000, size: 4K, c_bit: 0 }
program: { vcpu0: "mov rbx, 0xd0000000\nmov rdi, 0xffc00000\nmov al, [rbx]\nmov byte ptr [rdi], 0x70\nmov al, [rbx]" }
)";
const std::string kTracked = kRamOnly + R"(
map: [ { gva: 0x300000, gpa: 0x300000, size: 4K, access: rw } ]
start: { write_tracked: [0x300000] }
program: { vcpu0: "mov rbx, 0x300000\nmov dword ptr [rbx], 1\nmov dword ptr [rbx], 2" }
)";
const std::string kTrackedTable =
    kRamOnly + "start: { write_tracked: [0x100000] }\nprogram: { vcpu0: nop }\n";
const std::string kStackOnDevice = kRamOnly + R"(
map: [ { gva: 0xd0000000, gpa: 0xd0000000, size: 4K, access: rw } ]
program: { vcpu0: "mov rsp, 0xd0001000\nmov eax, [rsp - 8]\ndiv ecx" }
)";
// Logging goes on between two writes of one page.
// In x2APIC mode; the program goes on.
const std::string kX2apic =
    kRamOnly + "program: { vcpu0: \"mov ecx, 0x1b\\nmov eax, 0xfee00d00\\nxor edx, edx\\nwrmsr\\n";

const std::string kLargeLogged = R"(
memory: { ram: { gpa: 0, size: 16M }, bank: { gpa: 0x40000000, size: 2M, host_page: 2M } }
map: [ { gva: 0x40000000, gpa: 0x40000000, size: 2M, page: 2M, access: rw } ]
start: { slots: [ { id: 0, gpa: 0, size: 16M, backing: ram }, { id: 1, gpa: 0x40000000, size: 2M, backing: bank } ] }
script: [ { vmm: { set_slot: { id: 1, gpa: 0x40000000, size: 2M, backing: bank, flags: [log_dirty] } }, at: on } ]
program: { vcpu0: "mov rbx, 0x40000000\nmov [rbx], eax\non: mov [rbx], eax" }
)";
const std::string kTerminate = kRamOnly + "program: { vcpu0: \".call terminate 1, 3\" }\n";
const Difference kDifferences[] = {
    {"SEVHW-4: no SEV-ES without MMIO caching",
     "vm: sev-es-legacy, vmm: qemu, guest: linux",
     kHole + "set: { kernel.mmio_caching: off }\n",
     {{"5.17", OutcomeKind::kSpins, "gate.sealed"}, {"6.0", OutcomeKind::kRefused, ""}}},
    {"NOSLOT-3: a plain VM without MMIO caching",
     "vm: default, vmm: qemu",
     kHole + "set: { kernel.mmio_caching: off }\n",
     {{"5.17", OutcomeKind::kCompletes, "noslot.no-caching", "map.mmio"}}},
    {"types of SEV and SEV-ES VMs",
     "vm: sev-es, vmm: bare",
     kNop,
     {{"5.17", OutcomeKind::kRefused, ""}, {"6.10", OutcomeKind::kCompletes, ""}}},
    {"the type of SEV VMs",
     "vm: sev, vmm: bare",
     kNop,
     {{"5.17", OutcomeKind::kRefused, ""}, {"6.10", OutcomeKind::kCompletes, ""}}},
    {"FLG-2: READONLY of a typed SEV-ES VM",
     "vm: sev-es, vmm: bare",
     kReadonlySlot,
     {{"5.17", OutcomeKind::kRefused, ""},
      {"6.10", OutcomeKind::kCompletes, ""},
      {"6.11", OutcomeKind::kRefused, ""}}},
    {"FLG-2: READONLY of a typed SEV VM",
     "vm: sev, vmm: bare",
     kReadonlySlot,
     {{"5.17", OutcomeKind::kRefused, ""}, {"6.10", OutcomeKind::kCompletes, ""}}},
    {"FLG-2: READONLY of the default type, SEV-ES",
     "vm: sev-es-legacy, vmm: bare",
     kReadonlySlot,
     {{"5.17", OutcomeKind::kCompletes, ""}}},
    {"LX-4: own tables in a read-only slot, read before",
     "vm: default, vmm: bare",
     kOwnTables,
     {{"5.17", OutcomeKind::kSpins, "mpf.unprotect", "gate.plain"},
      {"6.12", OutcomeKind::kCompletes, "gate.plain"}}},
    {"LX-6: the same under SEV-ES",
     "vm: sev-es-legacy, vmm: bare",
     kReadonlySlot + "place: { tables: 0x1000000 }\n",
     {{"5.17", OutcomeKind::kSpins, "gate.sealed"}}},
    {"EMU-6: a write to a read-only slot by what writes no page tables",
     "vm: default, vmm: bare",
     kAddToReadonly,
     {{"5.17", OutcomeKind::kCompletes, "emulate.tried-again"},
      {"6.12", OutcomeKind::kCompletes, "retry-allowed.other", "emulate.tried-again"}}},
    {"WP-3: a write-tracked page",
     "vm: default, vmm: bare",
     kTracked,
     {{"5.17", OutcomeKind::kCompletes, "tdp.write-tracked", "write-protect.emulate"},
      {"6.12", OutcomeKind::kCompletes, "write-protect.emulate"}}},
    {"WP-2: a write-tracked page table",
     "vm: default, vmm: bare",
     kTrackedTable,
     {{"5.17", OutcomeKind::kCompletes, "mpf.unprotect"},
      {"6.12", OutcomeKind::kCompletes, "write-protect.table", "mpf.unprotect"}}},
    {"3.5: DELETE of another slot, typed VM",
     "vm: sev, vmm: qemu",
     kDeleteElsewhere,
     {{"5.17", OutcomeKind::kRefused, ""},
      {"6.10", OutcomeKind::kCompletes, "delete.zap-all", "mmio-fault.stale"},
      {"6.12", OutcomeKind::kCompletes, "mmio-fault.stale", "delete.zap-all"}}},
    {"3.5: DELETE of another slot, default type",
     "vm: default, vmm: qemu",
     kDeleteElsewhere,
     {{"5.17", OutcomeKind::kCompletes, "delete.zap-all", "mmio-fault.stale"}}},
    {"GATE-1 and NPF-4: an exit during the delivery of an event",
     "vm: default, vmm: bare",
     kStackOnDevice,
     {{"5.17", OutcomeKind::kUnspecified, "gate.delivering"},
      {"6.14", OutcomeKind::kVmKilled, "gate.vectoring", "rsvd-probe.vectoring"},
      {"7.0", OutcomeKind::kSpins, "rsvd-probe.vectoring", "gate.vectoring"}}},
    {"NPF-4: the RSVD probe lets a plain guest through",
     "vm: default, vmm: bare",
     kRamOnly + R"(
map: [ { gva: 0xd0000000, gpa: 0xd0000000, size: 4K, access: rw } ]
program: { vcpu0: "mov rbx, 0xd0000000\nmov eax, [rbx]\nmov eax, [rbx]" }
)",
     {{"5.17", OutcomeKind::kCompletes, "mmio-fault.cached", "rsvd-probe.go"},
      {"7.0", OutcomeKind::kCompletes, "rsvd-probe.go"}}},
    {"GATE-9: a plain SEV guest fetches from a hole",
     "vm: sev-legacy, vmm: bare",
     kRamOnly + R"(
map: [ { gva: 0xd0000000, gpa: 0xd0000000, size: 4K, c_bit: 0, access: rwx } ]
program: { vcpu0: "mov rbx, 0xd0000000\njmp rbx" }
)",
     {{"5.17", OutcomeKind::kSpins, "gate.fetch"}}},
    {"FLG-3: a guest_memfd behind a slot of a VM without private memory",
     "vm: default, vmm: bare",
     kRamOnly + "script: [ { vmm: { set_slot: { id: 5, gpa: 0xd0000000, size: 4K, backing: ram, "
                "flags: [guest_memfd], guest_memfd: ram } } } ]\nprogram: { vcpu0: nop }\n",
     {{"5.17", OutcomeKind::kCompletes, "slots.bad-flags"},
      {"6.18", OutcomeKind::kCompletes, "bind.ok", "slots.bad-flags"}}},
    {"2.6: dirty logging of a large page",
     "vm: default, vmm: bare",
     kLargeLogged,
     {{"5.17", OutcomeKind::kCompletes, "fast.large-logged", "set-flags.split"},
      {"6.0", OutcomeKind::kCompletes, "set-flags.split", "fast.large-logged"}}},
    {"CLR-5: the last vCPU leaves its root",
     "vm: default, vmm: bare",
     kRamOnly + "program: { vcpu0: \"mov rax, cr4\\nxor eax, 0x10\\nmov cr4, rax\" }\n",
     {{"5.17", OutcomeKind::kCompletes, "intercept.role"},
      {"6.8", OutcomeKind::kCompletes, "", "intercept.role"}}},
    {"a port of the kernel that gives nothing: AL is cleared, or as it was",
     "vm: default, vmm: bare",
     kRamOnly + "set: { vmm.pit: plain }\n"
                "program: { vcpu0: \"mov al, 0x77\\nin al, 0x43\\ncmp al, 0x77\\n"
                "je same\\nud2\\nsame: nop\" }\n",
     {{"5.17", OutcomeKind::kException, ""}, {"6.0", OutcomeKind::kCompletes, ""}}},
    {"x2APIC: the upper half of a 32-bit register",
     "vm: default, vmm: bare",
     kX2apic + "mov ecx, 0x808\\nmov edx, 1\\nwrmsr\" }\n",
     {{"5.17", OutcomeKind::kCompletes, ""}, {"6.8", OutcomeKind::kException, ""}}},
    {"x2APIC: reserved bits of ICR",
     "vm: default, vmm: bare",
     kX2apic + "mov ecx, 0x830\\nmov eax, 0x108500\\nwrmsr\" }\n",
     {{"5.17", OutcomeKind::kCompletes, ""}, {"6.12", OutcomeKind::kException, ""}}},
    {"string I/O of a plain SEV guest",
     "vm: sev-legacy, vmm: bare",
     kRamOnly + "program: { vcpu0: \"mov esi, 0x20000\\noutsb\" }\n",
     {{"5.17", OutcomeKind::kException, "string-io.sev"}}},
    {"PREP-3: a private page that the host has taken back",
     "vm: snp, vmm: bare",
     kTaken,
     {{"5.17", OutcomeKind::kRefused, ""},
      {"6.11", OutcomeKind::kSpins, "gmem.known", "gmem.make-private"},
      {"7.0", OutcomeKind::kException, "gmem.make-private", "gmem.known"}}},
    {"5.6: TERM_REQ",
     "vm: sev-es-legacy, vmm: qemu, guest: linux",
     kTerminate,
     {{"5.17", OutcomeKind::kVmKilled, "msr-protocol.terminate"},
      {"6.0", OutcomeKind::kGuestTerminated, "msr-protocol.terminate"}}},
};

TEST_CASE("each version decides as its history says") {
  for (const Difference& difference : kDifferences) {
    for (const std::string& version : kVersions) {
      CAPTURE(difference.what);
      CAPTURE(version);
      const Ended ended = run(version, difference.machine, difference.body);
      const From& wanted = at(difference.history, version);
      CAPTURE(ended.text);
      CHECK(name_of(ended.kind) == name_of(wanted.kind));
      if (wanted.rule[0] != 0) CHECK_MESSAGE(ended.has(wanted.rule), wanted.rule);
      if (wanted.not_rule[0] != 0) CHECK_MESSAGE(!ended.has(wanted.not_rule), wanted.not_rule);
    }
  }
}

// The MSR protocol: what the guest reads back after a request (GHCB specification 2.3.1).
struct Answer {
  const char* version;
  const char* vm;
  std::uint64_t request;
  std::uint64_t low, high;
};
constexpr std::uint64_t kSevInfo = 0x33000001;  // the C-bit is 51; code 0x001
const Answer kAnswers[] = {
    {"5.17", "sev-es-legacy", 0x002, kSevInfo, 0x00010001},
    {"6.8", "sev-es-legacy", 0x002, kSevInfo, 0x00010001},
    {"6.10", "sev-es-legacy", 0x002, kSevInfo, 0x00010001},
    {"6.10", "sev-es", 0x002, kSevInfo, 0x00020001},
    {"7.0", "sev-es-legacy", 0x002, kSevInfo, 0x00010001},
    {"7.0", "sev-es", 0x002, kSevInfo, 0x00020001},
    // EAX of leaf 0: the highest leaf that is answered.
    {"5.17", "sev-es-legacy", 0x004, 0x005, 0xd},
    {"7.0", "sev-es-legacy", 0x004, 0x005, 0xd},
    // Not known yet: the request comes back as it was.
    {"5.17", "sev-es-legacy", 0x006, 0x006, 0},
    {"6.8", "sev-es-legacy", 0x006, 0x006, 0},
    {"6.8", "sev-es-legacy", 0x010, 0x010, 0},
    {"6.10", "sev-es-legacy", 0x012, 0x012, 0},
    {"6.10", "sev-es-legacy", 0x014, 0x014, 0},
    {"5.17", "sev-es-legacy", 0x080, 0x080, 0},
    {"6.8", "sev-es-legacy", 0x080, 0x080, 0},
    {"6.10", "sev-es-legacy", 0x080, 0x1081, 0},
    {"6.11", "sev-es-legacy", 0x080, 0x3081, 0},
    {"7.0", "sev-es", 0x080, 0x3081, 0},
    {"7.0", "sev-es", 0x003, 0x003, 0},
    {"7.0", "sev-es", 0xfff, 0xfff, 0},
};

TEST_CASE("the MSR protocol answers as each version does") {
  for (const Answer& row : kAnswers) {
    CAPTURE(row.version);
    CAPTURE(row.vm);
    CAPTURE(row.request);
    const Ended ended =
        run(row.version, "vm: " + std::string(row.vm) + ", vmm: qemu, guest: linux",
            kRamOnly + "program: { vcpu0: \"mov ecx, 0xc0010130\\nmov eax, " +
                std::to_string(row.request) + "\\nxor edx, edx\\nwrmsr\\nvmgexit\\nrdmsr\" }\n");
    CHECK(name_of(ended.kind) == "completes");
    CHECK(ended.rax == row.low);
    CHECK(ended.rdx == row.high);
  }
}

// What the table above leaves: requests that do not return to the guest.
TEST_CASE("the MSR protocol ends a run, or keeps a vCPU") {
  const auto ask = [](const char* version, std::uint64_t request) {
    return run(version, "vm: sev-es-legacy, vmm: qemu, guest: linux",
               kRamOnly + "program: { vcpu0: \"mov ecx, 0xc0010130\\nmov eax, " +
                   std::to_string(request) + "\\nxor edx, edx\\nwrmsr\\nvmgexit\" }\n");
  };
  for (const char* version : {"6.10", "6.11", "7.0"}) {
    CHECK(name_of(ask(version, 0x006).kind) == "waits");
  }
  for (const char* version : {"6.11", "6.18", "7.0"}) {
    for (const std::uint64_t request : {0x010ull, 0x012ull, 0x014ull}) {
      CAPTURE(version);
      CAPTURE(request);
      CHECK(name_of(ask(version, request).kind) == "guest-terminated");
    }
  }
}

}  // namespace
}  // namespace nptsim::scenario
