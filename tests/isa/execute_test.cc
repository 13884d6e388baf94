// Small programs in 64-bit mode, and what a stopped or faulting instruction leaves behind: nothing.
#include "tests/isa/flat_machine.h"

namespace nptsim::isa {
namespace {

TEST_CASE("a program that sums an array") {
  FlatMachine m;
  for (u64 i = 0; i < 10; ++i) m.memory.put<u64>(kData + 8 * i, i + 1);
  CHECK(m.run({"xor eax, eax", "mov ecx, 10", "again: add rax, [rbx + rcx*8 - 8]", "loop again"}) ==
        Outcome::retired());
  CHECK(m.regs.gpr[kRax] == 55);
}

TEST_CASE("calls, frames and the stack") {
  FlatMachine m;
  CHECK(
      m.run({"push 5", "call square", "mov rdx, rax", "jmp end", "square: push rbp", "mov rbp, rsp",
             "mov rax, [rbp + 16]", "imul rax, rax", "leave", "ret 8", "end: nop"})
          .kind == OutcomeKind::kRetired);
  CHECK(m.regs.gpr[kRdx] == 25);
  CHECK(m.regs.gpr[kRsp] == kStack);
}

TEST_CASE("pop rsp and pop [rsp] use the stack pointer after the pop") {
  FlatMachine m;
  m.run({"mov rax, 0x7000", "push rax", "pop rsp"});
  CHECK(m.regs.gpr[kRsp] == 0x7000);
  FlatMachine n;
  n.run({"push 7", "push 9", "pop qword ptr [rsp]"});
  CHECK(n.memory.get<u64>(kStack - 8) == 9);
}

TEST_CASE("bt with a register number reaches beyond its memory operand, both ways") {
  FlatMachine m;
  m.memory.put<u64>(kData - 8, 1ull << 63);
  m.run({"mov rax, -1", "bt [rbx], rax", "setc cl", "mov rax, 200", "lock bts [rbx], rax"});
  CHECK((m.regs.gpr[kRcx] & 0xff) == 1);
  CHECK(m.memory.get<u64>(kData + 24) == 1ull << 8);
  CHECK(m.memory.last_locked);
}

TEST_CASE("xchg with memory locks by itself, cmpxchg that fails still writes") {
  FlatMachine m;
  m.run({"xchg [rbx], rax"});
  CHECK(m.memory.last_locked);
  FlatMachine n;
  n.memory.make_read_only_from(kData);
  CHECK(n.run({"mov eax, 1", "cmpxchg [rbx], ecx"}) == Outcome::stopped());
}

TEST_CASE("STI and MOV SS shadow one instruction") {
  FlatMachine m;
  m.load_program({"sti", "nop", "sti"});
  m.step();
  CHECK(m.regs.interrupt_shadow == 1);
  m.step();
  CHECK(m.regs.interrupt_shadow == 0);
  m.step();  // interrupts were on already
  CHECK(m.regs.interrupt_shadow == 0);
}

// Every way in which memory can stop an instruction must leave the registers as they were.
TEST_CASE("what the port stops has not happened") {
  const std::vector<std::string> lines = {"mov [rbx], rax",
                                          "mov rax, [rbx]",
                                          "add [rbx], rax",
                                          "push [rbx]",
                                          "pop [rbx]",
                                          "movsb",
                                          "stosq",
                                          "lodsb",
                                          "cmpsb",
                                          "scasb",
                                          "rep movsb",
                                          "rep stosb",
                                          "xchg [rbx], rax",
                                          "xadd [rbx], rax",
                                          "cmpxchg [rbx], rcx",
                                          "cmpxchg16b [rbx]",
                                          "shl qword ptr [rbx], cl",
                                          "bts [rbx], rcx",
                                          "setz [rbx]",
                                          "call [rbx]",
                                          "jmp [rbx]",
                                          "movbe [rbx], rax",
                                          "shld [rbx], rax, 3",
                                          "inc qword ptr [rbx]",
                                          "div qword ptr [rbx]",
                                          "cmovz rax, [rbx]",
                                          "clflush [rbx]",
                                          "mov ds, [rbx]"};
  for (const std::string& line : lines) {
    CAPTURE(line);
    FlatMachine m;
    m.regs.gpr[kRbx] = m.regs.gpr[kRsi] = m.regs.gpr[kRdi] = 0x7fff00000000;  // outside memory
    m.regs.gpr[kRcx] = 5;
    m.load_program({line});
    const Registers before = m.regs;
    CHECK(m.step() == Outcome::stopped());
    CHECK(m.regs == before);
  }
  for (const std::string line :
       {"push rax", "pop rax", "call 0x1000", "ret", "pushf", "popf", "iretq", "enter 16, 0"}) {
    CAPTURE(line);
    FlatMachine m;
    m.regs.gpr[kRsp] = 0x7fff00000000;
    m.load_program({line});
    const Registers before = m.regs;
    CHECK(m.step() == Outcome::stopped());
    CHECK(m.regs == before);
  }
}

TEST_CASE("the second page of a string is where it stops, with the first iterations done") {
  FlatMachine m;
  m.memory.make_read_only_from(0x5000);
  m.regs.gpr[kRdi] = 0x4ffd;
  m.regs.gpr[kRcx] = 8;
  m.load_program({"rep stosb"});
  for (int i = 0; i < 3; ++i) CHECK(m.step() == Outcome::iteration());
  CHECK(m.step() == Outcome::stopped());
  CHECK(m.regs.gpr[kRcx] == 5);
  CHECK(m.regs.gpr[kRdi] == 0x5000);
  CHECK(m.regs.rip == kCode);
}

struct Fault {
  std::string line;
  Outcome outcome;
};

TEST_CASE("exceptions are values, with registers as before") {
  const Fault faults[] = {
      {"ud2", Outcome::exception(kUd)},
      {"div cl", Outcome::exception(kDe)},
      {"mov al, [rdx]", Outcome::exception(kGp, 0)},  // not canonical
      {"mov [rdx], al", Outcome::exception(kGp, 0)},
      {"mov al, [rbp]", Outcome::exception(kSsv, 0)},  // through SS
      {"jmp rdx", Outcome::exception(kGp, 0)},
      {"call rdx", Outcome::exception(kGp, 0)},
      {"cmpxchg16b [rbx + 8]", Outcome::exception(kGp, 0)},  // not aligned
      {"mov ss, cx", Outcome::exception(kGp, 0x50)},         // beyond the GDT
  };
  for (const Fault& f : faults) {
    CAPTURE(f.line);
    FlatMachine m;
    m.regs.gpr[kRdx] = m.regs.gpr[kRbp] = 0x800000000000;
    if (f.line == "mov ss, cx") m.regs.gpr[kRcx] = 0x50;
    m.load_program({f.line});
    const Registers before = m.regs;
    CHECK(m.step() == f.outcome);
    CHECK(m.regs == before);
  }
}

TEST_CASE("POPF below CPL 0 keeps IOPL, and IF too when CPL is above IOPL") {
  FlatMachine m;
  m.regs.cpl = 3;
  m.regs.rflags = kFlagReserved1 | kFlagIf;
  m.run({"push 0x3001", "popf"});
  CHECK(m.regs.rflags == (kFlagReserved1 | kFlagIf | kFlagCf));
  CHECK(m.run({"cli"}) == Outcome::exception(kGp, 0));
}

// APM vol. 4, MOVDQA and MOVDQU, "Exceptions".
TEST_CASE("a vector move faults in this order: not enabled, not available, not aligned") {
  struct Refusal {
    const char* text;
    u64 cr0, cr4;
    Outcome outcome;
  };
  const Refusal refusals[] = {
      {"movdqu xmm0, [rbx + 1]", 0, 0, Outcome::exception(kUd)},
      {"movdqu xmm0, [rbx + 1]", kCr0Em | kCr0Ts, kCr4Osfxsr, Outcome::exception(kUd)},
      {"movdqa xmm0, [rbx + 1]", kCr0Ts, kCr4Osfxsr, Outcome::exception(kNm)},
      {"movdqa xmm0, [rbx + 1]", 0, kCr4Osfxsr, Outcome::exception(kGp, 0)},
      {"movaps [rbx + 8], xmm0", 0, kCr4Osfxsr, Outcome::exception(kGp, 0)},
      {"movdqu xmm0, [rdi]", 0, kCr4Osfxsr, Outcome::stopped()},
      {"movdqu [rdi], xmm0", 0, kCr4Osfxsr, Outcome::stopped()},
  };
  for (const Refusal& refusal : refusals) {
    CAPTURE(refusal.text);
    FlatMachine m;
    m.regs.cr0 |= refusal.cr0;
    m.regs.cr4 |= refusal.cr4;
    m.regs.gpr[kRdi] = 0x7fff00000000;  // outside memory
    m.load_program({refusal.text});
    const Registers before = m.regs;
    CHECK(m.step() == refusal.outcome);
    CHECK(m.regs == before);
  }
}

}  // namespace
}  // namespace nptsim::isa
