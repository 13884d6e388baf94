// One instruction on a device, in a whole machine: what each guest's #VC handler asks for, and what
// its program sees afterwards. mmio_coverage_test.cc has the decoders alone, and more encodings.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "sim/machine/run.h"
#include "tests/build/story.h"

namespace nptsim::scenario {
namespace {

using machine::EventFields;
using machine::EventValue;
using machine::OutcomeKind;

// RAX and RSI are the device's, whose byte at offset n is C0 + n; RDI is RAM. RSP ends in F8.
constexpr const char* kPrologue[] = {
    "mov rax, 0xd0000000",
    "mov rcx, 0x1122334455667788",
    "mov rdx, 0x5a5a5a5a00000003",
    "mov rbx, 0x0123456789abcdef",
    "mov rsi, 0xd0000010",
    "mov rdi, 0x200000",
    "push rax",
};
const std::pair<isa::Gpr, std::uint64_t> kBefore[] = {
    {isa::kRax, 0xd0000000},
    {isa::kRcx, 0x1122334455667788},
    {isa::kRdx, 0x5a5a5a5a00000003},
    {isa::kRbx, 0x0123456789abcdef},
    {isa::kRsi, 0xd0000010},
    {isa::kRdi, 0x200000},
    {isa::kRsp, 0x63ff8},
};

// Eight NOPs follow: a decoder that takes too much takes them.
std::string machine_of(const std::string& guest, const std::string& bytes) {
  std::string program;
  for (const char* line : kPrologue) program += std::string("    ") + line + "\n";
  program += "    bytes: \"" + bytes + "\"\n";
  for (int i = 0; i < 8; ++i) program += "    nop\n";
  return "machine: { cpu: milan, vm: sev-es, kernel: kvm-7.0, vmm: qemu, guest: " + guest + R"( }
memory:
  ram: { gpa: 0, size: 16M }
  bank: { gpa: 0xd0000000, size: 4K, device: io }
map:
  - { gva: 0xd0000000, gpa: 0xd0000000, size: 4K, c_bit: 0, access: rw }
  - { gva: 0x200000, gpa: 0x200000, size: 4K, access: rw }
program:
  vcpu0: |
)" + program;
}

std::string word(const EventFields& fields, const char* name) {
  const EventValue* value = fields.find(name);
  return value == nullptr ? "" : std::get<std::string>(*value);
}
std::uint64_t number(const EventFields& fields, const char* name) {
  const EventValue* value = fields.find(name);
  return value == nullptr ? 0 : std::get<machine::Hex>(*value).value;
}

// "W1 d0000000=88", "R4 d0000000", "unsupported event".
std::string request_told(const EventFields& fields) {
  const std::string request = word(fields, "request");
  if (request == "UNSUPPORTED_EVENT") return "unsupported event";
  if (!request.starts_with("MMIO_")) return "";
  const std::string place =
      fmt::format("{}{} {:x}", request == "MMIO_READ" ? "R" : "W", number(fields, "exit_info_2"),
                  number(fields, "exit_info_1"));
  if (fields.find("data") == nullptr) return place;
  return place + fmt::format("={:x}", number(fields, "data"));
}

const std::vector<std::string> kEnds = {"es_unsupported",   "es_vmm_error", "es_decode_failed",
                                        "unsupported_exit", "gp_dead_loop", "ud_dead_loop"};

struct Listener : machine::EventSink {
  void take(machine::Event event) override {
    std::string told;
    if (event.kind == "ghcb") told = request_told(event.fields);
    if (event.kind == "call") {
      const std::string target = word(event.fields, "target");
      if (std::find(kEnds.begin(), kEnds.end(), target) != kEnds.end()) told = target;
    }
    if (!told.empty()) text += told + ", ";
  }
  std::string text;
};

std::string registers_told(const isa::Registers& registers) {
  std::string text;
  for (const auto& [gpr, before] : kBefore) {
    if (registers.gpr[gpr] == before) continue;
    text +=
        fmt::format("{}{}={:x}", text.empty() ? "" : " ", isa::gpr_name(gpr), registers.gpr[gpr]);
  }
  return text.empty() ? "done" : text;
}

std::string outcome_told(const machine::Outcome& outcome) {
  switch (outcome.kind) {
    case OutcomeKind::kCompletes:
      return registers_told(outcome.registers);
    case OutcomeKind::kGuestTerminated:
      return fmt::format("terminated {}:{}", *outcome.reason_set, *outcome.reason_code);
    case OutcomeKind::kSpins:
      return "spins " + std::string(name_of(outcome.spin));
    default:
      return std::string(name_of(outcome.kind)) + " " + outcome.text;
  }
}

std::string told(const std::string& guest, const std::string& bytes) {
  Story story(machine_of(guest, bytes));
  Listener listener;
  machine::RunOptions options;
  options.sink = &listener;
  const machine::RunResult result = machine::run(story.machine(), options);
  return listener.text + outcome_told(result.vcpus.front());
}

struct Row {
  std::string bytes, meaning, ovmf, linux_kernel;
};
const std::string kSame = "the same";
const std::string kAssert = "spins guest", kNoSuch = "es_decode_failed, terminated 0:0";

const Row kRows[] = {
    // Stores. Byte registers 4 to 7 without REX are low bytes to both.
    {"88 08", "mov [rax], cl", "W1 d0000000=88, done", kSame},
    {"88 20", "mov [rax], ah", "W1 d0000000=f8, done", kSame},
    {"40 88 20", "mov [rax], spl", "W1 d0000000=f8, done", kSame},
    {"66 89 08", "mov [rax], cx", "W2 d0000000=7788, done", kSame},
    {"89 08", "mov [rax], ecx", "W4 d0000000=55667788, done", kSame},
    {"48 89 08", "mov [rax], rcx", "W8 d0000000=1122334455667788, done", kSame},
    {"c6 00 70", "mov byte [rax], 70h", "W1 d0000000=70, done", kSame},
    {"66 c7 00 34 12", "mov word [rax], 1234h", "W2 d0000000=1234, done", kSame},
    {"c7 00 78 56 34 12", "mov dword [rax], 12345678h", "W4 d0000000=12345678, done", kSame},
    {"48 c7 00 78 56 34 12", "mov qword [rax], 12345678h: no page is checked",
     "gp_dead_loop, spins guest", "W8 d0000000=40112345678, done"},
    {"48 c7 40 08 90 90 90 90", "the same inside a page: no bytes, and the immediate is executed",
     "W0 d0000008, done", "W8 d0000008=40190909090, done"},
    // Loads: what is left of the register.
    {"8a 08", "mov cl, [rax]", "R1 d0000000, rcx=11223344556677c0", kSame},
    {"8a 20", "mov ah, [rax]", "R1 d0000000, rsp=63fc0", kSame},
    {"66 8b 08", "mov cx, [rax]", "R2 d0000000, rcx=112233445566c1c0", kSame},
    {"8b 08", "mov ecx, [rax]", "R4 d0000000, rcx=c3c2c1c0", kSame},
    {"48 8b 08", "mov rcx, [rax]", "R8 d0000000, rcx=c7c6c5c4c3c2c1c0", kSame},
    {"0f b6 08", "movzx ecx, byte [rax]", "R1 d0000000, rcx=11223344000000c0", kSame},
    {"66 0f b6 08", "movzx cx, byte [rax]", "R1 d0000000, rcx=11223344556600c0", kSame},
    {"48 0f b6 08", "movzx rcx, byte [rax]", "R1 d0000000, rcx=c0", kSame},
    {"0f b7 08", "movzx ecx, word [rax]", "R2 d0000000, rcx=112233440000c1c0", kSame},
    {"0f be 08", "movsx ecx, byte [rax]", "R1 d0000000, rcx=11223344ffffffc0", kSame},
    {"66 0f be 08", "movsx cx, byte [rax]", "R1 d0000000, rcx=112233445566ffc0", kSame},
    {"0f bf 08", "movsx ecx, word [rax]", "R2 d0000000, rcx=11223344ffffc1c0", kSame},
    {"48 0f bf 08", "movsx rcx, word [rax]", "R2 d0000000, rcx=ffffffffffffc1c0", kSame},
    // Absolute addresses.
    {"a0 05 00 00 d0 00 00 00 00", "mov al, [d0000005]", "R1 d0000005, rax=d00000c5", kNoSuch},
    {"66 a1 00 00 00 d0 00 00 00 00", "mov ax, [d0000000]", "R2 d0000000, rax=d000c1c0", kNoSuch},
    {"a1 04 00 00 d0 00 00 00 00", "mov eax, [d0000004]", "R4 d0000004, rax=c7c6c5c4", kNoSuch},
    {"67 a1 04 00 00 d0", "mov eax, [d0000004]", "R4 d0000004, rax=c7c6c5c4", kNoSuch},
    {"48 a1 00 00 00 d0 00 00 00 00", "mov rax, [d0000000]", "R8 d0000000, rax=c7c6c5c4c3c2c1c0",
     kNoSuch},
    {"a2 00 00 00 d0 00 00 00 00", "mov [d0000000], al", "W1 d0000000=0, done", kNoSuch},
    {"a3 00 00 00 d0 00 00 00 00", "mov [d0000000], eax", "W4 d0000000=d0000000, done", kNoSuch},
    // Strings.
    {"a4", "movsb", kAssert, "R1 d0000010, rsi=d0000011 rdi=200001"},
    {"48 a5", "movsq", kAssert, "R8 d0000010, rsi=d0000018 rdi=200008"},
    {"ac", "lodsb", kAssert, kNoSuch},
    // What neither has a case for.
    {"48 63 08", "movsxd rcx, [rax]", kAssert, kNoSuch},
    {"80 08 01", "or byte [rax], 1", kAssert, kNoSuch},
    {"09 08", "or [rax], ecx", kAssert, kNoSuch},
    {"87 08", "xchg [rax], ecx", kAssert, kNoSuch},
    {"f0 0f b1 08", "lock cmpxchg [rax], ecx", kAssert, kNoSuch},
    {"ff 20", "jmp [rax]", kAssert, kNoSuch},
    {"ff 30", "push [rax]", kAssert, kNoSuch},
    // What OVMF takes for a one-byte opcode.
    {"f0 0f c7 08", "lock cmpxchg8b [rax]: four NOPs are its immediate",
     "W4 d0000000=90909090, done", kNoSuch},
    {"0f a3 10", "bt [rax], edx: eight bytes are its address", "gp_dead_loop, spins guest",
     kNoSuch},
};

TEST_CASE("one instruction on a device, OVMF and Linux") {
  for (const Row& row : kRows) {
    CAPTURE(row.bytes);
    CAPTURE(row.meaning);
    CHECK(told("ovmf-202605", row.bytes) == row.ovmf);
    CHECK(told("linux-6.18", row.bytes) ==
          (row.linux_kernel == kSame ? row.ovmf : row.linux_kernel));
  }
}

}  // namespace
}  // namespace nptsim::scenario
