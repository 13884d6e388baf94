// Events through the IDT, the way back, and what happens when delivery itself faults.
#include "sim/isa/deliver.h"
#include "sim/isa/special.h"
#include "tests/isa/flat_machine.h"

namespace nptsim::isa {
namespace {

constexpr u64 kIdt = 0x2000, kGdt = 0x3000, kTss = 0x6000, kHandler = 0x5000;
constexpr u64 kCode64 = 0x00af9b000000ffff, kCode32 = 0x00cf9b000000ffff,
              kFlatData = 0x00cf93000000ffff, kUserData = 0x00cff3000000ffff,
              kUserCode64 = 0x00affb000000ffff, kUserCode32 = 0x00cffb000000ffff;
enum Selector : u16 { kKernelCs = 0x08, kKernelSs = 0x10, kUserCs = 0x1b, kUserSs = 0x23 };
enum Type : u64 { kInterruptGate = 14, kTrapGate = 15 };

// GDT, IDT and TSS for a mode; no gates yet.
struct Kernel : FlatMachine {
  explicit Kernel(Mode mode) : FlatMachine(mode) {
    const bool wide = mode == Mode::k64;
    memory.put<u64>(kGdt + kKernelCs, wide ? kCode64 : kCode32);
    memory.put<u64>(kGdt + kKernelSs, kFlatData);
    memory.put<u64>(kGdt + (kUserCs & ~3u), wide ? kUserCode64 : kUserCode32);
    memory.put<u64>(kGdt + (kUserSs & ~3u), kUserData);
    regs.gdtr = {0, 0, 0x27, kGdt};
    regs.idtr = {0, 0, 256 * (wide ? 16u : 8u) - 1, kIdt};
    regs.tr = {0x28, 0x8b, 0x67, kTss};
    memory.put<u64>(kTss + 4, 0x7000);  // RSP0, or ESP0 with SS0 above
    if (!wide) memory.put<u32>(kTss + 8, kKernelSs);
    regs.rflags |= kFlagIf;
  }

  void gate(u8 vector, Type type, unsigned dpl = 0, unsigned ist = 0, bool present = true) {
    u64 low = (kHandler & 0xffff) | u64{kKernelCs} << 16 | u64{ist} << 32 | type << 40 |
              u64{dpl} << 45 | u64{present} << 47;
    memory.put<u64>(kIdt + vector * (mode == Mode::k64 ? 16 : 8), low);
  }

  void go_to_user() {
    regs.cpl = 3;
    regs.segments[kCs].selector = kUserCs;
    regs.segments[kCs].attributes |= 0x60;
    regs.segments[kSs] = {kUserSs, 0xcf3, 0xffffffff, 0};
  }

