// A machine for tests: flat memory from a base address, any access outside it stops.
#ifndef NPTSIM_TESTS_ISA_FLAT_MACHINE_H_
#define NPTSIM_TESTS_ISA_FLAT_MACHINE_H_

#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <vector>

#include "sim/isa/assemble.h"
#include "sim/isa/decode.h"
#include "sim/isa/execute.h"

namespace nptsim::isa {

class FlatMemory final : public MemoryPort {
 public:
  explicit FlatMemory(u64 size = 0x20000, u64 base = 0) : base_(base), bytes_(size) {}

  PortStatus load(GuestVirtAddr a, void* data, unsigned size, Privilege p) override {
    return access(a, size, p, "load", [&](u8* at) { std::memcpy(data, at, size); });
  }
  PortStatus store(GuestVirtAddr a, const void* data, unsigned size, Privilege p) override {
    if (a.value >= read_only_from_) return stop("store to read-only", a);
    return access(a, size, p, "store", [&](u8* at) { std::memcpy(at, data, size); });
  }
  PortStatus load_for_update(GuestVirtAddr a, void* data, unsigned size, bool locked,
                             Privilege p) override {
    if (a.value >= read_only_from_) return stop("update of read-only", a);
    last_locked = locked;
    return access(a, size, p, "update", [&](u8* at) { std::memcpy(data, at, size); });
  }
  PortStatus prepare_store(GuestVirtAddr a, unsigned size, Privilege p) override {
    return access(a, size, p, "prepare", [](u8*) {});
  }

  template <class T>
  void put(u64 address, T value) {
    REQUIRE(inside(address, sizeof value));
    std::memcpy(&bytes_[address - base_], &value, sizeof value);
  }
  template <class T>
  T get(u64 address) const {
    T value{};
    REQUIRE(inside(address, sizeof value));
    std::memcpy(&value, &bytes_[address - base_], sizeof value);
    return value;
  }
  void put_bytes(u64 address, const std::vector<u8>& bytes) {
    REQUIRE(inside(address, bytes.size()));
    std::memcpy(&bytes_[address - base_], bytes.data(), bytes.size());
  }
  std::span<const u8> from(u64 address) const {
    REQUIRE(inside(address, 1));
    return std::span<const u8>(bytes_).subspan(address - base_);
  }
  void make_read_only_from(u64 address) { read_only_from_ = address; }

  std::string log;  // "load 0x.. size" of the last access
  bool last_locked = false;
  Privilege last_privilege = Privilege::kCurrent;

 private:
  bool inside(u64 a, u64 size) const {
    return a >= base_ && size <= bytes_.size() && a - base_ <= bytes_.size() - size;
  }
  PortStatus stop(const char* what, GuestVirtAddr a) {
    log = std::string(what) + " at " + std::to_string(a.value);
    return PortStatus::kStopped;
  }
  template <class Do>
  PortStatus access(GuestVirtAddr a, unsigned size, Privilege p, const char* what, Do act) {
    last_privilege = p;
    if (!inside(a.value, size)) return stop(what, a);
    act(&bytes_[a.value - base_]);
    return PortStatus::kOk;
  }

  u64 base_;
  u64 read_only_from_ = ~0ull;
  std::vector<u8> bytes_;
};

inline constexpr u64 kCode = 0x1000, kData = 0x4000, kStack = 0x8000;

// Registers, memory and a program at kCode.
struct FlatMachine {
  explicit FlatMachine(Mode mode = Mode::k64) : mode(mode), regs(flat_registers(mode, kCode)) {
    regs.gpr[kRsp] = kStack;
    regs.gpr[kRbx] = kData;
  }

  void load_program(const std::vector<std::string>& lines) {
    auto result = assemble_program(lines, kCode, mode);
    if (!result) FAIL(result.error().found << "; " << result.error().suggestion);
    program = result.value();
    memory.put_bytes(kCode, program.bytes);
  }

  Outcome step() {
    const auto found =
        cache.lookup(regs.rip, mode_of(regs), memory.from(code_address(regs).value).first(15));
    if (found.status != DecodeStatus::kOk) return decode_fault(found.status);
    last = *found.instruction;
    return execute(*found.instruction, regs, memory);
  }

  // Runs to the end of the program, or to anything that does not retire.
  Outcome run(unsigned limit = 1000) {
    Outcome outcome;
    while (regs.rip != kCode + program.bytes.size() && limit-- > 0) {
      outcome = step();
      if (outcome.kind != OutcomeKind::kRetired && outcome.kind != OutcomeKind::kIteration) break;
    }
    return outcome;
  }

  Outcome run(const std::vector<std::string>& lines) {
    load_program(lines);
    regs.rip = kCode;
    return run();
  }

  Mode mode;
  Registers regs;
  FlatMemory memory;
  Program program;
  DecodeCache cache;
  Instruction last;
};

}  // namespace nptsim::isa

#endif  // NPTSIM_TESTS_ISA_FLAT_MACHINE_H_
