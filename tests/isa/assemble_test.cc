// Text to bytes: encodings written by hand, the way back, programs with labels, and every
// complaint.
#include "tests/isa/flat_machine.h"

namespace nptsim::isa {
namespace {

std::string hex_of(const std::vector<u8>& bytes) {
  std::string text;
  char two[4];
  for (const u8 b : bytes) {
    std::snprintf(two, sizeof two, "%02x", b);
    text += (text.empty() ? "" : " ") + std::string(two);
  }
  return text;
}

struct Encoding {
  Mode mode;
  std::string text;
  std::string bytes;
};

const Encoding kEncodings[] = {
    {Mode::k64, "mov byte ptr [rbx], 0x40", "c6 03 40"},
    {Mode::k64, "mov al, [rbx]", "8a 03"},
    {Mode::k64, "mov al, [0xffc00000]", "a0 00 00 c0 ff 00 00 00 00"},
    {Mode::k64, "mov [0xffc00000], eax", "a3 00 00 c0 ff 00 00 00 00"},
    {Mode::k64, "mov rbx, 0xffc00000", "48 bb 00 00 c0 ff 00 00 00 00"},
    {Mode::k64, "mov ebx, 0xffc00000", "bb 00 00 c0 ff"},
    {Mode::k64, "mov rax, -1", "48 c7 c0 ff ff ff ff"},
    {Mode::k64, "add eax, 0xfffffff0", "83 c0 f0"},
    {Mode::k64, "and al, 0xf0", "24 f0"},
    {Mode::k64, "mov qword ptr [rbx + rcx*4 + 16], -2", "48 c7 44 8b 10 fe ff ff ff"},
    {Mode::k64, "mov eax, fs:[0x28]", "64 a1 28 00 00 00 00 00 00 00"},
    {Mode::k64, "mov ecx, gs:[0x28]", "65 8b 0c 25 28 00 00 00"},
    {Mode::k64, "mov ecx, [0xffffffff80000000]", "8b 0c 25 00 00 00 80"},
    {Mode::k64, "mov rax, [0x123456789a]", "48 a1 9a 78 56 34 12 00 00 00"},
    {Mode::k64, "mov eax, [gs:rbx]", "65 8b 03"},
    {Mode::k64, "mov eax, [ebx]", "67 8b 03"},
    {Mode::k64, "mov eax, [rax + rsp]", "8b 04 04"},
    {Mode::k64, "lea rax, [rip + 0x10]", "48 8d 05 10 00 00 00"},
    {Mode::k64, "movzx eax, byte ptr [rbx]", "0f b6 03"},
    {Mode::k64, "mov ds, [rbx]", "8e 1b"},
    {Mode::k64, "push [rbx]", "ff 33"},
    {Mode::k64, "push 5", "6a 05"},
    {Mode::k64, "rep stosb", "f3 aa"},
    {Mode::k64, "rep cmpsb", "f3 a6"},
    {Mode::k64, "repne scasb", "f2 ae"},
    {Mode::k64, "lock cmpxchg16b [rbx]", "f0 48 0f c7 0b"},
    {Mode::k64, "lock inc dword ptr [rbx]", "f0 ff 03"},
    {Mode::k64, "shl dword ptr [rbx], cl", "d3 23"},
    {Mode::k64, "jne 0x1000", "75 fe"},
    {Mode::k64, "jmp 0x2000", "e9 fb 0f 00 00"},
    {Mode::k64, "call 0x1005", "e8 00 00 00 00"},
    {Mode::k64, "pushf", "9c"},
    {Mode::k64, "iretq", "48 cf"},
    {Mode::k64, "vmgexit", "f3 0f 01 d9"},
    {Mode::k64, "vmmcall", "0f 01 d9"},
    {Mode::k64, "pvalidate", "f2 0f 01 ff"},
    {Mode::k64, "mov cr3, rax", "0f 22 d8"},
    {Mode::k64, "invlpg [rbx]", "0f 01 3b"},
    {Mode::k64, "in al, dx", "ec"},
    {Mode::k64, "out 0x80, al", "e6 80"},
    {Mode::k64, "int 0x80", "cd 80"},
    {Mode::k64, "MOV EAX, 4K", "b8 00 10 00 00"},
    {Mode::k32, "mov al, [0xffc00000]", "a0 00 00 c0 ff"},
    {Mode::k32, "mov byte ptr [0xffc00000], 1", "c6 05 00 00 c0 ff 01"},
    {Mode::k32, "push 0xfffffff0", "6a f0"},
    {Mode::k32, "jmp 8:0x1000", "ea 00 10 00 00 08 00"},
    {Mode::k16, "mov al, [bx + si]", "8a 00"},
    {Mode::k16, "mov eax, [ebx]", "67 66 8b 03"},
    {Mode::k16, "jmp 0x1000", "eb fe"},
    {Mode::k16, "mov word ptr [0x8000], 0xfffe", "c7 06 00 80 fe ff"},
};

TEST_CASE("lines become the bytes that the manual gives") {
  for (const Encoding& e : kEncodings) {
    CAPTURE(e.text);
    const auto bytes = assemble(e.text, 0x1000, e.mode);
    REQUIRE_MESSAGE(bytes.ok(), (bytes.ok() ? "" : bytes.error().found));
    // The order of 66h and 67h is free.
    if (e.text == "mov eax, [ebx]" && e.mode == Mode::k16) {
      CHECK(bytes.value().size() == 4);
    } else {
      CHECK(hex_of(bytes.value()) == e.bytes);
    }
  }
}

TEST_CASE("what is assembled decodes whole, and its disassembly assembles to the same bytes") {
  for (const Encoding& e : kEncodings) {
    CAPTURE(e.text);
    const auto bytes = assemble(e.text, 0x1000, e.mode).value();
    Instruction instruction;
    REQUIRE(decode(bytes, e.mode, instruction) == DecodeStatus::kOk);
    CHECK(instruction.length == bytes.size());
    if (e.text.starts_with("jmp 8:")) continue;  // Zydis writes "far" and a pointer
    const std::string again = disassemble(instruction, 0x1000);
    CAPTURE(again);
    const auto second = assemble(again, 0x1000, e.mode);
    REQUIRE_MESSAGE(second.ok(), (second.ok() ? "" : second.error().found));
    CHECK(hex_of(second.value()) == hex_of(bytes));
  }
}

TEST_CASE("a program: labels forwards and backwards, as addresses, rip-relative, raw bytes") {
  const std::vector<std::string> lines = {"start:  mov ecx, 3   ; three rounds",
                                          "again:",
                                          "  dec ecx",
                                          "  jne again",
                                          "  jmp done           # over the raw bytes",
                                          "  bytes: \"0f 0b\"",
                                          "done: mov rax, start",
                                          "  lea rbx, [rip + again]",
                                          "  hlt"};
  const auto program = assemble_program(lines, 0x1000, Mode::k64);
  REQUIRE(program.ok());
  const Program& p = program.value();
  CHECK(p.labels.at("start") == 0x1000);
  CHECK(p.labels.at("again") == 0x1005);
  CHECK(p.lines.size() == 8);
  CHECK(p.lines[4].text == "bytes: \"0f 0b\"");
  CHECK(p.lines[4].source_line == 5);
  CHECK(p.labels.at("done") == 0x1000 + p.lines[5].offset);

  FlatMachine m;
  CHECK(m.run(lines).special == SpecialKind::kHlt);
  CHECK(m.regs.gpr[kRax] == 0x1000);
  CHECK(m.regs.gpr[kRbx] == 0x1005);
  CHECK(m.regs.gpr[kRcx] == 0);
}

TEST_CASE("a branch too far for a byte becomes a long one") {
  std::vector<std::string> lines = {"jmp end"};
  for (int i = 0; i < 200; ++i) lines.push_back("nop");
  lines.push_back("end: hlt");
  const auto program = assemble_program(lines, 0x1000, Mode::k64);
  REQUIRE(program.ok());
  CHECK(program.value().lines[0].length == 5);
  CHECK(program.value().labels.at("end") == 0x1000 + 5 + 200);
}

struct Complaint {
  std::string text;
  int column;
  std::string found;       // must be part of it
  std::string suggestion;  // must be part of it
};

const Complaint kComplaints[] = {
    {"movv al, [rbx]", 1, "unknown instruction 'movv'", "did you mean 'mov"},
    {"mov byte ptr [0xffc00000], 1", 5, "cannot be encoded in 64-bit", "mov rbx, 0xffc00000"},
    {"mov cl, [0xffc00000]", 9, "cannot be encoded in 64-bit", "mov al, [0xffc00000]"},
    {"inc [rbx]", 5, "size of the memory operand", "byte ptr"},
    {"mov [rbx], 1", 5, "size of the memory operand", "byte ptr"},
    {"mov al, 0x1ff", 9, "0x1ff does not fit in 8 bits", ""},
    {"mov al, [rbx + rcx*3]", 20, "the scale is '3'", ""},
    {"mov al, [rbx - rcx]", 16, "cannot be subtracted", ""},
    {"mov al, [rbx", 13, "the end of the line", ""},
    {"mov al bl", 8, "'bl' after an operand", ""},
    {"mov al,", 8, "the end of the line where an operand", ""},
    {"mov rxx, 1", 5, "neither a register nor a label", "did you mean 'r"},
    {"jmp nowhere", 5, "'nowhere' is neither", ""},
    {"mov al, 12q", 9, "'12q' is not a 64-bit number", ""},
    {"mov al, $5", 9, "unexpected character '$'", ""},
    {"pusha", 1, "no form of 'pusha' without operands exists in 64-bit code", ""},
    {"lock mov [rbx], al", 6, "and this prefix", ""},
    {"mov al, ebx", 1, "no form of 'mov' with al and ebx", ""},
    {"bytes: c6 0", 11, "'0' is not a byte", ""},
};

TEST_CASE("a bad line is told by column, with what was found and how to mend it") {
  for (const Complaint& c : kComplaints) {
    CAPTURE(c.text);
    const auto bytes = assemble(c.text, 0x1000, Mode::k64);
    REQUIRE_FALSE(bytes.ok());
    CAPTURE(bytes.error().found);
    CAPTURE(bytes.error().suggestion);
    CHECK(bytes.error().column == c.column);
    CHECK(bytes.error().found.find(c.found) != std::string::npos);
    CHECK(bytes.error().suggestion.find(c.suggestion) != std::string::npos);
  }
}

TEST_CASE("in a program the complaint names the line, and becomes a diagnostic of the file") {
  const std::vector<std::string> lines = {"nop", "again: mvo al, 1"};
  const auto program = assemble_program(lines, 0x1000, Mode::k64);
  REQUIRE_FALSE(program.ok());
  CHECK(program.error().line == 1);
  CHECK(program.error().column == 8);
  const Diagnostic d = to_diagnostic(program.error(), {"flash.yaml", 10, 5});
  CHECK(to_string(d.pos) == "flash.yaml:11:8");

  const std::vector<std::string> twice = {"a: nop", "a: nop"};
  CHECK(assemble_program(twice, 0, Mode::k64).error().found == "label 'a' is defined twice");
}

}  // namespace
}  // namespace nptsim::isa