  Outcome deliver(const Event& event) { return deliver_event(event, regs, memory); }
};

const Event kVmmCommunication{kVc, EventType::kException, true, 0x400};

TEST_CASE("64-bit, same privilege: an aligned frame of six words, interrupts off") {
  Kernel m(Mode::k64);
  m.gate(kVc, kInterruptGate);
  m.regs.gpr[kRsp] = 0x8009;
  REQUIRE(m.deliver(kVmmCommunication) == Outcome::retired());
  CHECK(m.regs.rip == kHandler);
  CHECK(m.regs.gpr[kRsp] == 0x8000 - 48);
  const u64 sp = m.regs.gpr[kRsp];
  CHECK(m.memory.get<u64>(sp) == 0x400);
  CHECK(m.memory.get<u64>(sp + 8) == kCode);
  CHECK(m.memory.get<u64>(sp + 16) == kKernelCs);
  CHECK(m.memory.get<u64>(sp + 24) == (kFlagReserved1 | kFlagIf | kFlagRf));
  CHECK(m.memory.get<u64>(sp + 32) == 0x8009);
  CHECK(m.memory.get<u64>(sp + 40) == kKernelSs);
  CHECK(m.regs.rflags == kFlagReserved1);
}

TEST_CASE("64-bit, from user code: RSP0, a null SS, and IRETQ goes back") {
  Kernel m(Mode::k64);
  m.gate(0x30, kTrapGate);
  m.go_to_user();
  const Registers before = m.regs;
  REQUIRE(m.deliver({0x30, EventType::kExternal}) == Outcome::retired());
  CHECK(m.regs.cpl == 0);
  CHECK(m.regs.gpr[kRsp] == 0x7000 - 40);
  CHECK(m.regs.segments[kSs].selector == 0);
  CHECK((m.regs.rflags & kFlagIf));  // a trap gate
  CHECK(m.memory.last_privilege == Privilege::kSupervisor);
  m.memory.put_bytes(kHandler, {0x48, 0xcf});
  REQUIRE(m.step() == Outcome::retired());
  CHECK(m.regs.cpl == 3);
  CHECK(m.regs.rip == before.rip);
  CHECK(m.regs.gpr[kRsp] == before.gpr[kRsp]);
  CHECK(m.regs.segments[kSs] == before.segments[kSs]);
  CHECK(m.regs.rflags == before.rflags);
  CHECK(m.regs.segments[kDs].selector == 0);  // kernel data is taken away
}

TEST_CASE("an IST stack is taken whatever the privilege") {
  Kernel m(Mode::k64);
  m.gate(kDf, kInterruptGate, 0, 3);
  m.memory.put<u64>(kTss + 0x24 + 16, 0x9000);  // IST3
  REQUIRE(m.deliver({kDf, EventType::kException, true, 0}) == Outcome::retired());
  CHECK(m.regs.gpr[kRsp] == 0x9000 - 48);
  CHECK(m.memory.get<u64>(0x9000 - 16) == kStack);
}

TEST_CASE("32-bit: same privilege pushes three words, from user code five") {
  Kernel m(Mode::k32);
  m.gate(0x40, kInterruptGate);
  REQUIRE(m.deliver({0x40, EventType::kExternal}) == Outcome::retired());
  CHECK(m.regs.gpr[kRsp] == kStack - 12);
  CHECK(m.memory.get<u32>(kStack - 12) == kCode);

  Kernel u(Mode::k32);
  u.gate(0x40, kInterruptGate);
  u.go_to_user();
  REQUIRE(u.deliver({0x40, EventType::kExternal}) == Outcome::retired());
  CHECK(u.regs.gpr[kRsp] == 0x7000 - 20);
  CHECK(u.regs.segments[kSs].selector == kKernelSs);
  CHECK(u.memory.get<u32>(0x7000 - 4) == kUserSs);
  CHECK(u.memory.get<u32>(0x7000 - 8) == kStack);
  u.memory.put_bytes(kHandler, {0xcf});
  REQUIRE(u.step() == Outcome::retired());
  CHECK(u.regs.cpl == 3);
  CHECK(u.regs.gpr[kRsp] == kStack);
}

TEST_CASE("real mode: INT goes through the vector table and IRET comes back") {
  FlatMachine m(Mode::k16);
  m.regs.gpr[kRsp] = 0x8000;
  m.regs.rflags |= kFlagIf;
  m.memory.put<u16>(4 * 0x10, 0x0000);
  m.memory.put<u16>(4 * 0x10 + 2, 0x0500);
  m.memory.put_bytes(0x5000, {0xcf});
  m.load_program({"int 0x10", "nop"});
  REQUIRE(m.step() == Outcome::special_instruction(SpecialKind::kInt));
  REQUIRE(complete_natively(m.last, m.regs, m.memory) == Outcome::retired());
  CHECK(m.regs.segments[kCs].base == 0x5000);
  CHECK(m.regs.rip == 0);
  CHECK_FALSE((m.regs.rflags & kFlagIf));
  REQUIRE(m.step() == Outcome::retired());
  CHECK(m.regs.rip == kCode + 2);
  CHECK(m.regs.segments[kCs].base == 0);
  CHECK((m.regs.rflags & kFlagIf));
}

struct BadDelivery {
  std::string why;
  void (*spoil)(Kernel&);
  Event event;
  Outcome outcome;
};

TEST_CASE("a delivery that cannot be says why, and nothing has changed") {
  const Event exception{kPf, EventType::kException, true, 2};
  const Event external{0x30, EventType::kExternal};
  const Event software{0x30, EventType::kSoftware};
  const BadDelivery cases[] = {
      {"no gate at all", [](Kernel&) {}, exception, Outcome::exception(kGp, 14 * 8 + 3)},
      {"beyond the limit", [](Kernel& m) { m.regs.idtr.limit = 0xff; }, external,
       Outcome::exception(kGp, 0x30 * 8 + 3)},
      {"software: no EXT", [](Kernel& m) { m.regs.idtr.limit = 0xff; }, software,
       Outcome::exception(kGp, 0x30 * 8 + 2)},
      {"not present", [](Kernel& m) { m.gate(kPf, kInterruptGate, 0, 0, false); }, exception,
       Outcome::exception(kNp, 14 * 8 + 3)},
      {"software from user through a kernel gate",
       [](Kernel& m) {
         m.gate(0x30, kTrapGate);
         m.go_to_user();
       },
       software, Outcome::exception(kGp, 0x30 * 8 + 2)},
      {"the handler's CS is data",
       [](Kernel& m) {
         m.gate(kPf, kInterruptGate);
         m.memory.put<u64>(kGdt + 8, kFlatData);
       },
       exception, Outcome::exception(kGp, kKernelCs | 1)},
      {"no TSS for RSP0",
       [](Kernel& m) {
         m.gate(0x30, kTrapGate);
         m.go_to_user();
         m.regs.tr.limit = 3;
       },
       external, Outcome::exception(kTs, 0x28 | 1)},
      {"the IDT is not mapped", [](Kernel& m) { m.regs.idtr.base = 1ull << 40; }, external,
       Outcome::stopped()},
      {"the stack is not mapped",
       [](Kernel& m) {
         m.gate(0x30, kTrapGate);
         m.regs.gpr[kRsp] = 1ull << 40;
       },
       external, Outcome::stopped()},
  };
  for (const BadDelivery& c : cases) {
    CAPTURE(c.why);
    Kernel m(Mode::k64);
    c.spoil(m);
    const Registers before = m.regs;
    const Outcome outcome = m.deliver(c.event);
    CHECK(outcome.kind == c.outcome.kind);
    CHECK(outcome.vector == c.outcome.vector);
    CHECK(outcome.error_code == c.outcome.error_code);
    CHECK(m.regs == before);
  }
}

Event exception(u8 vector) { return {vector, EventType::kException, pushes_error_code(vector), 0}; }

// APM vol. 2, table 8-2, row by row; #VC is contributory (15.35.5).
TEST_CASE("the double-fault table") {
  const u8 benign = kUd, contributory = kGp;
  const auto both = [](u8 a, u8 b) { return combine(exception(a), exception(b)); };
  CHECK(both(benign, kPf) == Combined::kSerial);
  CHECK(both(benign, contributory) == Combined::kSerial);
  CHECK(both(contributory, benign) == Combined::kSerial);
  CHECK(both(contributory, kPf) == Combined::kSerial);
  CHECK(both(contributory, contributory) == Combined::kDoubleFault);
  CHECK(both(kPf, kPf) == Combined::kDoubleFault);
  CHECK(both(kPf, contributory) == Combined::kDoubleFault);
  CHECK(both(kPf, benign) == Combined::kSerial);
  CHECK(both(kVc, kVc) == Combined::kDoubleFault);
  CHECK(both(kPf, kVc) == Combined::kDoubleFault);
  CHECK(both(kVc, kPf) == Combined::kSerial);
  CHECK(both(kDf, kPf) == Combined::kShutdown);
  CHECK(both(kDf, kGp) == Combined::kShutdown);
  CHECK(combine({kGp, EventType::kExternal}, exception(kPf)) == Combined::kSerial);
}

}  // namespace
}  // namespace nptsim::isa
