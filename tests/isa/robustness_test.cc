// Random bytes as code, with a port that stops at a random access: no crash, and whatever does not
// retire has changed no register.
#include <random>

#include "sim/isa/deliver.h"
#include "sim/isa/special.h"
#include "tests/isa/flat_machine.h"

namespace nptsim::isa {
namespace {

using Random = std::mt19937_64;

// Answers everything from one pool, but stops at the n-th access.
class StoppingPort final : public MemoryPort {
 public:
  StoppingPort(Random& random, unsigned stop_at) : stop_at_(stop_at) {
    for (u8& b : pool_) b = static_cast<u8>(random());
  }
  PortStatus load(GuestVirtAddr a, void* data, unsigned size, Privilege) override {
    return access(size, [&] { std::memcpy(data, at(a), size); });
  }
  PortStatus store(GuestVirtAddr a, const void* data, unsigned size, Privilege) override {
    return access(size, [&] { std::memcpy(at(a), data, size); });
  }
  PortStatus load_for_update(GuestVirtAddr a, void* data, unsigned size, bool, Privilege) override {
    return access(size, [&] { std::memcpy(data, at(a), size); });
  }
  PortStatus prepare_store(GuestVirtAddr, unsigned size, Privilege) override {
    return access(size, [] {});
  }

 private:
  u8* at(GuestVirtAddr a) { return pool_ + a.value % 1024; }
  template <class Do>
  PortStatus access(unsigned size, Do act) {
    REQUIRE(size <= kMaxAccess);
    if (stop_at_-- == 0) return PortStatus::kStopped;
    act();
    return PortStatus::kOk;
  }

  unsigned stop_at_;
  u8 pool_[1024 + kMaxAccess];
};

Registers random_registers(Random& random, Mode mode) {
  Registers r = flat_registers(mode, random() & 0xffff);
  for (u64& g : r.gpr) g = random() >> (random() % 64);
  if (random() % 4 == 0) r.cpl = 3;
  r.rflags = kFlagReserved1 | (random() & (kArithmeticFlags | kFlagIf | kFlagDf | kFlagIopl));
  r.gdtr.limit = r.idtr.limit = random() & 0xffff;
  r.tr.limit = random() & 0xfff;
  r.cr4 |= random() & (kCr4Fsgsbase | kCr4Osxsave | kCr4Umip | kCr4Tsd);
  return r;
}

bool retires(const Outcome& o) {
  return o.kind == OutcomeKind::kRetired || o.kind == OutcomeKind::kIteration;
}

void complete(const Instruction& instruction, const Registers& before, StoppingPort& port) {
  const Special special = describe_special(instruction, before);
  CHECK(special.kind == instruction.special);
  Registers after = before;
  if (!retires(complete_natively(instruction, after, port))) CHECK(after == before);
}

TEST_CASE("random code in every mode leaves no half-done instruction") {
  Random random(20240614);
  unsigned retired = 0;
  for (unsigned round = 0; round < 60000; ++round) {
    const Mode mode = static_cast<Mode>(round % 3);
    u8 bytes[kMaxInstructionLength];
    for (u8& b : bytes) b = static_cast<u8>(random());
    if (random() % 3 == 0) bytes[0] = 0x0f;
    Instruction instruction;
    const DecodeStatus status = decode(bytes, mode, instruction);
    CHECK(status != DecodeStatus::kNeedsMoreBytes);
    if (status != DecodeStatus::kOk) continue;
    CHECK(instruction.length >= 1);
    CHECK_FALSE(disassemble(instruction, 0x1000).empty());
    const Registers before = random_registers(random, mode);
    Registers after = before;
    StoppingPort port(random, random() % 6);
    const Outcome outcome = execute(instruction, after, port);
    if (!retires(outcome)) {
      CAPTURE(disassemble(instruction, 0x1000));
      CHECK(after == before);
    } else {
      ++retired;
    }
    if (outcome.kind == OutcomeKind::kSpecial) complete(instruction, before, port);
  }
  CHECK(retired > 10000);
}

TEST_CASE("random descriptor tables leave no half-delivered event") {
  Random random(5);
  for (unsigned round = 0; round < 30000; ++round) {
    const Registers before = random_registers(random, static_cast<Mode>(round % 3));
    Registers after = before;
    StoppingPort port(random, random() % 8);
    const u8 vector = static_cast<u8>(random());
    const EventType type = random() % 2 ? EventType::kException : EventType::kSoftware;
    const Outcome outcome =
        deliver_event({vector, type, pushes_error_code(vector), 0}, after, port);
    if (!retires(outcome)) CHECK(after == before);
  }
}

}  // namespace
}  // namespace nptsim::isa
