// 16- and 32-bit code, segments, and the way from real mode to protected mode.
#include "sim/isa/special.h"
#include "tests/isa/flat_machine.h"

namespace nptsim::isa {
namespace {

constexpr u64 kModesGdt = 0x3000;
constexpr u64 kFlatCode32 = 0x00cf9b000000ffff, kFlatData32 = 0x00cf93000000ffff,
              kFlatCode64 = 0x00af9b000000ffff, kUserData32 = 0x00cff3000000ffff,
              kReadOnlyData = 0x00cf91000000ffff, kAbsentData = 0x00cf13000000ffff,
              kUnaccessedData = 0x00cf92000000ffff;

void put_gdt(FlatMachine& m, const std::vector<u64>& descriptors) {
  for (std::size_t i = 0; i < descriptors.size(); ++i) {
    m.memory.put<u64>(kModesGdt + 8 * (i + 1), descriptors[i]);
  }
  m.regs.gdtr = {0, 0, 8 * (descriptors.size() + 1) - 1, kModesGdt};
}

TEST_CASE("real mode: segment bases are selectors times 16, offsets wrap at 64 KB") {
  FlatMachine m(Mode::k16);
  m.regs.gpr[kRsp] = 0x8000;
  m.run({"mov ax, 0x1000", "mov ds, ax", "mov bx, 0x20", "mov byte ptr [bx], 7", "mov si, 0xfff0",
         "mov al, [bx + si + 0x10]"});
  CHECK(m.regs.segments[kDs].base == 0x10000);
  CHECK(m.memory.get<u8>(0x10020) == 7);
  CHECK((m.regs.gpr[kRax] & 0xff) == 7);  // bx + si + 0x10 = 0x10020, cut to 16 bits: 0x20
  CHECK(m.regs.gpr[kRsp] == 0x8000);
}

TEST_CASE("real mode: a word at the last byte of a segment is #GP without an error code") {
  FlatMachine m(Mode::k16);
  CHECK(m.run({"mov bx, 0xffff", "mov ax, [bx]"}) == Outcome::exception(kGp));
  FlatMachine n(Mode::k16);
  CHECK(n.run({"mov bp, 0xffff", "mov ax, [bp]"}) == Outcome::exception(kSsv));
}

TEST_CASE("from real mode to 32-bit protected mode, as a boot loader does it") {
  FlatMachine m(Mode::k16);
  put_gdt(m, {kFlatCode32, kFlatData32});
  m.memory.put<u16>(kData, 0x17);
  m.memory.put<u32>(kData + 2, kModesGdt);
  m.load_program({"lgdt [0x4000]", "mov eax, cr0", "or al, 1", "mov cr0, eax", "jmp 8:0x2000"});
  const Program second =
      assemble_program(
          std::vector<std::string>{"mov ax, 0x10", "mov ss, ax", "mov eax, 0x12345678", "push eax"},
          0x2000, Mode::k32)
          .value();
  m.memory.put_bytes(0x2000, second.bytes);
  for (int i = 0; i < 9; ++i) {
    Outcome outcome = m.step();
    if (outcome.kind == OutcomeKind::kSpecial) {
      outcome = complete_natively(m.last, m.regs, m.memory);
    }
    REQUIRE(outcome.kind == OutcomeKind::kRetired);
  }
  CHECK(mode_of(m.regs) == Mode::k32);
  CHECK(m.regs.segments[kCs].selector == 8);
  CHECK(m.regs.segments[kSs].limit == 0xffffffff);
  CHECK(m.regs.gpr[kRsp] == kStack - 4);
  CHECK(m.memory.get<u32>(kStack - 4) == 0x12345678);
}

struct SegmentLoad {
  std::string why;
  u16 selector;
  u64 cpl;
  Outcome outcome;
};

TEST_CASE("loading DS reads the GDT as supervisor and checks it") {
  const SegmentLoad loads[] = {
      {"flat data", 0x10, 0, Outcome::retired()},
      {"user data from the kernel", 0x23, 0, Outcome::retired()},
      {"kernel data from user code", 0x10, 3, Outcome::exception(kGp, 0x10)},
      {"not present", 0x30, 0, Outcome::exception(kNp, 0x30)},
      {"beyond the limit", 0x80, 0, Outcome::exception(kGp, 0x80)},
      {"null", 0, 0, Outcome::retired()},
      {"LDT without LDTR", 0x14, 0, Outcome::exception(kGp, 0x14)},
      {"64-bit code is readable", 0x18, 0, Outcome::retired()},
  };
  for (const SegmentLoad& load : loads) {
    CAPTURE(load.why);
    FlatMachine m(Mode::k32);
    put_gdt(m, {kFlatCode32, kFlatData32, kFlatCode64, kUserData32, kReadOnlyData, kAbsentData});
    m.regs.gpr[kRax] = load.selector;
    m.regs.cpl = load.cpl;
    CHECK(m.run({"mov ds, ax"}) == load.outcome);
    if (load.outcome == Outcome::retired()) {
      CHECK(m.regs.segments[kDs].selector == load.selector);
    } else {
      CHECK(m.regs.segments[kDs].selector == 0x10);
    }
  }
}

TEST_CASE("a load sets the descriptor's accessed bit, once") {
  FlatMachine m(Mode::k32);
  put_gdt(m, {kUnaccessedData});
  m.regs.gpr[kRax] = 8;
  m.run({"mov es, ax"});
  CHECK(m.memory.get<u64>(kModesGdt + 8) == (kUnaccessedData | bit(40)));
  CHECK(has_bit(m.regs.segments[kEs].attributes, kAttrAccessed));
  CHECK(m.memory.last_privilege == Privilege::kSupervisor);
}

TEST_CASE("32-bit mode checks type and limit of the segment") {
  FlatMachine m(Mode::k32);
  m.regs.segments[kDs].limit = 0x4fff;
  CHECK(m.run({"mov eax, [0x4ffd]"}) == Outcome::exception(kGp, 0));
  CHECK(m.run({"mov byte ptr cs:[0x4000], 1"}).kind == OutcomeKind::kException);
  m.regs.segments[kDs].attributes = 0;  // as a null selector leaves it
  CHECK(m.run({"mov eax, [ebx]"}).kind == OutcomeKind::kException);
}

TEST_CASE("an expand-down stack is what lies above its limit") {
  FlatMachine m(Mode::k32);
  m.regs.segments[kSs].attributes |= bit(kAttrConforming);
  m.regs.segments[kSs].limit = 0x7fff;
  m.regs.gpr[kRsp] = 0x8004;
  CHECK(m.run({"push eax"}).kind == OutcomeKind::kRetired);
  CHECK(m.run({"push eax"}) == Outcome::exception(kSsv, 0));
}

TEST_CASE("32-bit writes clear the upper half, 16-bit ones keep it") {
  FlatMachine m;
  m.run({"mov rax, -1", "mov eax, 5", "mov rcx, -1", "mov cx, 5", "mov rdx, -1", "mov dh, 0"});
  CHECK(m.regs.gpr[kRax] == 5);
  CHECK(m.regs.gpr[kRcx] == 0xffffffffffff0005);
  CHECK(m.regs.gpr[kRdx] == 0xffffffffffff00ff);
}

TEST_CASE("FS and GS have bases in 64-bit mode, the others do not") {
  FlatMachine m;
  m.regs.segments[kFs].base = kData;
  m.regs.segments[kDs].base = 0x1234;
  m.memory.put<u32>(kData + 0x28, 99);
  m.run({"mov eax, fs:[0x28]", "mov ecx, [rbx + 0x28]"});
  CHECK(m.regs.gpr[kRax] == 99);
  CHECK(m.regs.gpr[kRcx] == 99);
}

TEST_CASE("PUSHA and POPA go together") {
  FlatMachine m(Mode::k32);
  m.regs.gpr[kRdi] = 0x11;
  m.regs.gpr[kRax] = 0x22;
  m.run({"pusha", "xor edi, edi", "xor eax, eax", "popa"});
  CHECK(m.regs.gpr[kRdi] == 0x11);
  CHECK(m.regs.gpr[kRax] == 0x22);
  CHECK(m.regs.gpr[kRsp] == kStack);
  CHECK(m.memory.get<u32>(kStack - 4) == 0x22);
  CHECK(m.memory.get<u32>(kStack - 20) == kStack);
}

}  // namespace
}  // namespace nptsim::isa
