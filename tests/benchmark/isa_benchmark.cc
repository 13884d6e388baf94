// Instructions a second: decode cache hit, execute, a flat port.
#include <benchmark/benchmark.h>

#include <cstring>
#include <string>
#include <vector>

#include "sim/isa/assemble.h"
#include "sim/isa/decode.h"
#include "sim/isa/execute.h"

namespace nptsim::isa {
namespace {

constexpr u64 kCode = 0x1000;

class FlatPort final : public MemoryPort {
 public:
  FlatPort() : bytes_(0x10000 + kMaxAccess) {}

  PortStatus load(GuestVirtAddr a, void* data, unsigned size, Privilege) override {
    std::memcpy(data, at(a), size);
    return PortStatus::kOk;
  }
  PortStatus store(GuestVirtAddr a, const void* data, unsigned size, Privilege) override {
    std::memcpy(at(a), data, size);
    return PortStatus::kOk;
  }
  PortStatus load_for_update(GuestVirtAddr a, void* data, unsigned size, bool, Privilege) override {
    std::memcpy(data, at(a), size);
    return PortStatus::kOk;
  }
  PortStatus prepare_store(GuestVirtAddr, unsigned, Privilege) override { return PortStatus::kOk; }

  u8* at(GuestVirtAddr a) { return &bytes_[a.value & 0xffff]; }

 private:
  std::vector<u8> bytes_;
};

void run(benchmark::State& state, const std::vector<std::string>& lines) {
  const auto program = assemble_program(lines, kCode, Mode::k64);
  if (!program.ok()) {
    state.SkipWithError(program.error().found.c_str());
    return;
  }
  FlatPort port;
  std::memcpy(port.at(GuestVirtAddr(kCode)), program.value().bytes.data(),
              program.value().bytes.size());
  Registers registers = flat_registers(Mode::k64, kCode);
  registers.gpr[kRsp] = 0x8000;
  registers.gpr[kRbx] = 0x4000;
  DecodeCache cache;
  for (auto _ : state) {
    const std::span<const u8> bytes(port.at(code_address(registers)), kMaxInstructionLength);
    const auto found = cache.lookup(registers.rip, mode_of(registers), bytes);
    if (execute(*found.instruction, registers, port).kind > OutcomeKind::kIteration) {
      state.SkipWithError("an instruction did not retire");
      break;
    }
  }
  state.SetItemsProcessed(static_cast<i64>(state.iterations()));
}

void registers_only(benchmark::State& state) {
  run(state, {"again: add rax, 1", "xor rcx, rax", "mov rdx, rcx", "cmp rdx, 5", "jne again",
              "jmp again"});
}
BENCHMARK(registers_only);

void memory_and_stack(benchmark::State& state) {
  run(state, {"again: mov rax, [rbx + 8]", "add [rbx], rax", "push rax", "pop rcx",
              "lock inc dword ptr [rbx + 16]", "jmp again"});
}
BENCHMARK(memory_and_stack);

void string_iterations(benchmark::State& state) {
  run(state,
      {"again: mov rdi, 0x4000", "mov rsi, 0x5000", "mov ecx, 256", "rep movsb", "jmp again"});
}
BENCHMARK(string_iterations);

void decode_without_cache(benchmark::State& state) {
  const auto bytes = assemble("mov byte ptr [rbx + 0x40], 0x40", kCode, Mode::k64);
  Instruction instruction;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decode(bytes.value(), Mode::k64, instruction));
  }
  state.SetItemsProcessed(static_cast<i64>(state.iterations()));
}
BENCHMARK(decode_without_cache);

void assemble_line(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(assemble("mov byte ptr [rbx + 0x40], 0x40", kCode, Mode::k64));
  }
  state.SetItemsProcessed(static_cast<i64>(state.iterations()));
}
BENCHMARK(assemble_line);

}  // namespace
}  // namespace nptsim::isa

BENCHMARK_MAIN();
