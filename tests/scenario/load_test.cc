// Scenarios as people write them, right and wrong.
#include "sim/scenario/load.h"

#include <string>
#include <vector>

#include "sim/base/address.h"
#include "tests/scenario/support.h"

namespace nptsim::scenario {
namespace {

constexpr char kPflash[] = R"(nptsim: 1
name: A write to pflash in romd mode spins an SEV-ES vCPU
about: "..."
sources: ["KVM mailing list, June 2026, read-only memslots for SEV-ES"]
machine: { cpu: milan, vm: sev-es-legacy, kernel: kvm-7.0, vmm: qemu, guest: ovmf }
set: { kernel.mmio_caching: on }
memory:
  ram:   { gpa: 0, size: 16M }
  flash: { gpa: 0xffc00000, size: 4M, device: pflash, mode: romd, launch: plain }
map:
  - { gva: 0xffc00000, gpa: 0xffc00000, size: 4M, c_bit: 0, access: rw }
program:
  vcpu0: |
    mov rbx, 0xffc00000
    mov al, [rbx]                        # now the page is mapped, read-only
    mov byte ptr [rbx], 0x40
script: [ { vmm: flash.mode romd-on } ]
expect:
  vcpu0: { outcome: spins, kind: fault, at: "mov byte ptr [rbx], 0x40" }
  events: [ { npf: { gpa: 0xffc00000, error: [present, write, user, final] } } ]
)";

TEST_CASE("the handbook's first scenario") {
  const Scenario s = only_scenario(kPflash);
  CHECK(s.name == "A write to pflash in romd mode spins an SEV-ES vCPU");
  CHECK(s.sources.size() == 1);
  CHECK(s.vm.machine.vm.value == "sev-es-legacy");
  CHECK(s.vm.machine.vcpus.value == 1);
  REQUIRE(s.set.size() == 1);
  CHECK(s.set[0].key.value == "kernel.mmio_caching");
  CHECK(s.setting("kernel.mmio_caching") == "on");
  CHECK(s.setting("vmm") == "qemu");

  REQUIRE(s.vm.memory.size() == 2);
  CHECK(s.vm.memory[0].device == Device::kRam);
  const Region& flash = *s.vm.region("flash");
  CHECK(flash.gpa.value == 0xffc00000);
  CHECK(flash.size == 4 << 20);
  CHECK(flash.device == Device::kPflash);
  CHECK(flash.romd);
  CHECK(flash.launch == Launch::kPlain);

  REQUIRE(s.vm.map.size() == 1);
  CHECK(s.vm.map[0].c_bit == false);
  CHECK(s.vm.map[0].rights == Rights{true, true, false, false});

  const Program& program = s.vm.programs.at(0);
  REQUIRE(program.lines.size() == 3);
  CHECK(program.lines[1].text == "mov al, [rbx]");
  CHECK(to_string(program.lines[1].pos) == "f.yaml:15:5");

  REQUIRE(s.script.size() == 1);
  CHECK(s.script[0].actor.value == "vmm");
  CHECK(s.script[0].words == std::vector<std::string>{"flash.mode", "romd-on"});
  CHECK_FALSE(s.script[0].at_label.has_value());

  REQUIRE(s.expect.size() == 1);
  const Expectation& expectation = s.expect[0].expectation;
  CHECK(expectation.vcpus.at("vcpu0").outcome->value == "spins");
  REQUIRE(expectation.events.size() == 1);
  CHECK(expectation.events[0].kind.value == "npf");
}

TEST_CASE("the handbook's scenario of pages, with text in quotes") {
  const Scenario s = only_scenario(R"(nptsim: 1
name: PVALIDATE of 2M over a range with one shared page
machine: { cpu: milan, vm: snp, kernel: kvm-6.11, vmm: qemu-9.1, guest: linux }
memory: { ram: { gpa: 0, size: 16M } }
start: { pages: [ { gpa: 2M, size: 2M, state: assigned, rmp: 4K }, { gpa: 0x205000, size: 4K, state: shared } ] }
map: [ { gva: 2M, gpa: 2M, size: 2M, page: 2M, c_bit: 1 } ]
program: { vcpu0: "mov eax, 0x200000\n mov ecx, 1\n mov edx, 1\n pvalidate" }
expect: { vcpu0: { outcome: completes, rax: 6 }, events: [ { pvalidate: { size: 2M, result: FAIL_SIZEMISMATCH } } ], none: [ psmash ] }
)");
  REQUIRE(s.vm.start.pages.size() == 2);
  CHECK(s.vm.start.pages[0].state == PageState::kAssigned);
  CHECK(s.vm.start.pages[0].rmp == 4096u);
  CHECK_FALSE(s.vm.start.pages[1].rmp.has_value());
  CHECK(s.vm.programs.at(0).lines.size() == 4);
  CHECK(to_string(s.vm.programs.at(0).lines[3].pos) == "f.yaml:7:66");
  CHECK(s.expect[0].expectation.vcpus.at("vcpu0").registers.at("rax").value == 6);
  CHECK(s.expect[0].expectation.none[0].kind.value == "psmash");
}

TEST_CASE("what is not said has its documented default") {
  const Scenario s = only_scenario(small());
  CHECK(s.vm.machine.vm.value == "default");
  CHECK(s.vm.machine.vmm.value == "bare");
  CHECK(s.vm.machine.guest.value == "none");
  CHECK(s.vm.machine.vmpl.value == 0);
  CHECK(s.vm.start.begin == Begin::kRunning);
  CHECK(s.vm.start.npt.warm);
  CHECK(s.vm.start.ghcb.registered);
  CHECK_FALSE(s.vm.start.slots.has_value());
  CHECK_FALSE(s.vm.region("ram")->fill.has_value());
  CHECK(s.expect.empty());
}

TEST_CASE("everything that can be true at the start") {
  const Scenario s = only_scenario(R"(nptsim: 1
name: start
machine: { cpu: milan, vm: snp, kernel: given, vcpus: 2, vmpl: 1, apply: [one, two] }
memory:
  ram:  { gpa: 0, size: 16M, host_page: 2M, fill: 0xcc, contents: [ { offset: 0x10, bytes: "c6 04" }, { words: [1, 2] }, { text: hi } ] }
  tpm:  { gpa: 0xfed40000, size: 20K, device: tpm }
  code: { gpa: 0xffc84000, size: 0x37c000, device: pflash, mode: mmio, drive: ro, launch: encrypted }
program:
  vcpu0: [ "first: nop", { bytes: "0f 0b" }, ".label second" ]
  vcpu1: ".label first\n.vmpl 2\n.load 0x1000, 4, ecx\n.store 0x1000, 5\n.fetch 0x2000\n.check rax == 6"
place: { code: 0x10000, ghcb: 0x20000 }
start:
  begin: launch
  npt: { state: cold, entries: [ { gpa: 2M, to: ram+0x1000, level: 2M, rights: rx-u, set_bits: [51, nx] }, { gpa: 0 } ] }
  pages: [ { gpa: 0, state: accepted, vmpl: { 1: rwx, 2: none } } ]
  rmp: [ { spa: ram, page: 2M, assigned: yes, asid: 3, gpa: 0x1000 } ]
  attributes: [ { gpa: 0, size: 1M, attribute: private } ]
  slots: [ { gpa: 0, size: 1M, backing: ram, flags: [readonly] } ]
  generation: 7
  host: { code: r, ram: [ { offset: 4K, size: 4K, protection: poisoned } ] }
  vectors: { 29: model, "#DF": none, 14: vcpu0.first, ud: second }
  cpu: { mode: 32, cpl: 3, registers: { rax: 5 }, cr4: { smap: on }, efer: 0x500, vcpu1: { cpl: 0 } }
  vmsa: { features: [debug-swap], vtom: 1T, asid: 9 }
  ghcb: { version: 2 }
  answers: [ { gpa: 0x1000, then: emulate } ]
script: [ { host: [ "reclaim ram", "age ram" ], at: second } ]
)");
  const Start& start = s.vm.start;
  CHECK(start.begin == Begin::kLaunch);
  CHECK_FALSE(start.npt.warm);
  REQUIRE(start.npt.entries.size() == 2);
  CHECK(start.npt.entries[0].level == 2);
  CHECK(start.npt.entries[0].to->region == "ram");
  CHECK(start.npt.entries[0].rights == Rights{true, false, true, true});
  CHECK(start.npt.entries[0].set_bits == std::vector<unsigned>{51, 63});
  CHECK_FALSE(start.npt.entries[1].rights.present);
  CHECK(start.pages[0].vmpl.at(1) == VmplMask{true, true, true, true});
  CHECK(start.pages[0].vmpl.at(2) == VmplMask{});
  CHECK(start.rmp[0].assigned);
  CHECK(start.attributes->at(0).is_private);
  CHECK(start.slots->at(0).flags == std::vector<std::string>{"readonly"});
  CHECK(start.generation->value == 7);
  REQUIRE(start.host.size() == 2);
  CHECK(start.host[0].size == 0);
  CHECK(start.host[1].protection == "poisoned");
  REQUIRE(start.vectors.size() == 4);
  CHECK(start.vectors[1].number == 8);
  CHECK(start.vectors[2].handler == "first");
  CHECK(start.vectors[2].label_vcpu == 0);
  CHECK(start.cpu.mode == 32u);
  CHECK(start.cpu.control.at("cr4").bits.at("smap"));
  CHECK(start.cpu.control.at("efer").value == 0x500u);
  CHECK(start.vcpu.at(1).cpl == 0u);
  CHECK(start.vmsa.vtom->value == 1ull << 40);
  CHECK(start.ghcb.version == 2u);
  CHECK(start.answers[0].access == "rwx");
  CHECK(start.answers[0].exit.value.empty());
  CHECK(s.vm.place.at("ghcb").value == 0x20000);

  const Region& ram = *s.vm.region("ram");
  CHECK(ram.host_page == kSize2M);
  CHECK(ram.fill == 0xcc);
  REQUIRE(ram.contents.size() == 3);
  CHECK(ram.contents[0].bytes == std::vector<std::uint8_t>{0xc6, 0x04});
  CHECK(ram.contents[1].bytes.size() == 16);
  CHECK(s.vm.region("tpm")->device == Device::kIo);
  CHECK(s.vm.region("tpm")->model.value == "tpm");
  CHECK_FALSE(s.vm.region("code")->romd);
  CHECK(s.vm.region("code")->read_only_drive);

  REQUIRE(s.script.size() == 2);
  CHECK(s.script[1].text.value == "age ram");
  CHECK(s.script[1].at_label == "second");
  CHECK(s.script[1].at_vcpu == 0);

  const Program& program = s.vm.programs.at(1);
  REQUIRE(program.lines.size() == 6);
  CHECK(program.lines[2].directive.size == 4);
  CHECK(program.lines[2].directive.reg == "ecx");
  CHECK(program.lines[3].directive.arguments.at(1).number == 5);
  CHECK(program.lines[3].directive.size == 8);
  CHECK(program.lines[5].directive.relation == "==");
  CHECK(s.vm.programs.at(0).lines[1].text == "bytes: \"0f 0b\"");
}

TEST_CASE("expectations in all their forms") {
  const Scenario s = only_scenario(small(R"(expect:
  vcpu0: { outcome: exception, vector: "#VC", error_code: 0x400, at: nop, cf: 1 }
  vm: { outcome: completes }
  harm: [rom-modified]
  seen_by: nobody
  events: [ psmash, { npf: { error: { contains: [present] }, gpa: { any: [1, 2] } } }, vc: { } ]
  only: [ vc ]
  count: { npf: 2 }
)"));
  const Expectation& e = s.expect.at(0).expectation;
  CHECK(e.vcpus.at("vcpu0").vector->value == 29);
  CHECK(e.vcpus.at("vcpu0").registers.at("cf").value == 1);
  CHECK(e.vms.at("vm").outcome->value == "completes");
  CHECK(e.harm->value == std::vector<std::string>{"rom-modified"});
  CHECK(e.events.size() == 3);
  CHECK(e.only->size() == 1);
  CHECK(e.count.at(0).times.value == 2);
}

TEST_CASE("what is explored") {
  const Scenario s = only_scenario(small(R"(explore:
  may:    [ { host: reclaim flash }, { attacker: [remap, replay, alias] } ]
  choose: { cpu.stale_tlb: [no, yes], vmm.order: { values: [a, b] } }
  possible: { vcpu0: { outcome: completes, al: 0x80 } }
  always:   [ { vcpu0: { outcome: completes } }, { harm: [] } ]
  never:    { vcpu0: { outcome: spins }, harm: [rom-modified] }
  eventually: [ vcpu0 progresses ]
)"));
  REQUIRE(s.explore.has_value());
  CHECK(s.explore->may.size() == 4);
  CHECK(s.explore->choose[0].values.size() == 2);
  CHECK(s.explore->possible.size() == 1);
  CHECK(s.explore->always.size() == 2);
  CHECK(s.explore->eventually[0].value == "vcpu0 progresses");
}

TEST_CASE("several VMs: the top level holds for each of them") {
  const Scenario s = only_scenario(R"(nptsim: 1
name: two
machine: { cpu: milan, kernel: kvm-7.0, vm: snp }
memory: { ram: { gpa: 0, size: 1M } }
vms:
  a: { program: { vcpu0: nop } }
  b: { machine: { vm: default }, program: { vcpu0: hlt } }
expect: { a.vcpu0: { outcome: completes }, b.vm: { outcome: completes } }
)");
  REQUIRE(s.vms.size() == 2);
  CHECK(s.vms[0].machine.vm.value == "snp");
  CHECK(s.vms[1].machine.vm.value == "default");
  CHECK(s.vms[1].machine.cpu.value == "milan");
  CHECK(s.vms[1].memory.size() == 1);
  CHECK(s.expect[0].expectation.vcpus.contains("a.vcpu0"));
}

struct Bad {
  std::string more;  // behind the small scenario, which has five lines
  const char* errors;
};

TEST_CASE("what is wrong, and what is said about it") {
  const Bad rows[] = {
      {"expct: {}\n",
       "f.yaml:6:1: error: unknown key of the scenario: 'expct'; did you mean 'expect'? (accepted: "
       "nptsim, name, about, sources, like, machine, memory, map, program, start, place, vms, set, "
       "script, expect, explore or xfail)\n"},
      {"start: { npt: wram, begin: lanch }\n",
       "f.yaml:6:15: error: unknown start.npt: 'wram'; did you mean 'warm'? (accepted: warm or "
       "cold)\n"
       "f.yaml:6:28: error: unknown start.begin: 'lanch'; did you mean 'launch'? (accepted: "
       "vmm-start, launch or running)\n"},
      {"start: { pages: [ { gpa: 2M, size: 2M } ] }\n",
       "f.yaml:6:19: error: start.pages[0] has no key 'state' (accepted: accepted, assigned, "
       "untouched or shared)\n"},
      {"start: { pages: [ { gpa: 2M, size: 5K, state: shared } ] }\n",
       "f.yaml:6:19: error: the range is not made of whole pages below 52 bits (accepted: gpa and "
       "size that are multiples of 4K)\n"},
      {"start: { host: { flahs: r } }\n",
       "f.yaml:6:18: error: unknown region 'flahs'; did you mean 'flash'? (accepted: ram or "
       "flash)\n"},
      {"start: { npt: [ { gpa: 4K, level: 2M, to: ram+16M } ] }\n",
       "f.yaml:6:17: error: the gpa is not aligned to its level (accepted: a multiple of the "
       "entry's size)\n"
       "f.yaml:6:43: error: the offset lies beyond region 'ram' (accepted: offsets below the "
       "region's size)\n"},
      {"start: { vectors: { 29: nobody } }\n", "f.yaml:6:25: error: unknown label 'nobody'\n"},
      {"start: { vectors: { 300: model } }\n",
       "f.yaml:6:21: error: unknown key of start.vectors: '300' (accepted: a vector from 0 to 255 "
       "or a name like #VC)\n"},
      {"start: { answers: [ { gpa: 0, then: emulate } ] }\n",
       "f.yaml:6:21: error: answers are for the kernel 'given' (accepted: machine.kernel: "
       "given)\n"},
      {"map: [ { gva: 0x1000, gpa: 0x1000, size: 8K }, { gva: 0x2000, gpa: 0 } ]\n",
       "f.yaml:6:48: error: gva 0x2000 is mapped already, at line 6 (accepted: ranges that lie "
       "apart)\n"},
      {"map: [ { gva: 0x1000, gpa: 0x10, page: 2M, size: 4K } ]\n",
       "f.yaml:6:8: error: gva 0x1000 is not aligned (accepted: a multiple of 2M)\n"
       "f.yaml:6:8: error: gpa 0x10 is not aligned (accepted: a multiple of 2M)\n"
       "f.yaml:6:8: error: size 0x1000 is not aligned (accepted: a multiple of 2M)\n"},
      {"map: [ { gva: 0x7f00000000000000, gpa: 0 } ]\n",
       "f.yaml:6:8: error: gva 0x7f00000000000000 is not canonical (accepted: addresses whose bits "
       "63 to 56 are equal)\n"},
      {"map: [ { gva: 0, gpa: 0x10000000000000 } ]\n",
       "f.yaml:6:23: error: map[0].gpa: '0x10000000000000' is out of range (accepted: 0 to "
       "0xfffffffffffff)\n"},
      {"map: [ { gva: 0, gpa: 0xfffffffffe000, size: 16K } ]\n",
       "f.yaml:6:8: error: the entry's gpa ends beyond 52 bits (accepted: guest physical addresses "
       "below 0x10000000000000)\n"},
      {"map: [ { gva: 0, gpa: 0, access: wx } ]\n",
       "f.yaml:6:34: error: map[0].access is the text 'wx' (accepted: letters of r, w, x, u, s "
       "like "
       "rw or r-xu; or none)\n"},
      {"place: { code: 0x1001, ghcb: 0x2000, idt: 0x2000 }\n",
       "f.yaml:6:16: error: place.code 0x1001 is not aligned (accepted: a multiple of 4K)\n"
       "f.yaml:6:43: error: place.idt is where ghcb lies (accepted: places that lie apart)\n"},
      {"script: [ { vmm: go, at: secnd } ]\n", "f.yaml:6:18: error: unknown label 'secnd'\n"},
      {"script: [ { vmm: go, host: go }, { at: x }, { vm: go } ]\n",
       "f.yaml:6:47: error: unknown key of script[2]: 'vm'; did you mean 'vmm'? (accepted: vmm, "
       "host, device, irq, attacker or at)\n"},
      {"script: [ { vmm: go, host: go }, { at: x } ]\n",
       "f.yaml:6:11: error: an act of several actors (accepted: one of vmm, host, device, irq and "
       "attacker with an operation, and `at`)\n"
       "f.yaml:6:34: error: an act of nobody (accepted: one of vmm, host, device, irq and attacker "
       "with an operation, and `at`)\n"},
      {"expect: { vcpu0: { outcome: spin } }\n",
       "f.yaml:6:29: error: unknown expect.vcpu0.outcome: 'spin'; did you mean 'spins'? (accepted: "
       "completes, exception, spins, waits, guest-terminated, shutdown, unspecified, undecided, "
       "refused, vm-killed or host-fault)\n"},
      {"expect: { vcpu1: { outcome: waits } }\n",
       "f.yaml:6:18: error: there is no vcpu1 (accepted: vCPUs below 1)\n"},
      {"expect: { a.vcpu0: { outcome: waits } }\n",
       "f.yaml:6:20: error: there is no VM for 'a.vcpu0' (accepted: vcpu0, vcpu1, ... and vm)\n"},
      {"expect: { vcpu0: { outcome: waits, kind: fault } }\n",
       "f.yaml:6:18: error: 'kind' cannot be with the outcome waits (accepted: outcome: spins)\n"},
      {"expect: { vcpu0: { rxa: 1 } }\n",
       "f.yaml:6:20: error: unknown key of expect.vcpu0: 'rxa' (accepted: outcome, kind, at, "
       "vector, "
       "error_code, reason_set, reason_code, who, text, process_alive or a register like rax, al "
       "or "
       "cf)\n"},
      {"expect: { events: [ { npf: 3 }, { a: {}, b: {} }, { npf: { e: { has: x } } } ] }\n",
       "f.yaml:6:28: error: an event is the text '3' (accepted: a kind of event, or one with "
       "fields "
       "like { npf: { gpa: 2M } })\n"
       "f.yaml:6:33: error: an event is a map (accepted: a kind of event, or one with fields like "
       "{ "
       "npf: { gpa: 2M } })\n"
       "f.yaml:6:65: error: unknown comparison 'has' (accepted: contains, any or not)\n"},
      {"expect: [ { when: { vmm.order: a }, vcpu0: { outcome: waits } } ]\n",
       "f.yaml:6:21: error: when: 'vmm.order' is not set by this scenario (accepted: keys of "
       "`set:` "
       "and `machine:`)\n"},
      {"set: { vcpsu: 2 }\n",
       "f.yaml:6:8: error: unknown key of set: 'vcpsu'; did you mean 'vcpus'? (accepted: cpu, vm, "
       "kernel, vmm, guest, firmware, board, vcpus, vmpl, apply, cpu.PARAMETER, kernel.PARAMETER, "
       "vmm.PARAMETER, guest.PARAMETER, firmware.PARAMETER, board.PARAMETER, host.PARAMETER, "
       "machine.KEY, memory.KEY, start.KEY, place.KEY or program.KEY)\n"},
      {"set: { vcpus: [], kernel.x: [1, 1] }\n",
       "f.yaml:6:8: error: set.vcpus has no value (accepted: one value or more)\n"
       "f.yaml:6:33: error: set.kernel.x has the value '1' twice (accepted: each value once)\n"},
      {"set: { memory.flash.mode: rom }\n",
       "f.yaml:6:27: error: unknown memory.flash.mode: 'rom'; did you mean 'romd'? (accepted: romd "
       "or mmio)\n"},
      {"set: { program.vcpu0.x: nop }\n",
       "f.yaml:6:8: error: set.program.vcpu0.x leads through 'vcpu0', which is no map (accepted: a "
       "path of keys)\n"},
      {"like: nowhere.yaml\n",
       "nowhere.yaml: error: no such file\n"
       "f.yaml:6:7: error: like: there is no scenario in 'nowhere.yaml' (accepted: a file, "
       "relative "
       "to this one)\n"},
      {"xfail: [x]\n", "f.yaml:6:8: error: xfail is a list (accepted: a text)\n"},
  };
  for (const Bad& row : rows) {
    CAPTURE(row.more);
    CHECK(errors_of(small(row.more)) == row.errors);
  }
}

TEST_CASE("a document that lacks its first lines") {
  CHECK(errors_of("name: x\nmachine: { kernel: [a, b] }\n") ==
        "f.yaml:2:20: error: machine.kernel is a list; for a matrix say set: { kernel: [...] } "
        "(accepted: a text)\n"
        "f.yaml:1:1: error: the scenario has no key 'nptsim' (accepted: hex like 0xffc00000, "
        "decimal, or with K, M, G, T like 16M)\n");
  CHECK(errors_of("nptsim: 2\nname: x\nprogram: { vcpu0: nop }\n") ==
        "f.yaml:1:9: error: nptsim: '2' is out of range (accepted: 1 to 1)\n");
  CHECK(
      errors_of("- a\n").starts_with("f.yaml:1:1: error: the scenario is a list (accepted: a map "
                                     "with nptsim, name, about"));
  CHECK(errors_of("") ==
        "f.yaml: error: there is no scenario in the file (accepted: nptsim: 1 and so on)\n");
}

TEST_CASE("the mistakes of all documents are told at once") {
  const std::string errors = errors_of(small("expct: 1\n") + "---\n" + small("exect: 1\n"));
  CHECK(errors.find("f.yaml:6:1: error: unknown key of the scenario: 'expct'") == 0);
  CHECK(errors.find("f.yaml:13:1: error: unknown key of the scenario: 'exect'") !=
        std::string::npos);
}

TEST_CASE("regions that cannot be") {
  struct Row {
    std::string memory;
    const char* errors;
  };
  const Row rows[] = {
      {"{ a: { gpa: 0, size: 8K }, b: { gpa: 4K, size: 4K } }",
       "f.yaml:3:36: error: region 'b' at 0x1000 overlaps 'a', which ends at 0x2000 (accepted: "
       "regions that lie apart)\n"},
      {"{ a: { gpa: 1, size: 100 } }",
       "f.yaml:3:11: error: gpa of region 'a' 0x1 is not aligned (accepted: a multiple of 4K)\n"
       "f.yaml:3:11: error: size of region 'a' 0x64 is not aligned (accepted: a multiple of 4K)\n"},
      {"{ a: { gpa: 4G, size: 2M, host_page: 1G } }",
       "f.yaml:3:11: error: size of region 'a' 0x200000 is not aligned (accepted: a multiple of "
       "1G)\n"},
      {"{ a: { gpa: 4G, size: 1G, host_page: 1G, device: rom, fill: 1 } }",
       "f.yaml:3:11: error: region 'a' is no RAM, but has pages of 1G (accepted: host_page: 2M)\n"
       "f.yaml:3:11: error: fill of region 'a' would take all of its pages (accepted: contents at "
       "an offset)\n"},
      {"{ a: { gpa: 0xffffffffff000, size: 8K } }",
       "f.yaml:3:11: error: region 'a' ends beyond 52 bits (accepted: guest physical addresses "
       "below 0x10000000000000)\n"},
      {"{ a: { gpa: 0, size: 4K, mode: mmio } }",
       "f.yaml:3:11: error: region 'a' has a mode or drive but is no pflash; say device: pflash\n"},
      {"{ a: { gpa: 0, size: 4K, device: io, fill: 1 } }",
       "f.yaml:3:11: error: region 'a' has contents but is a device; say device: ram\n"},
      {"{ a: { gpa: 0, size: 4K, contents: [ { offset: 4095, bytes: 0102 } ] } }",
       "f.yaml:3:46: error: contents of region 'a' end beyond it (accepted: offsets below "
       "0x1000)\n"},
      {"{ a: { gpa: 0, size: 4K, contents: [ { bytes: 01, text: x }, { offset: 1 } ] } }",
       "f.yaml:3:46: error: memory.a.contents[0] says several things (accepted: one of bytes, text "
       "and words)\n"
       "f.yaml:3:70: error: memory.a.contents[1] says nothing (accepted: one of bytes, text and "
       "words)\n"},
      {"{ a: { gpa: 0, size: 0 }, 1a: { gpa: 0, size: 4K } }",
       "f.yaml:3:30: error: memory.a.size: '0' is out of range (accepted: 1 to 0x10000000000000)\n"
       "f.yaml:3:35: error: unknown key of memory: '1a' (accepted: a name for a region)\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.memory);
    CHECK(errors_of("nptsim: 1\nname: x\nmemory: " + std::string(row.memory) +
                    "\nprogram: { vcpu0: nop }\n") == row.errors);
  }
}

TEST_CASE("programs that cannot be") {
  struct Row {
    std::string program;
    const char* errors;
  };
  const Row rows[] = {
      {"{}", "f.yaml:1:1: error: no vCPU has a program (accepted: program: { vcpu0: ... })\n"},
      {"{ vcpu0: ' # nothing' }",
       "f.yaml:3:19: error: the program of vcpu0 is empty (accepted: at least one instruction or "
       "directive)\n"},
      {"{ vcpu1: nop }",
       "f.yaml:3:19: error: a program of vcpu1, but vcpus is 1 (accepted: vCPUs below 1)\n"},
      {"{ vcpu64: nop }",
       "f.yaml:3:12: error: unknown key of program: 'vcpu64' (accepted: a vCPU like vcpu0)\n"},
      {"{ vcpu0: [ { bytes: 0g } ] }",
       "f.yaml:3:30: error: program.vcpu0[0].bytes is the text '0g' (accepted: pairs of hex digits "
       "like c6 04)\n"},
      {"{ vcpu0: \"nop\\n .cal x\" }",
       "f.yaml:3:26: error: unknown directive '.cal'; did you mean '.call'? (accepted: .call, "
       ".load, "
       ".store, .fetch, .label, .check or .vmpl)\n"},
      {"{ vcpu0: .call 7x }",
       "f.yaml:3:25: error: .call: '7x' is not a procedure (accepted: .call NAME [ARGUMENT, "
       "...])\n"},
      {"{ vcpu0: '.call x 1,' }",
       "f.yaml:3:30: error: an argument is missing (accepted: .call NAME [ARGUMENT, ...])\n"},
      {"{ vcpu0: '.call x 0xzz' }",
       "f.yaml:3:28: error: argument: '0xzz' is not a number (accepted: hex like 0xffc00000, "
       "decimal, or with K, M, G, T like 16M)\n"},
      {"{ vcpu0: .load }",
       "f.yaml:3:24: error: 0 arguments (accepted: .load ADDRESS [, SIZE [, REGISTER]])\n"},
      {"{ vcpu0: '.load 0, 3' }",
       "f.yaml:3:26: error: no size of an access: '3' (accepted: 1, 2, 4 or 8)\n"},
      {"{ vcpu0: '.load 0, 8, xax' }",
       "f.yaml:3:26: error: unknown register 'xax' (accepted: a register like rax or al)\n"},
      {"{ vcpu0: .store 0 }",
       "f.yaml:3:26: error: 1 arguments (accepted: .store ADDRESS, VALUE [, SIZE])\n"},
      {"{ vcpu0: .label a b }",
       "f.yaml:3:26: error: .label: 'a b' is not a name (accepted: letters, digits, '_', '-' and "
       "'.')\n"},
      {"{ vcpu0: \".label a\\na: nop\" }",
       "f.yaml:3:30: error: the label 'a' is given twice (accepted: each label once; the first is "
       "at "
       "line 3)\n"},
      {"{ vcpu0: .check rax }",
       "f.yaml:3:26: error: .check without a relation (accepted: .check REGISTER RELATION "
       "VALUE)\n"},
      {"{ vcpu0: .check rax === 1 }",
       "f.yaml:3:30: error: unknown relation '==='; did you mean '=='? (accepted: ==, !=, <, <=, > "
       "or "
       ">=)\n"},
      {"{ vcpu0: .vmpl 4 }", "f.yaml:3:25: error: no VMPL: '4' (accepted: .vmpl 0 to 3)\n"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.program);
    CHECK(errors_of("nptsim: 1\nname: x\nprogram: " + std::string(row.program) + "\n") ==
          row.errors);
  }
}

TEST_CASE("a label that two vCPUs have wants the vCPU's name") {
  const std::string head =
      "nptsim: 1\nname: x\nmachine: { vcpus: 2 }\n"
      "program: { vcpu0: 'go: nop', vcpu1: 'go: nop' }\n";
  CHECK(errors_of(head + "script: [ { vmm: x, at: go } ]\n") ==
        "f.yaml:5:18: error: several vCPUs have the label 'go'; say vcpu0.go (accepted: the vCPU's "
        "name in front)\n");
  const Scenario s = only_scenario(head + "script: [ { vmm: x, at: vcpu1.go } ]\n");
  CHECK(s.script[0].at_label == "go");
  CHECK(s.script[0].at_vcpu == 1);
}

TEST_CASE("more mistakes than anybody reads") {
  std::string text = "nptsim: 1\nname: x\n";
  for (int i = 0; i < 1000; ++i) text += "key" + std::to_string(i) + ": 1\n";
  const Loaded loaded = load_text(text, "f.yaml");
  REQUIRE_FALSE(loaded.ok());
  CHECK(loaded.error().size() == 101);
  CHECK(to_string(loaded.error().back()) == "f.yaml: error: more errors are not shown");
}

TEST_CASE("a raw call of a script, and its misspellings") {
  const Scenario s =
      only_scenario(small("script: [ { vmm: { set_slot: { id: 0x10001, size: 4K, backing: ram+4K, "
                          "flags: [readonly] } } "
                          "} ]\n"));
  REQUIRE(s.script.size() == 1);
  REQUIRE(s.script[0].operation.has_value());
  CHECK(s.script[0].operation->name.value == "set_slot");
  CHECK(s.script[0].operation->numbers.at("id").value == 0x10001);
  CHECK(s.script[0].operation->backing->offset == kPageSize);
  CHECK(errors_of(small("script: [ { vmm: { set_slto: { id: 5 } } } ]\n")) ==
        "f.yaml:6:20: error: unknown key of script[0].vmm: 'set_slto'; did you mean 'set_slot'? "
        "(accepted: set_slot, get_dirty_log, ioeventfd, coalesced, pre_fault, protect, discard, "
        "write, set_attributes, snp_launch_start, snp_launch_update, snp_launch_finish, fallocate, "
        "destroy_vm, firmware, host_write, host_read, device_write, device_read, copy_page, "
        "map_page, "
        "rmpupdate, psmash or "
        "rmpread)\n");
  CHECK(errors_of(small("script: [ { vmm: { set_slot: { id: 5, flag: [] } } } ]\n")) ==
        "f.yaml:6:39: error: unknown key of script[0].vmm.set_slot: 'flag'; did you mean 'flags'? "
        "(accepted: id, gpa, size, backing, flags or guest_memfd)\n");
  CHECK(
      errors_of(small("script: [ { vmm: { get_dirty_log: { id: 5 }, discard: { backing: ram, "
                      "size: 4K } } } ]\n")) ==
      "f.yaml:6:18: error: an act with several operations, or none (accepted: one operation; what "
      "comes after it is an act of its own)\n");
}

}  // namespace
}  // namespace nptsim::scenario
