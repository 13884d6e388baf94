#include "tests/build/story.h"

#include "sim/machine/host.h"
#include "sim/machine/run.h"

namespace nptsim::scenario {
namespace {

using machine::OutcomeKind;

const std::string kNothing = "program: { vcpu0: nop }\n";

machine::RunResult run(Story& story) { return machine::run(story.machine(), {}); }

svm::Attempt touch(Story& story, std::uint64_t gva, svm::AccessKind kind) {
  svm::Cpu cpu(story.setup().cpu);
  arch::PhysicalMemory memory = story.machine().memory();
  const svm::Cpu::Place place{memory, 0, nullptr};
  std::uint64_t data = 0;
  return cpu.attempt_access(place, {kind, GuestVirtAddr(gva), 8}, &data);
}

// A word of guest physical memory as somebody with `key` reads it.
std::uint64_t word_at(Story& story, std::uint64_t gpa, arch::KeyId key) {
  const machine::Region* region = story.setup().region_at(GuestPhysAddr(gpa));
  REQUIRE(region != nullptr);
  arch::PhysicalMemory memory = story.machine().memory();
  std::uint64_t word = 0;
  machine::read_backing(memory, region->backing, gpa - region->gpa.value, &word, 8, key);
  return word;
}

TEST_CASE("a program lies at its place, runs and completes at its end") {
  Story story(kPlain + kRam + "program:\n  vcpu0: |\n    mov eax, 5\n    inc eax\n");
  const machine::VcpuProgram& program = story.setup().programs[0];
  CHECK(program.entry == 0x20000);
  CHECK(program.end == 0x20007);  // five bytes and two
  REQUIRE(program.lines.size() == 2);
  CHECK(program.lines[1].text == "inc eax");
  CHECK(story.vcpu().registers.rip == 0x20000);
  CHECK(story.vcpu().registers.gpr[isa::kRsp] == 0x64000);
  CHECK(story.vcpu().registers.cr3 == 0x100000);

  const machine::RunResult result = run(story);
  REQUIRE(result.vcpus.size() == 1);
  CHECK(result.vcpus[0].kind == OutcomeKind::kCompletes);
  CHECK(result.vcpus[0].registers.gpr[isa::kRax] == 6);
}

TEST_CASE("every place of a minimal guest walks, warm, and the null page does not") {
  Story story(kPlain + kRam + kNothing);
  // The last word of each page, which holds nothing that the next access needs.
  for (const std::uint64_t place :
       {0x1ff8, 0x2ff8, 0x3ff8, 0x4ff8, 0x5ff8, 0x20ff8, 0x60ff8, 0x63ff8, 0x100ff8, 0x103ff8}) {
    CAPTURE(place);
    CHECK(touch(story, place, svm::AccessKind::kRead).kind == svm::AttemptKind::kRetired);
    CHECK(touch(story, place, svm::AccessKind::kWrite).kind == svm::AttemptKind::kRetired);
  }
  CHECK(touch(story, 0x20000, svm::AccessKind::kFetch).kind == svm::AttemptKind::kRetired);

  const svm::Attempt null = touch(story, 0, svm::AccessKind::kRead);
  CHECK(null.kind == svm::AttemptKind::kDelivered);
  CHECK(null.event.vector == 14);
  CHECK(story.vcpu().registers.rip == 0x5000 + 14 * 16);
}

TEST_CASE("a table may not be executed") {
  Story story(kPlain + kRam + kNothing);
  const svm::Attempt fetch = touch(story, 0x100000, svm::AccessKind::kFetch);
  CHECK(fetch.kind == svm::AttemptKind::kDelivered);
  CHECK(fetch.event.vector == 14);
}

TEST_CASE("with npt cold the first fetch leaves the guest") {
  Story story(kPlain + kRam + kNothing + "start: { npt: cold }\n");
  CHECK(touch(story, 0x20000, svm::AccessKind::kFetch).kind == svm::AttemptKind::kExit);
  Story again(kPlain + kRam + kNothing + "start: { npt: cold }\n");
  CHECK(run(again).vcpus[0].kind == OutcomeKind::kCompletes);
}

TEST_CASE("an exception that nobody handles ends the vCPU with its vector") {
  Story story(kPlain + kRam + "program: { vcpu0: ud2 }\n");
  const auto result = run(story);
  CHECK(result.vcpus[0].kind == OutcomeKind::kException);
  CHECK(result.vcpus[0].vector == 6u);
}

TEST_CASE("a label handles a vector, and returns") {
  Story story(kPlain + kRam +
              "start: { vectors: { 6: fix } }\n"
              "program:\n  vcpu0: |\n    ud2\n    mov ebx, 2\n    jmp done\n"
              "    fix: mov eax, 1\n    add qword ptr [rsp], 2\n    iretq\n    done: nop\n");
  const auto result = run(story);
  CHECK(result.vcpus[0].kind == OutcomeKind::kCompletes);
  CHECK(result.vcpus[0].registers.gpr[isa::kRax] == 1);
  CHECK(result.vcpus[0].registers.gpr[isa::kRbx] == 2);
}

TEST_CASE("without a gate an exception becomes #NP") {
  Story story(kPlain + kRam + "start: { vectors: { 6: none } }\nprogram: { vcpu0: ud2 }\n");
  const auto result = run(story);
  CHECK(result.vcpus[0].kind == OutcomeKind::kException);
  CHECK(result.vcpus[0].vector.value_or(0) == 11);  // #NP; with a benign #UD no #DF comes of it
}

TEST_CASE("with no gate at all the vCPU shuts down") {
  Story story(kPlain + kRam +
              "start: { vectors: { 6: none, 8: none, 11: none, 13: none } }\n"
              "program: { vcpu0: ud2 }\n");
  CHECK(run(story).vcpus[0].kind == OutcomeKind::kShutdown);
}

TEST_CASE("directives are NOPs with an address of their own") {
  Story story(kPlain + kRam +
              "program:\n  vcpu0: |\n    .store 0x63000, 0x1122, 2\n    .load 0x63000, 2, rcx\n"
              "    .check rcx == 0x1122\n    .label second-one\n    nop\n");
  const machine::VcpuProgram& program = story.setup().programs[0];
  REQUIRE(program.lines.size() == 4);
  CHECK(program.lines[0].text == ".store 0x63000, 0x1122, 2");
  CHECK(program.lines[3].address == 0x20003);
  CHECK(program.labels.at("second-one") == 0x20003);
  const auto result = run(story);
  CHECK(result.vcpus[0].kind == OutcomeKind::kCompletes);
  CHECK(result.vcpus[0].registers.gpr[isa::kRcx] == 0x1122);
  CHECK(result.failed_checks.empty());
}

TEST_CASE("vCPUs have their own code and stack, and share labels") {
  Story story("machine: { cpu: milan, kernel: kvm-7.0, vmm: bare, vcpus: 2 }\n" + kRam +
              "program:\n  vcpu0: |\n    mov eax, 1\n    jmp over\n"
              "  vcpu1: |\n    mov ecx, 3\n    over: mov edx, 4\n");
  CHECK(story.setup().programs[1].entry == 0x24000);
  CHECK(story.vcpu(1).registers.gpr[isa::kRsp] == 0x68000);
  const auto result = run(story);
  // vCPU 0 ends at the HLT behind the other's program.
  for (const auto& vcpu : result.vcpus) CHECK(vcpu.kind == OutcomeKind::kCompletes);
  CHECK(result.vcpus[0].registers.gpr[isa::kRdx] == 4);
  CHECK(result.vcpus[0].registers.gpr[isa::kRcx] == 0);
}

TEST_CASE("places can be moved") {
  Story story(kPlain + kRam + kNothing + "place: { code: 2M, tables: 4M }\n");
  CHECK(story.setup().programs[0].entry == 0x200000);
  CHECK(story.vcpu().registers.cr3 == 0x400000);
  CHECK(run(story).vcpus[0].kind == OutcomeKind::kCompletes);
}

TEST_CASE("map: lies on top, and large pages are split where places lie") {
  Story story(kPlain + kRam + kNothing +
              "map:\n  - { gva: 0x400000, gpa: 0x200000, size: 2M, page: 2M }\n"
              "  - { gva: 0x60000, gpa: 0x60000, access: r }\n");
  CHECK(touch(story, 0x60000, svm::AccessKind::kRead).kind == svm::AttemptKind::kRetired);
  CHECK(touch(story, 0x60000, svm::AccessKind::kWrite).kind == svm::AttemptKind::kDelivered);
  CHECK(touch(story, 0x400000, svm::AccessKind::kRead).kind == svm::AttemptKind::kExit);
}

TEST_CASE("at CPL 3 the program and its stack are user pages, the rest is not") {
  Story story(kPlain + kRam +
              "start: { cpu: { cpl: 3 } }\nprogram:\n  vcpu0: |\n    mov ecx, cs\n    push rcx\n"
              "    mov eax, [0x1000]\n");
  const auto result = run(story);
  CHECK(result.vcpus[0].kind == OutcomeKind::kException);
  CHECK(result.vcpus[0].vector == 14u);
  CHECK(result.vcpus[0].error_code == 5u);  // present, user
  CHECK(result.vcpus[0].registers.gpr[isa::kRcx] == 0x1b);
  CHECK(result.vcpus[0].registers.cpl == 0);  // in the handler, on RSP0
}

TEST_CASE("32-bit and 16-bit guests run without paging") {
  Story wide(
      kPlain + kRam +
      "start: { cpu: { mode: 32 } }\nprogram:\n  vcpu0: |\n    push 7\n    pop eax\n    ud2\n");
  auto result = run(wide);
  CHECK(result.vcpus[0].kind == OutcomeKind::kException);
  CHECK(result.vcpus[0].registers.gpr[isa::kRax] == 7);

  Story real(
      kPlain + kRam +
      "start: { cpu: { mode: 16 } }\nprogram:\n  vcpu0: |\n    push 7\n    pop ax\n    ud2\n");
  CHECK(real.setup().programs[0].entry == 0x6000);
  result = run(real);
  CHECK(result.vcpus[0].kind == OutcomeKind::kException);
  CHECK(result.vcpus[0].vector == 6u);
  CHECK(result.vcpus[0].registers.gpr[isa::kRax] == 7);
}

TEST_CASE("five levels") {
  Story story("machine: { cpu: turin, kernel: kvm-7.0, vmm: bare }\n" + kRam +
              "start: { cpu: { cr4: { la57: on } } }\nprogram: { vcpu0: 'mov eax, 9' }\n");
  CHECK((story.vcpu().control.host_cr4 & isa::kCr4La57) != 0);
  const auto result = run(story);
  CHECK(result.vcpus[0].kind == OutcomeKind::kCompletes);
  CHECK(result.vcpus[0].registers.gpr[isa::kRax] == 9);
}

TEST_CASE("an SEV-ES guest's places are private, its GHCB is not") {
  Story story(kSealed + kRam + "program: { vcpu0: 'mov eax, 5' }\n");
  REQUIRE(story.setup().ghcbs.size() == 1);
  CHECK(story.vcpu().control.ghcb_msr == 0x10000);
  CHECK(story.vcpu().registers.cr3 == (0x100000 | bit(51)));
  const arch::KeyId key = story.setup().guest_key();
  const std::uint64_t code = 0xf400000005b8;  // mov eax, 5; hlt
  const std::uint64_t six_bytes = bit(48) - 1;
  CHECK((word_at(story, 0x20000, key) & six_bytes) == code);
  CHECK((word_at(story, 0x20000, arch::kNoKey) & six_bytes) != code);
  CHECK(touch(story, 0x10000, svm::AccessKind::kWrite).kind == svm::AttemptKind::kRetired);
  CHECK(word_at(story, 0x10000, arch::kNoKey) == 0);
  CHECK(run(story).vcpus[0].kind == OutcomeKind::kCompletes);
}

TEST_CASE("contents: flash is plain, RAM is private unless mapped shared") {
  Story story(kSealed +
              "memory:\n"
              "  ram: { gpa: 0, size: 16M, contents: [ { offset: 4M, words: [ 0x1111 ] },\n"
              "                                        { offset: 5M, words: [ 0x2222 ] } ] }\n"
              "  flash: { gpa: 0xffc00000, size: 4M, device: pflash, launch: plain,\n"
              "           contents: [ { words: [ 0x3333 ] } ] }\n"
              "map: [ { gva: 5M, gpa: 5M, c_bit: 0 } ]\n" +
              kNothing);
  const arch::KeyId key = story.setup().guest_key();
  CHECK(word_at(story, 0x400000, key) == 0x1111);
  CHECK(word_at(story, 0x400000, arch::kNoKey) != 0x1111);
  CHECK(word_at(story, 0x500000, arch::kNoKey) == 0x2222);
  CHECK(word_at(story, 0xffc00000, arch::kNoKey) == 0x3333);
}

TEST_CASE("the flash that ends at 4G is encrypted at launch") {
  Story story(kSealed +
              "memory:\n  ram: { gpa: 0, size: 16M }\n"
              "  flash: { gpa: 0xffff0000, size: 64K, device: pflash,\n"
              "           contents: [ { words: [ 0x3333 ] } ] }\n" +
              kNothing);
  CHECK(word_at(story, 0xffff0000, story.setup().guest_key()) == 0x3333);
  CHECK(word_at(story, 0xffff0000, arch::kNoKey) != 0x3333);
}

TEST_CASE("raw nested entries go into the kernel's own tables") {
  Story story(kPlain + kRam + kNothing +
              "map: [ { gva: 0x700000, gpa: 0x700000 }, { gva: 0x701000, gpa: 0x701000 } ]\n"
              "start:\n  npt:\n    entries:\n      - { gpa: 0x700000, to: ram+0x20000 }\n"
              "      - { gpa: 0x701000, to: ram+0x20000, rights: r-xu }\n");
  CHECK(touch(story, 0x700000, svm::AccessKind::kWrite).kind == svm::AttemptKind::kRetired);
  CHECK(touch(story, 0x701000, svm::AccessKind::kRead).kind == svm::AttemptKind::kRetired);
  CHECK(touch(story, 0x701000, svm::AccessKind::kWrite).kind == svm::AttemptKind::kExit);
}

TEST_CASE("host protections of a part of a region") {
  Story story(kPlain + kRam + kNothing +
              "start: { host: { ram: [ { offset: 8M, size: 4K, protection: r } ] } }\n");
  const Store& store = std::as_const(story.machine()).store();
  CHECK(machine::backing_page(store, 0, 0x800).protection == machine::HostProtection::kRead);
  CHECK(machine::backing_page(store, 0, 0x801).protection == machine::HostProtection::kReadWrite);
}

TEST_CASE("slots of the bare VMM: what is not listed is MMIO") {
  const std::string body = kPlain + kRam +
                           "map: [ { gva: 8M, gpa: 8M } ]\n"
                           "program: { vcpu0: 'mov rbx, 0x800000\n\n    mov eax, [rbx]' }\n";
  Story all(body);
  CHECK(run(all).vcpus[0].registers.gpr[isa::kRax] == 0);
  Story half(body + "start: { slots: [ { gpa: 0, size: 8M, backing: ram } ] }\n");
  // Byte a is (0xc0 ^ a ^ (a >> 8) * 3) & 0xff.
  CHECK(run(half).vcpus[0].registers.gpr[isa::kRax] == 0xc3c2c1c0);
}

TEST_CASE("a VM that QEMU refuses is an outcome, not a diagnostic") {
  Story story(
      "machine: { cpu: milan, vm: sev-es, kernel: kvm-7.0, vmm: qemu }\n"
      "memory:\n  ram: { gpa: 0, size: 16M }\n"
      "  flash: { gpa: 0xffc00000, size: 4M, device: pflash }\n" +
      kNothing);
  REQUIRE(story.machine().vm_outcome().has_value());
  CHECK(story.machine().vm_outcome()->kind == OutcomeKind::kRefused);
}

TEST_CASE("a script switches the flash's mode") {
  Story story(
      "machine: { cpu: milan, kernel: kvm-7.0, vmm: qemu }\n"
      "memory:\n  ram: { gpa: 0, size: 16M }\n"
      "  flash: { gpa: 0xffc00000, size: 4M, device: pflash, mode: mmio }\n"
      "script: [ { vmm: flash.mode romd-on, at: here } ]\n"
      "program: { vcpu0: 'nop\n\n    here: nop' }\n");
  REQUIRE(story.setup().script.size() == 1);
  CHECK(story.setup().script[0].arguments == std::vector<std::uint64_t>{1});
  CHECK(story.setup().script[0].at_address == 0x20001);
  CHECK(run(story).vcpus[0].kind == OutcomeKind::kCompletes);
}

TEST_CASE("equal scenarios make equal machines") {
  const std::string body = kSealed + kRam + kNothing;
  Story first(body), second(body);
  CHECK(first.machine().hash() == second.machine().hash());
}

}  // namespace
}  // namespace nptsim::scenario
