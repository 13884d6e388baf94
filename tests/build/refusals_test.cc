#include "tests/build/story.h"

namespace nptsim::scenario {
namespace {

const std::string kNop = "program: { vcpu0: nop }\n";

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void check_refused(const std::string& body, const std::string& part) {
  const std::string text = refusal(body);
  CAPTURE(body);
  CAPTURE(text);
  CHECK(has(text, part));
}

std::string machine(const std::string& keys) {
  return "machine: { cpu: milan, kernel: kvm-7.0, vmm: bare, " + keys + " }\n";
}

TEST_CASE("an instruction that cannot be assembled is reported where it stands") {
  const std::string text =
      refusal(kPlain + kRam + "program:\n  vcpu0: |\n    nop\n      mvo eax, 5\n");
  CAPTURE(text);
  CHECK(has(text, "test.yaml:8:7"));
  CHECK(has(text, "mvo"));
}

TEST_CASE("models that do not exist, with the nearest spelling") {
  check_refused("machine: { cpu: milna, kernel: kvm-7.0 }\n" + kRam + kNop, "did you mean 'milan'");
  check_refused("machine: { cpu: milan, kernel: kwm-7.0 }\n" + kRam + kNop,
                "did you mean 'kvm-7.0'");
  check_refused("machine: { cpu: milan }\n" + kRam + kNop, "machine.kernel is not said");
}

TEST_CASE("parameters that do not exist or do not fit") {
  check_refused(kPlain + kRam + kNop + "set: { kernel.mmio_cacheing: on }\n", "mmio_caching");
  check_refused(kPlain + kRam + kNop + "set: { cpu.gmed: on }\n", "did you mean 'gmet'");
  check_refused(kPlain + kRam + kNop + "set: { cpu.reduction: 20 }\n", "no CPU 'milan'");
  check_refused(kPlain + kRam + kNop + "set: { guest.asserts: on }\n", "no modelled code");
}

TEST_CASE("a CPU that contradicts itself is a contradiction of the point") {
  CHECK(contradiction(point_of(kPlain + kRam + kNop + "set: { cpu.reduction: 20 }\n"), library())
            .has_value());
  CHECK(!contradiction(point_of(kPlain + kRam + kNop), library()).has_value());
  const Scenario asid = point_of(kSealed + kRam + kNop + "start: { vmsa: { asid: 500 } }\n");
  CHECK(contradiction(asid, library()).has_value());
}

TEST_CASE("places without RAM, or over each other") {
  check_refused(kPlain + "memory: { ram: { gpa: 0, size: 64K } }\n" + kNop,
                "there is no RAM for the guest's own code");
  check_refused(kPlain + kRam + kNop + "place: { stack: 0x1f000 }\n", "overlaps");
  check_refused(kPlain + "memory: { rom: { gpa: 0, size: 16M, device: rom } }\n" + kNop, "no RAM");
}

TEST_CASE("a large page over the GHCB wants a word about its C-bit") {
  check_refused(kSealed + kRam + kNop + "map: [ { gva: 0, gpa: 0, size: 2M, page: 2M } ]\n",
                "would cover the GHCB");
  CHECK(refusal(kSealed + kRam + kNop +
                "map: [ { gva: 0, gpa: 0, size: 2M, page: 2M, c_bit: 1 } ]\n") == "");
  CHECK(refusal(kPlain + kRam + kNop + "map: [ { gva: 0, gpa: 0, size: 2M, page: 2M } ]\n") == "");
}

TEST_CASE("programs: too long, unknown procedures, unknown names") {
  check_refused(kPlain + kRam + "program: { vcpu0: '.call flash.write 1, 2' }\n",
                "has no procedures to call");
  check_refused(kPlain + kRam + "program: { vcpu0: '.load nowhere' }\n", "nowhere");
  check_refused(kPlain + kRam + "program: { vcpu0: '.vmpl 1' }\n", ".vmpl is not modelled yet");
  std::string longer;
  for (int i = 0; i < 2000; ++i) longer += "    mov rax, 0x1122334455667788\n";
  check_refused(kPlain + kRam + "program:\n  vcpu0: |\n" + longer, "at most 16384");
}

TEST_CASE("a guest procedure wants each of its arguments, and no more") {
  const std::string start = machine("vm: sev-es-legacy, guest: ovmf") + kRam;
  check_refused(start + "program: { vcpu0: '.call flash.write 0' }\n",
                "1 arguments for flash.write");
  check_refused(start + "program: { vcpu0: '.call flash.detect 0, 1' }\n",
                ".call flash.detect address");
}

TEST_CASE("what is not modelled yet is named") {
  check_refused(machine("vm: realm") + kRam + kNop, "'realm' are not modelled yet");
  check_refused(
      "machine: { cpu: milan, kernel: kvm-7.0, vm: snp, vmm: qemu }\n"
      "memory: { bios: { gpa: 0xfffe0000, size: 128K },"
      " isa: { gpa: 0xe0000, size: 128K, device: isa-bios } }\n" +
          kNop,
      "no window below 1 MiB");
  check_refused(machine("firmware: psp") + kRam + kNop, "machine.firmware");
  check_refused(machine("board: q35") + kRam + kNop, "has no boards");
  check_refused(machine("vcpus: 17") + kRam + kNop, "machine.vcpus");
  const std::string head = kPlain + kRam + kNop;
  check_refused(head + "start: { begin: launch }\n", "start.begin: launch");
  check_refused(head + "start: { generation: 5 }\n", "start.generation");
  check_refused(head + "start: { attributes: [ { gpa: 0, attribute: private } ] }\n",
                "start.attributes");
  check_refused(head + "start: { pages: [ { gpa: 0, state: shared } ] }\n", "start.pages");
  check_refused(head + "start: { rmp: [ { spa: 0x1000 } ] }\n", "start.rmp");
  check_refused(machine("vmpl: 1") + kRam + kNop, "VMPLs are an SNP guest's");
  check_refused(machine("vm: snp") + kRam + kNop + "start: { rmp: [ { spa: 0x100000000 } ] }\n",
                "has no RMP entry");
  check_refused(head + "start: { vmsa: { features: [ debug-swap ] } }\n", "start.vmsa.features");
  check_refused(head + "start: { ghcb: { version: 2 } }\n", "start.ghcb.version");
  check_refused(head + "start: { cpu: { tlb: [ { gva: 0, gpa: 0 } ] } }\n", "start.cpu.tlb");
  check_refused(head + "place: { secrets: 0x7000 }\n", "place.secrets");
  check_refused(head + "script: [ { host: reclaim ram } ]\n", "acts of 'host'");
  check_refused(head + "explore: { may: [ { host: reclaim ram } ] }\n", "explore");
}

// hugetlbfs gives whole pages of 1 GByte, and changes them whole.
TEST_CASE("pages of 1 GByte cannot be cut") {
  const auto with = [](const std::string& region, const std::string& more) {
    return kPlain + "memory: { ram: { gpa: 0, size: 16M }, big: { gpa: 4G, " + region + " } }\n" +
           kNop + more;
  };
  const std::string two = "size: 2G, host_page: 1G";
  CHECK(refusal(with(two, "")) == "");
  const auto protect = [](const std::string& backing, const std::string& size) {
    return "script: [ { vmm: { protect: { backing: " + backing + ", size: " + size +
           ", protection: r } } } ]\n";
  };
  CHECK(refusal(with(two, protect("big+0x40000000", "1G"))) == "");
  check_refused(with(two, protect("big", "2M")), "not whole pages of it");
  check_refused(with(two, protect("big+0x200000", "1G")), "not whole pages of it");
}

TEST_CASE("boards are PCs of QEMU's") {
  const auto pc = [](const std::string& board, const std::string& vmm, const std::string& memory) {
    return "machine: { cpu: milan, kernel: kvm-7.0, board: " + board + ", vmm: " + vmm +
           " }\nmemory: { " + memory + " }\n" + kNop;
  };
  const std::string ram = "ram: { gpa: 0, size: 512K }, high: { gpa: 1M, size: 15M }";
  const std::string flash = ", fw: { gpa: 0xffc00000, size: 4M, device: pflash }";
  CHECK(refusal(pc("pc-i440fx-7.2", "qemu", ram + flash)) == "");
  check_refused(pc("virt", "qemu", ram), "no board 'virt'");
  check_refused(pc("pc-q35-9.1", "qemu-9.0", ram), "newer than");
  check_refused(pc("q35", "qemu", "ram: { gpa: 0, size: 16M }" + flash), "where the board shows");
  check_refused(pc("q35", "qemu",
                   ram + flash +
                       ", lone: { gpa: 0xff000000, size: 4K, device: "
                       "pflash }"),
                "no flash chip of a PC");
}

TEST_CASE("slots are the VMM's unless it is bare") {
  check_refused("machine: { cpu: milan, kernel: kvm-7.0, vmm: qemu }\n" + kRam + kNop +
                    "start: { slots: [ { gpa: 0, size: 8M, backing: ram } ] }\n",
                "makes its own slots");
}

TEST_CASE("raw calls of a script: names, keys, places and whose they are") {
  const std::string head = kPlain + kRam + kNop;
  const auto script = [&](const std::string& call) {
    return head + "script: [ { vmm: { " + call + " } } ]\n";
  };
  CHECK(refusal(script("set_slot: { id: 5, gpa: 1, size: 3, backing: ram+7, flags: [0x80] }")) ==
        "");
  check_refused(script("set_slot: { id: 5, backing: rom }"), "rom");
  CHECK(refusal(script("set_slot: { id: 5, flags: [4], guest_memfd: ram+7 }")) == "");
  check_refused(script("set_slot: { id: 5, flags: [gmem] }"), "slot flag 'gmem'");
  check_refused(script("set_slot: { id: 5, flags: [guest_memfd], guest_memfd: rom }"), "rom");
  check_refused(script("protect: { backing: ram+1, size: 4K, protection: r }"), "whole pages");
  check_refused(script("protect: { backing: ram, size: 4G, protection: r }"), "whole pages");
  check_refused(script("write: { backing: ram, bytes: '01 02 03 04 05 06 07 08 09' }"),
                "more bytes");
  check_refused("machine: { cpu: milan, kernel: kvm-7.0, vmm: qemu }\n" + kRam + kNop +
                    "script: [ { vmm: { get_dirty_log: { id: 0 } } } ]\n",
                "operation of the VMM 'qemu-10.2'");
  check_refused(head + "script: [ { vmm: ram.mode set-slot } ]\n", "operation of the VMM 'bare'");
}

TEST_CASE("start: what does not fit the mode or the models") {
  const std::string head = kPlain + kRam + kNop;
  check_refused(head + "start: { cpu: { cpl: 1 } }\n", "start.cpu.cpl: 1");
  check_refused(head + "start: { cpu: { mode: 32 } }\nmap: [ { gva: 4M, gpa: 4M } ]\n",
                "without paging");
  check_refused(head + "start: { cpu: { cr4: { smpe: on } } }\n", "did you mean 'smep'");
  check_refused(head + "start: { cpu: { cr4: { la57: on } } }\n", "has no LA57");
  check_refused(head + "start: { vectors: { 14: model } }\n", "no handler of its own");
  check_refused(head + "start: { npt: [ { gpa: 0, level: 5, to: 0x5000 } ] }\n", "1 to 4");
  check_refused(head + "start: { npt: [ { gpa: 0, level: 2M, to: ram } ] }\n", "4-KByte frames");
}

TEST_CASE("a claim about an event that cannot be is no claim") {
  const std::string start = kPlain + kRam + kNop + "expect:\n  ";
  check_refused(start + "none: [ nfp ]\n", "unknown event 'nfp'");
  check_refused(start + "none: [ nfp ]\n", "did you mean 'npf'?");
  check_refused(start + "none: [ instal_mmio ]\n", "did you mean 'install_mmio'?");
  check_refused(start + "none: [ npf: { exit_info1: 0 } ]\n", "did you mean 'exit_info_1'?");
  check_refused(start + "none: [ walk: { gpu: 0 } ]\n", "unknown field of a 'walk' event 'gpu'");
  check_refused(start + "count: { wlak: 0 }\n", "did you mean 'walk'?");
  for (const char* fine : {"install_mmio", "npf: { by: vcpu0 }", "tdp_page_fault", "userspace"}) {
    INFO(fine);
    CHECK(refusal(start + "none: [ " + fine + " ]\n") == "");
  }
}

}  // namespace
}  // namespace nptsim::scenario
