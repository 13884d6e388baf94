// Bytes to instructions: what is invalid, what is unfinished, and a cache that cannot be fooled.
#include "tests/isa/flat_machine.h"

namespace nptsim::isa {
namespace {

std::vector<u8> bytes_of(const std::string& hex) { return parse_hex_bytes(hex).value(); }

struct Case {
  Mode mode;
  std::string bytes;
  DecodeStatus status;
  std::string why;
};

const Case kCases[] = {
    {Mode::k64, "c6 03 40", DecodeStatus::kOk, "a store"},
    {Mode::k64, "c6 03", DecodeStatus::kNeedsMoreBytes, "the immediate is on the next page"},
    {Mode::k64, "0f", DecodeStatus::kNeedsMoreBytes, "the opcode is"},
    {Mode::k64, "06", DecodeStatus::kInvalid, "PUSH ES does not exist in 64-bit mode"},
    {Mode::k32, "06", DecodeStatus::kOk, "but in 32-bit mode"},
    {Mode::k64, "f0 89 03", DecodeStatus::kInvalid, "LOCK with MOV is #UD"},
    {Mode::k64, "f0 01 d8", DecodeStatus::kInvalid, "LOCK with a register destination is #UD"},
    {Mode::k64, "f0 01 03", DecodeStatus::kOk, "LOCK ADD to memory is good"},
    {Mode::k64, "8e c8", DecodeStatus::kInvalid, "MOV CS is #UD"},
    {Mode::k64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", DecodeStatus::kTooLong,
     "16 bytes"},
    {Mode::k64, "66 66 66 66 66 66 66 66 66 66 66 66 66 66 90", DecodeStatus::kOk, "15 bytes"},
};

TEST_CASE("what bytes are: whole, unfinished, invalid or too long") {
  for (const Case& c : kCases) {
    CAPTURE(c.bytes);
    CAPTURE(c.why);
    Instruction instruction;
    CHECK(decode(bytes_of(c.bytes), c.mode, instruction) == c.status);
  }
  CHECK(decode_fault(DecodeStatus::kInvalid) == Outcome::exception(kUd));
  CHECK(decode_fault(DecodeStatus::kTooLong) == Outcome::exception(kGp, 0));
}

TEST_CASE("the instruction's text is Intel syntax") {
  struct Text {
    std::string bytes, text;
  };
  const Text texts[] = {
      {"c6 03 40", "mov byte ptr [rbx], 0x40"},
      {"f3 a4", "rep movsb"},
      {"f3 0f 01 d9", "vmgexit"},
      {"f2 0f 01 d9", "vmgexit"},
      {"0f 01 d9", "vmmcall"},
      {"f3 0f 01 fd", "rmpquery"},
      {"f3 0f 09", "wbnoinvd"},
      {"0f 58 c1", "addps xmm0, xmm1"},
      {"eb fe", "jmp 0x1000"},
  };
  for (const Text& t : texts) {
    Instruction instruction;
    REQUIRE(decode(bytes_of(t.bytes), Mode::k64, instruction) == DecodeStatus::kOk);
    CHECK(disassemble(instruction, 0x1000) == t.text);
  }
}

TEST_CASE("the cache notices that code has changed, and that the mode has") {
  DecodeCache cache;
  const auto inc = bytes_of("ff c0 90 90"), dec = bytes_of("ff c8 90 90"), rex = bytes_of("40 90");
  const auto first = cache.lookup(0x1000, Mode::k64, inc);
  REQUIRE(first.status == DecodeStatus::kOk);
  CHECK(disassemble(*first.instruction, 0) == "inc eax");
  CHECK(cache.lookup(0x1000, Mode::k64, inc).instruction == first.instruction);
  CHECK(disassemble(*cache.lookup(0x1000, Mode::k64, dec).instruction, 0) == "dec eax");
  CHECK(disassemble(*cache.lookup(0x1000, Mode::k64, rex).instruction, 0) == "nop");
  CHECK(disassemble(*cache.lookup(0x1000, Mode::k32, rex).instruction, 0) == "inc eax");
  // Fewer bytes than the known instruction has: no hit.
  CHECK(cache.lookup(0x1000, Mode::k64, std::span(dec).first(1)).status ==
        DecodeStatus::kNeedsMoreBytes);
}

TEST_CASE("an instruction outside the executed set decodes, and says so when executed") {
  for (const std::string bytes :
       {"0f 58 c1", "0f 58 03", "d8 c0", "c5 f8 58 c1", "f2 0f 10 03", "f0 0f 20 c0"}) {
    CAPTURE(bytes);
    FlatMachine m;
    m.memory.put_bytes(kCode, bytes_of(bytes));
    const Registers before = m.regs;
    CHECK(m.step() == Outcome::unsupported());
    CHECK(m.regs == before);
  }
}

}  // namespace
}  // namespace nptsim::isa
