#include "sim/isa/execution.h"

#include "sim/isa/execute.h"

namespace nptsim::isa {

unsigned Execution::stack_size() const {
  if (long_mode()) return 8;
  return has_bit(regs.segments[kSs].attributes, kAttrBig) ? 4 : 2;
}

bool Execution::push(u64 value, unsigned size) {
  const u64 at = (stack_pointer() - size) & mask_of_size(stack_size());
  if (!store(kSs, at, size, value)) return false;
  set_gpr(kRsp, stack_size(), at);
  return true;
}

bool Execution::push_words(std::span<const u64> words, unsigned size) {
  const unsigned total = static_cast<unsigned>(words.size()) * size;
  const u64 at = (stack_pointer() - total) & mask_of_size(stack_size());
  u8 bytes[kMaxAccess];
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::memcpy(bytes + total - (i + 1) * size, &words[i], size);
  }
  GuestVirtAddr linear;
  if (!address(kSs, at, total, SegmentUse::kWrite, linear)) return false;
  if (!ported(port.store(linear, bytes, total, Privilege::kCurrent))) return false;
  set_gpr(kRsp, stack_size(), at);
  return true;
}

bool Execution::load_stack(u64 depth, unsigned size, u64& value) {
  return load(kSs, (stack_pointer() + depth) & mask_of_size(stack_size()), size, value);
}

bool Execution::load_system(u64 linear, unsigned size, void* data) {
  return ported(port.load(GuestVirtAddr(linear), data, size, Privilege::kSupervisor));
}

bool Execution::store_system(u64 linear, unsigned size, const void* data) {
  return ported(port.store(GuestVirtAddr(linear), data, size, Privilege::kSupervisor));
}

// APM vol. 3, JMP (near): "#GP(0): The target offset exceeded the code segment limit or was
// non-canonical."
bool Execution::check_target(u64 target) {
  const bool good = long_mode() ? canonical(regs, target) : target <= regs.segments[kCs].limit;
  return good ? true : fault(kGp, 0);
}

Outcome Execution::jump(u64 target) {
  finish_instruction(regs, target, insn.mode);
  return Outcome::retired();
}

Outcome Execution::retire_with_shadow() {
  retire();
  regs.interrupt_shadow = 1;
  return Outcome::retired();
}

Outcome execute(const Instruction& instruction, Registers& registers, MemoryPort& port) {
  Execution execution(instruction, registers, port);
  return instruction.semantics(execution);
}

}  // namespace nptsim::isa
