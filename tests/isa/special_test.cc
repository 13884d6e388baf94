// Instructions that the CPU model decides: what they say they want, what faults before anybody is
// asked, and how they are completed.
#include "sim/isa/special.h"
#include "tests/isa/flat_machine.h"

namespace nptsim::isa {
namespace {

struct Kind {
  std::string line;
  SpecialKind kind;
  Outcome at_cpl_3;
};

const Outcome kGp0 = Outcome::exception(kGp, 0);

Outcome special(SpecialKind kind) { return Outcome::special_instruction(kind); }

TEST_CASE("privilege is checked before the model is asked") {
  const Kind kinds[] = {
      {"cpuid", SpecialKind::kCpuid, special(SpecialKind::kCpuid)},
      {"hlt", SpecialKind::kHlt, kGp0},
      {"rdmsr", SpecialKind::kRdmsr, kGp0},
      {"wrmsr", SpecialKind::kWrmsr, kGp0},
      {"rdtsc", SpecialKind::kRdtsc, special(SpecialKind::kRdtsc)},
      {"pause", SpecialKind::kPause, special(SpecialKind::kPause)},
      {"invlpg [rbx]", SpecialKind::kInvlpg, kGp0},
      {"mov rax, cr3", SpecialKind::kReadCr, kGp0},
      {"mov cr4, rax", SpecialKind::kWriteCr, kGp0},
      {"mov dr7, rax", SpecialKind::kWriteDr, kGp0},
      {"vmmcall", SpecialKind::kVmmcall, special(SpecialKind::kVmmcall)},
      {"vmgexit", SpecialKind::kVmgexit, special(SpecialKind::kVmgexit)},
      {"pvalidate", SpecialKind::kPvalidate, kGp0},
      {"rmpadjust", SpecialKind::kRmpadjust, kGp0},
      {"rmpquery", SpecialKind::kRmpquery, kGp0},
      {"wbinvd", SpecialKind::kWbinvd, kGp0},
      {"wbnoinvd", SpecialKind::kWbnoinvd, kGp0},
      {"swapgs", SpecialKind::kSwapgs, kGp0},
      {"lgdt [rbx]", SpecialKind::kLgdt, kGp0},
      {"int 0x80", SpecialKind::kInt, special(SpecialKind::kInt)},
      {"int3", SpecialKind::kInt3, special(SpecialKind::kInt3)},
      {"syscall", SpecialKind::kSyscall, special(SpecialKind::kSyscall)},
      {"in al, dx", SpecialKind::kIn, kGp0},  // no I/O map in the TSS
  };
  for (const Kind& k : kinds) {
    CAPTURE(k.line);
    FlatMachine m;
    m.load_program({k.line});
    const Registers before = m.regs;
    CHECK(m.step() == special(k.kind));
    CHECK(m.regs == before);
    m.regs.cpl = 3;
    CHECK(m.step() == k.at_cpl_3);
  }
}

TEST_CASE("SVM instructions are #UD until EFER.SVME is set") {
  FlatMachine m;
  m.load_program({"vmrun rax"});
  CHECK(m.step() == Outcome::exception(kUd));
  m.regs.efer |= kEferSvme;
  CHECK(m.step() == special(SpecialKind::kVmrun));
}

TEST_CASE("the I/O map of the TSS opens single ports") {
  constexpr u64 kTss = 0x6000;
  FlatMachine m;
  m.regs.cpl = 3;
  m.regs.tr = {0x40, 0x8b, 0x67 + 0x20, kTss};
  m.memory.put<u16>(kTss + 0x66, 0x68);
  for (u64 i = 0; i < 0x20; ++i) m.memory.put<u8>(kTss + 0x68 + i, 0xff);
  m.memory.put<u8>(kTss + 0x68 + 0x80 / 8, 0xfe);  // port 0x80 only
  m.load_program({"out 0x80, al", "out 0x80, ax"});
  CHECK(m.step() == special(SpecialKind::kOut));
  retire_special(m.last, m.regs);
  CHECK(m.step() == kGp0);
}

TEST_CASE("OUT and IN say port, size and data, and IN writes what the device gives") {
  FlatMachine m;
  m.regs.gpr[kRdx] = 0x3f8;
  m.regs.gpr[kRax] = 0x1122334455667788;
  m.load_program({"out dx, ax", "in al, 0x71", "in eax, dx"});
  m.step();
  Special s = describe_special(m.last, m.regs);
  CHECK(s.port == 0x3f8);
  CHECK(s.size == 2);
  CHECK(s.value == 0x7788);
  retire_special(m.last, m.regs);
  m.step();
  s = describe_special(m.last, m.regs);
  CHECK(s.port == 0x71);
  complete_in(m.last, m.regs, 0xff);
  CHECK(m.regs.gpr[kRax] == 0x11223344556677ff);
  m.step();
  complete_in(m.last, m.regs, 0x99);
  CHECK(m.regs.gpr[kRax] == 0x99);
  CHECK(m.regs.rip == kCode + m.program.bytes.size());
}

TEST_CASE("REP OUTSB is asked for byte by byte") {
  FlatMachine m;
  m.memory.put<u32>(kData, 0x64636261);
  m.regs.gpr[kRsi] = kData;
  m.regs.gpr[kRcx] = 3;
  m.regs.gpr[kRdx] = 0xe9;
  m.load_program({"rep outsb"});
  std::string written;
  Outcome outcome = Outcome::iteration();
  while (outcome.kind == OutcomeKind::kIteration) {
    REQUIRE(m.step() == special(SpecialKind::kOuts));
    const Special s = describe_special(m.last, m.regs);
    CHECK(s.count == 3 - written.size());
    CHECK(s.address.value == kData + written.size());
    u64 data = 0;
    REQUIRE(load_outs(m.last, m.regs, m.memory, data).kind == OutcomeKind::kRetired);
    written += static_cast<char>(data);
    outcome = complete_outs(m.last, m.regs);
  }
  CHECK(written == "abc");
  CHECK(m.regs.gpr[kRsi] == kData + 3);
  CHECK(m.regs.rip == kCode + 2);
}

TEST_CASE("INS stores through ES and moves backwards with DF") {
  FlatMachine m;
  m.regs.gpr[kRdi] = kData + 4;
  m.regs.rflags |= kFlagDf;
  m.load_program({"insw"});
  CHECK(m.step() == special(SpecialKind::kIns));
  CHECK(complete_ins(m.last, m.regs, m.memory, 0xbeef) == Outcome::retired());
  CHECK(m.memory.get<u16>(kData + 4) == 0xbeef);
  CHECK(m.regs.gpr[kRdi] == kData + 2);
}

TEST_CASE("CPUID, RDMSR, WRMSR and PVALIDATE give their operands and take their results") {
  FlatMachine m;
  m.regs.gpr[kRax] = 0x8000001f;
  m.regs.gpr[kRcx] = 7;
  m.regs.gpr[kRdx] = 1;
  m.load_program({"cpuid", "rdmsr", "wrmsr", "pvalidate"});
  m.step();
  const Special cpuid = describe_special(m.last, m.regs);
  CHECK(cpuid.leaf == 0x8000001f);
  CHECK(cpuid.subleaf == 7);
  complete_cpuid(m.last, m.regs, 1, 2, 3, 4);
  CHECK(m.regs.gpr[kRbx] == 2);
  m.step();
  CHECK(describe_special(m.last, m.regs).leaf == 3);
  complete_read_edx_eax(m.last, m.regs, 0x123456789a);
  m.step();
  CHECK(describe_special(m.last, m.regs).value == 0x123456789a);
  retire_special(m.last, m.regs);
  m.step();
  complete_rmp_instruction(m.last, m.regs, 0, true);
  CHECK((m.regs.rflags & kArithmeticFlags) == (kFlagCf | kFlagZf | kFlagPf));
}

TEST_CASE("an address in a description is linear") {
  FlatMachine m;
  m.regs.segments[kGs].base = 0x100000;
  m.load_program({"invlpg gs:[rbx + 8]"});
  m.step();
  CHECK(describe_special(m.last, m.regs).address.value == 0x100000 + kData + 8);
}

TEST_CASE("control registers complete natively, and CR0.PG activates long mode") {
  FlatMachine m(Mode::k32);
  m.regs.efer = bit(8);
  m.load_program({"mov eax, cr0", "or eax, 0x80000000", "mov cr0, eax"});
  m.step();
  CHECK(complete_natively(m.last, m.regs, m.memory) == Outcome::retired());
  m.step();
  m.step();
  CHECK(describe_special(m.last, m.regs).value == 0x80000011);
  CHECK(complete_natively(m.last, m.regs, m.memory) == Outcome::retired());
  CHECK(long_mode_active(m.regs));
  CHECK(mode_of(m.regs) == Mode::k32);  // until CS.L
}

TEST_CASE("descriptor table registers load and store natively") {
  FlatMachine m;
  m.memory.put<u16>(kData, 0x7f);
  m.memory.put<u64>(kData + 2, 0xffff800000001000);
  m.load_program({"lgdt [rbx]", "sgdt [rbx + 16]", "hlt"});
  m.step();
  CHECK(complete_natively(m.last, m.regs, m.memory) == Outcome::retired());
  CHECK(m.regs.gdtr.base == 0xffff800000001000);
  CHECK(m.regs.gdtr.limit == 0x7f);
  m.step();
  CHECK(complete_natively(m.last, m.regs, m.memory) == Outcome::retired());
  CHECK(m.memory.get<u64>(kData + 18) == 0xffff800000001000);
  m.step();
  CHECK(complete_natively(m.last, m.regs, m.memory) == special(SpecialKind::kHlt));
}

TEST_CASE("every kind has a name") {
  CHECK(special_name(SpecialKind::kVmgexit) == "vmgexit");
  CHECK(special_name(SpecialKind::kPopf) == "popf");
  CHECK(special_name(SpecialKind::kNone) == "none");
}

}  // namespace
}  // namespace nptsim::isa
