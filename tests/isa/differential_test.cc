// The executed set against the processor that runs this test: random operands, a fixed seed, the
// same bytes on both sides. Flags that the manual leaves undefined are not compared.
#include <random>

#include "tests/isa/flat_machine.h"
#include "tests/isa/native_cpu.h"

namespace nptsim::isa {
namespace {

constexpr u64 kWithoutAf = kArithmeticFlags & ~kFlagAf;
constexpr u64 kCarryOverflow = kFlagCf | kFlagOf;

using Random = std::mt19937_64;

// Values near the edges are where flags go wrong.
u64 interesting(Random& random) {
  static constexpr u64 kEdges[] = {0,          1,          2,          0x7f,       0x80,
                                   0xff,       0x7fff,     0x8000,     0xffff,     0x7fffffff,
                                   0x80000000, 0xffffffff, ~0ull >> 1, 1ull << 63, ~0ull};
  switch (random() % 4) {
    case 0:
      return kEdges[random() % std::size(kEdges)];
    case 1:
      return random() >> (random() % 64);
    default:
      return random();
  }
}

// One template of instructions: %r is a random register, %m the memory at rbx, %i a random number.
struct Shape {
  const char* text;
  u64 defined;  // flags to compare
};

// Operands in all four sizes; the assembler picks registers by size.
constexpr Shape kShapes[] = {
    {"add %r, %s", kArithmeticFlags},
    {"adc %r, %s", kArithmeticFlags},
    {"sub %r, %s", kArithmeticFlags},
    {"sbb %r, %s", kArithmeticFlags},
    {"cmp %r, %s", kArithmeticFlags},
    {"and %r, %s", kWithoutAf},
    {"or %r, %s", kWithoutAf},
    {"xor %r, %s", kWithoutAf},
    {"test %r, %s", kWithoutAf},
    {"add %m, %r", kArithmeticFlags},
    {"adc %m, %r", kArithmeticFlags},
    {"sbb %m, %r", kArithmeticFlags},
    {"lock sub %m, %r", kArithmeticFlags},
    {"xor %r, %m", kWithoutAf},
    {"cmp %m, %r", kArithmeticFlags},
    {"inc %r", kArithmeticFlags},
    {"dec %m", kArithmeticFlags},
    {"neg %r", kArithmeticFlags},
    {"not %m", kArithmeticFlags},
    {"mul %r", kCarryOverflow},
    {"imul %m", kCarryOverflow},
    {"mul %m", kCarryOverflow},
    {"imul %r", kCarryOverflow},
    {"xadd %r, %s", kArithmeticFlags},
    {"xadd %m, %r", kArithmeticFlags},
    {"xchg %r, %s", kArithmeticFlags},
    {"xchg %m, %r", kArithmeticFlags},
    {"cmpxchg %m, %r", kArithmeticFlags},
    {"cmpxchg %r, %s", kArithmeticFlags},
    {"mov %r, %s", kArithmeticFlags},
    {"mov %m, %r", kArithmeticFlags},
    {"mov %r, %m", kArithmeticFlags},
    {"setnz %b", kArithmeticFlags},
    {"setle %b", kArithmeticFlags},
    {"setp %b", kArithmeticFlags},
    {"setbe %b", kArithmeticFlags},
    {"lahf", kArithmeticFlags},
    {"sahf", kArithmeticFlags},
    {"cmc", kArithmeticFlags},
    {"cbw", kArithmeticFlags},
    {"cwde", kArithmeticFlags},
    {"cdqe", kArithmeticFlags},
    {"cwd", kArithmeticFlags},
    {"cdq", kArithmeticFlags},
    {"cqo", kArithmeticFlags},
    {"cmpxchg8b qword ptr [rbx]", kArithmeticFlags},
    {"lock cmpxchg16b xmmword ptr [rbx]", kArithmeticFlags},
};

// No byte form.
constexpr Shape kWideShapes[] = {
    {"imul %r, %s", kCarryOverflow},
    {"imul %r, %m", kCarryOverflow},
    {"imul %r, %s, %c", kCarryOverflow},
    {"bsf %r, %s", kFlagZf},
    {"bsr %r, %s", kFlagZf},
    {"tzcnt %r, %s", kFlagCf | kFlagZf},
    {"lzcnt %r, %m", kFlagCf | kFlagZf},
    {"popcnt %r, %s", kArithmeticFlags},
    {"bt %r, %s", kFlagCf},
    {"bts %r, %s", kFlagCf},
    {"btr %r, %c", kFlagCf},
    {"btc %m, %c", kFlagCf},
    {"cmovz %r, %s", kArithmeticFlags},
    {"cmovl %r, %m", kArithmeticFlags},
    {"cmovnbe %r, %s", kArithmeticFlags},
    {"cmovs %r, %s", kArithmeticFlags},
    {"lea %r, [rbx + rsi*4 + 0x40]", kArithmeticFlags},
    {"lea %r, [ebx + ecx*8 - 3]", kArithmeticFlags},
    {"movzx %r, %b", kArithmeticFlags},
    {"movsx %r, %b", kArithmeticFlags},
    {"movzx %r, byte ptr [rbx]", kArithmeticFlags},
    {"movsx %r, byte ptr [rbx]", kArithmeticFlags},
    {"movbe %r, %m", kArithmeticFlags},
    {"movbe %m, %r", kArithmeticFlags},
};

// Counts matter: OF is only defined for 1, CF for less than the width, AF never.
constexpr const char* kShifts[] = {"shl", "shr", "sar", "rol", "ror", "rcl", "rcr"};

constexpr unsigned kUsable[] = {kRax, kRcx, kRdx, kRsi, kRdi, kRbp, kR8, kR11, kR15};

std::string some_register(Random& random, unsigned size) {
  return std::string(gpr_name(kUsable[random() % std::size(kUsable)], size));
}

std::string memory_text(unsigned size) {
  const char* const word = size == 1 ? "byte" : size == 2 ? "word" : size == 4 ? "dword" : "qword";
  return std::string(word) + " ptr [rbx]";
}

std::string fill_in(std::string text, Random& random, unsigned size) {
  const auto replace = [&](const std::string& mark, const std::string& by) {
    if (const auto at = text.find(mark); at != std::string::npos) text.replace(at, 2, by);
  };
  replace("%r", some_register(random, size));
  replace("%s", some_register(random, size));
  replace("%b", some_register(random, 1));
  replace("%m", memory_text(size));
  replace("%c", std::to_string(random() % 128));
  return text;
}

struct Both {
  NativeCpu native;
  alignas(64) u8 host_memory[256];
};

// Runs `text` on both with the same random start; says what differs.
void compare(Both& both, Random& random, const std::string& text, u64 defined) {
  CAPTURE(text);
  const u64 at = reinterpret_cast<u64>(both.host_memory) + 64;
  auto bytes = assemble(text, kCode, Mode::k64);
  REQUIRE_MESSAGE(bytes.ok(), (bytes.ok() ? "" : bytes.error().found));
  NativeState before;
  for (u64& r : before.gpr) r = interesting(random);
  before.gpr[kRbx] = at;
  before.rflags = kFlagReserved1 | kFlagIf | (random() & kArithmeticFlags);
  for (u8& b : both.host_memory) b = static_cast<u8>(random());
  if (random() % 4 == 0) std::memcpy(both.host_memory + 64, &before.gpr[kRax], 8);

  Registers model = flat_registers(Mode::k64, kCode);
  std::memcpy(model.gpr, before.gpr, sizeof model.gpr);
  model.rflags = before.rflags;
  FlatMemory memory(256, at - 64);
  memory.put_bytes(at - 64, {both.host_memory, both.host_memory + 256});
  Instruction instruction;
  REQUIRE(decode(bytes.value(), Mode::k64, instruction) == DecodeStatus::kOk);
  REQUIRE(execute(instruction, model, memory).kind == OutcomeKind::kRetired);

  NativeState after = before;
  both.native.run(bytes.value(), after);
  for (unsigned r = 0; r < kGprCount; ++r) {
    if (r == kRsp) continue;
    CAPTURE(gpr_name(r));
    CAPTURE(before.gpr[r]);
    CHECK(model.gpr[r] == after.gpr[r]);
  }
  CAPTURE(before.rflags);
  CHECK((model.rflags & defined) == (after.rflags & defined));
  CHECK(std::memcmp(memory.from(at - 64).data(), both.host_memory, 256) == 0);
}

void run_shapes(std::span<const Shape> shapes, std::initializer_list<unsigned> sizes,
                unsigned rounds) {
  Both both;
  if (!both.native.available()) return;
  Random random(20240607);
  for (const Shape& shape : shapes) {
    for (const unsigned size : sizes) {
      for (unsigned i = 0; i < rounds; ++i) {
        compare(both, random, fill_in(shape.text, random, size), shape.defined);
      }
    }
  }
}

TEST_CASE("arithmetic, moves and atomics compute what the processor computes") {
  run_shapes(kShapes, {1, 2, 4, 8}, 25);
}

TEST_CASE("instructions without byte forms compute what the processor computes") {
  run_shapes(kWideShapes, {2, 4, 8}, 25);
}

// Which flags a shift by `count` defines.
u64 defined_by_shift(const std::string& name, unsigned count, unsigned size) {
  if (count == 0) return kArithmeticFlags;
  const bool rotate = name[0] == 'r';
  u64 defined = rotate ? kArithmeticFlags & ~kFlagOf : kWithoutAf & ~kFlagOf;
  if (count == 1) defined |= kFlagOf;
  if (!rotate && count > 8 * size) defined &= ~kFlagCf;
  return defined;
}

TEST_CASE("shifts and rotates by every count") {
  Both both;
  if (!both.native.available()) return;
  Random random(7);
  for (const std::string name : kShifts) {
    for (const unsigned size : {1u, 2u, 4u, 8u}) {
      for (unsigned raw = 0; raw < 72; ++raw) {
        const unsigned count = raw & (size == 8 ? 63 : 31);
        const u64 defined = defined_by_shift(name, count, size);
        const std::string target = raw % 3 == 0 ? memory_text(size) : some_register(random, size);
        compare(both, random, name + " " + target + ", " + std::to_string(raw), defined);
      }
    }
  }
}

TEST_CASE("double shifts by every count that the manual defines") {
  Both both;
  if (!both.native.available()) return;
  Random random(11);
  for (const std::string name : {"shld", "shrd"}) {
    for (const unsigned size : {2u, 4u, 8u}) {
      for (unsigned raw = 0; raw < 72; ++raw) {
        const unsigned count = raw & (size == 8 ? 63 : 31);
        if (count > 8 * size) continue;
        const u64 defined = count == 0   ? kArithmeticFlags
                            : count == 1 ? kWithoutAf
                                         : kWithoutAf & ~kFlagOf;
        compare(both, random,
                name + " " + memory_text(size) + ", " + some_register(random, size) + ", " +
                    std::to_string(raw),
                defined);
      }
    }
  }
}

// ----- division: only with operands that do not fault
// ---------------------------------------------

TEST_CASE("division agrees with the processor where it does not fault") {
  Both both;
  if (!both.native.available()) return;
  Random random(13);
  unsigned tried = 0;
  for (unsigned i = 0; i < 20000 && tried < 1500; ++i) {
    const unsigned size = 1u << (i % 4);
    const bool is_signed = random() & 1;
    Registers start = flat_registers(Mode::k64, kCode);
    start.gpr[kRax] = interesting(random);
    start.gpr[kRdx] = random() % 3 == 0 ? interesting(random) : 0;
    if (is_signed && size > 1 && sign_extend(start.gpr[kRax], size) >> 63) start.gpr[kRdx] = ~0ull;
    start.gpr[kRcx] = interesting(random);
    const std::string text =
        std::string(is_signed ? "idiv " : "div ") + std::string(gpr_name(kRcx, size));
    CAPTURE(text);
    const auto bytes = assemble(text, kCode, Mode::k64).value();
    Instruction instruction;
    REQUIRE(decode(bytes, Mode::k64, instruction) == DecodeStatus::kOk);
    FlatMemory memory;
    NativeState state;
    std::memcpy(state.gpr, start.gpr, sizeof state.gpr);
    const Outcome outcome = execute(instruction, start, memory);
    if (outcome.kind == OutcomeKind::kException) {
      CHECK(outcome == Outcome::exception(kDe));
      continue;
    }
    both.native.run(bytes, state);
    CHECK(start.gpr[kRax] == state.gpr[kRax]);
    CHECK(start.gpr[kRdx] == state.gpr[kRdx]);
    ++tried;
  }
  CHECK(tried == 1500);
}

// ----- strings
// -------------------------------------------------------------------------------------

TEST_CASE("whole repeated strings agree with the processor, in both directions") {
  Both both;
  if (!both.native.available()) return;
  Random random(17);
  static constexpr const char* kStrings[] = {
      "rep movsb",  "rep movsw",   "rep movsd",  "rep movsq",   "rep stosb",
      "rep stosd",  "rep stosq",   "lodsb",      "lodsq",       "rep lodsw",
      "repe cmpsb", "repne cmpsb", "repe cmpsd", "repne scasb", "repe scasw",
      "movsq",      "scasb",       "cmpsq",      "stosw"};
  for (const std::string text : kStrings) {
    for (unsigned i = 0; i < 40; ++i) {
      CAPTURE(text);
      CAPTURE(i);
      const u64 base = reinterpret_cast<u64>(both.host_memory);
      for (u8& b : both.host_memory) b = static_cast<u8>(random() % 3);  // many equal bytes
      NativeState state;
      state.gpr[kRax] = random() % 3 * 0x0101010101010101;
      state.gpr[kRcx] = random() % 8;
      state.gpr[kRsi] = base + 64 + random() % 64;
      state.gpr[kRdi] = base + 64 + random() % 64;
      state.rflags = kFlagReserved1 | kFlagIf | (random() % 2 ? kFlagDf : 0);
      Registers model = flat_registers(Mode::k64, kCode);
      std::memcpy(model.gpr, state.gpr, sizeof model.gpr);
      model.rflags = state.rflags;
      FlatMemory memory(256, base);
      memory.put_bytes(base, {both.host_memory, both.host_memory + 256});
      const auto bytes = assemble(text, kCode, Mode::k64).value();
      Instruction instruction;
      REQUIRE(decode(bytes, Mode::k64, instruction) == DecodeStatus::kOk);
      Outcome outcome = Outcome::iteration();
      for (unsigned n = 0; n < 9 && outcome.kind == OutcomeKind::kIteration; ++n) {
        CHECK(model.rip == kCode);
        outcome = execute(instruction, model, memory);
      }
      REQUIRE(outcome.kind == OutcomeKind::kRetired);
      CHECK(model.rip == kCode + bytes.size());
      both.native.run(bytes, state);
      for (const unsigned r : {kRax, kRcx, kRsi, kRdi}) {
        CAPTURE(gpr_name(r));
        CHECK(model.gpr[r] == state.gpr[r]);
      }
      CHECK((model.rflags & kArithmeticFlags) == (state.rflags & kArithmeticFlags));
      CHECK(std::memcmp(memory.from(base).data(), both.host_memory, 256) == 0);
    }
  }
}

// ----- vector registers --------------------------------------------------------------------------

// What goes through a vector register comes out where it should; the registers themselves are seen
// by what is stored from them.
TEST_CASE("moves of sixteen bytes agree with the processor") {
  Both both;
  if (!both.native.available()) return;
  Random random(29);
  static constexpr const char* kPrograms[][3] = {
      {"movdqu xmm3, [rbx + 5]", "movdqu [rbx + 33], xmm3", "nop"},
      {"movups xmm15, [rbx + 1]", "movaps xmm2, xmm15", "movups [rbx - 7], xmm2"},
      {"movupd xmm8, [rbx]", "movdqa xmm0, xmm8", "movdqa [rbx + 16], xmm0"},
      {"movaps xmm1, [rbx]", "movapd xmm9, xmm1", "movapd [rbx + 48], xmm9"},
      {"movdqa xmm4, [rbx]", "movdqu xmm5, xmm4", "movupd [rbx + 21], xmm5"}};
  for (const auto& program : kPrograms) {
    for (unsigned i = 0; i < 10; ++i) {
      const u64 at = reinterpret_cast<u64>(both.host_memory) + 64;
      for (u8& b : both.host_memory) b = static_cast<u8>(random());
      Registers model = flat_registers(Mode::k64, kCode);
      model.gpr[kRbx] = at;
      model.cr4 |= kCr4Osfxsr;
      FlatMemory memory(256, at - 64);
      memory.put_bytes(at - 64, {both.host_memory, both.host_memory + 256});
      std::vector<u8> all;
      for (const std::string text : program) {
        CAPTURE(text);
        const auto bytes = assemble(text, model.rip, Mode::k64);
        REQUIRE(bytes.ok());
        Instruction instruction;
        REQUIRE(decode(bytes.value(), Mode::k64, instruction) == DecodeStatus::kOk);
        REQUIRE(execute(instruction, model, memory).kind == OutcomeKind::kRetired);
        all.insert(all.end(), bytes.value().begin(), bytes.value().end());
      }
      NativeState state;
      state.gpr[kRbx] = at;
      state.rflags = kFlagReserved1 | kFlagIf;
      both.native.run(all, state);
      CHECK(std::memcmp(memory.from(at - 64).data(), both.host_memory, 256) == 0);
    }
  }
}

}  // namespace
}  // namespace nptsim::isa
