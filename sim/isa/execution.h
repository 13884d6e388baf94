// What a semantic function works with: one instruction being executed.
//
// The order inside a semantic function is what keeps a stopped instruction without effect: read
// everything, compute, then the one memory write, and only then registers and flags. Every read and
// write that can fail returns false; the function then returns failed().
#ifndef NPTSIM_SIM_ISA_EXECUTION_H_
#define NPTSIM_SIM_ISA_EXECUTION_H_

#include <cstring>

#include "sim/isa/instruction.h"
#include "sim/isa/memory_port.h"
#include "sim/isa/outcome.h"
#include "sim/isa/segmentation.h"

namespace nptsim::isa {

class Execution {
 public:
  Execution(const Instruction& instruction, Registers& registers, MemoryPort& memory_port)
      : insn(instruction), regs(registers), port(memory_port) {}

  const Instruction& insn;
  Registers& regs;
  MemoryPort& port;

  unsigned size() const { return insn.operand_size; }
  bool long_mode() const { return insn.mode == Mode::k64; }

  // Operands, cut to their own size; an immediate is cut to the operand size.
  [[nodiscard]] bool read(unsigned n, u64& value);
  [[nodiscard]] bool read_for_update(unsigned n, u64& value);  // a write() to the same follows
  [[nodiscard]] bool write(unsigned n, u64 value);             // a register operand never fails

  u64 gpr(unsigned index, unsigned size) const { return regs.gpr[index] & mask_of_size(size); }
  void set_gpr(unsigned index, unsigned size, u64 value) { write_gpr(regs, index, size, value); }

  bool flag(u64 mask) const { return regs.rflags & mask; }
  // Replaces the flags of `mask` by those of `flags`.
  void set_flags(u64 mask, u64 flags) { regs.rflags = (regs.rflags & ~mask) | (flags & mask); }

  // The offset of the memory operand in its segment.
  u64 effective_address() const;

  // Memory by segment and offset; `size` is 1, 2, 4 or 8. Offsets are cut to the address size by
  // the caller.
  [[nodiscard]] bool load(unsigned segment, u64 offset, unsigned size, u64& value);
  [[nodiscard]] bool load_for_update(unsigned segment, u64 offset, unsigned size, u64& value);
  [[nodiscard]] bool store(unsigned segment, u64 offset, unsigned size, u64 value);
  // The linear address of an access, after the segment's checks.
  [[nodiscard]] bool address(unsigned segment, u64 offset, unsigned size, SegmentUse use,
                             GuestVirtAddr& linear);
  // System structures: flat, as supervisor.
  [[nodiscard]] bool load_system(u64 linear, unsigned size, void* data);
  [[nodiscard]] bool store_system(u64 linear, unsigned size, const void* data);

  // The stack. push() moves rSP; a load does not, release() follows once nothing can fail any more.
  unsigned stack_size() const;  // of the stack pointer: 2, 4 or 8
  u64 stack_pointer() const { return gpr(kRsp, stack_size()); }
  [[nodiscard]] bool push(u64 value, unsigned size);
  // Several words, the first one pushed first, as one access: all or nothing.
  [[nodiscard]] bool push_words(std::span<const u64> words, unsigned size);
  [[nodiscard]] bool load_stack(u64 depth, unsigned size, u64& value);  // at rSP + depth
  void release(u64 bytes) { set_gpr(kRsp, stack_size(), stack_pointer() + bytes); }

  // Ends.
  Outcome retire();
  Outcome retire_with_shadow();  // and the next instruction cannot be interrupted (STI, MOV SS)
  Outcome iterate();             // one iteration is done, rIP stays
  [[nodiscard]] bool check_target(u64 target);  // #GP(0) if rIP cannot go there
  Outcome jump(u64 target);                     // retires there, checked before
  Outcome special() const { return Outcome::special_instruction(insn.special); }
  Outcome failed() const { return failure_; }

  // Fails with an exception; returns false so that a check can say `return x.fail(...)`.
  bool fail(Outcome outcome) {
    failure_ = outcome;
    return false;
  }
  bool fault(u8 vector) { return fail(Outcome::exception(vector)); }
  bool fault(u8 vector, u32 code) {
    return fail(protected_mode(regs) ? Outcome::exception(vector, code)
                                     : Outcome::exception(vector));
  }
  Outcome raise(u8 vector) const { return Outcome::exception(vector); }
  Outcome raise_zero(u8 vector) const { return fault_with_code_zero(regs, vector); }

  u64 next_rip() const { return regs.rip + insn.length; }

 private:
  bool ported(PortStatus status) {
    return status == PortStatus::kOk ? true : fail(Outcome::stopped());
  }

  Outcome failure_ = Outcome::stopped();
};

// The offset of the memory operand in its segment.
u64 effective_address(const Instruction& instruction, const Registers& registers);

// What every retiring instruction does besides its work: the shadow ends, RF is cleared.
void finish_instruction(Registers& registers, u64 next_rip, Mode mode);

// ---------------------------------------------------------------------------------------------

inline u64 effective_address(const Instruction& insn, const Registers& regs) {
  const MemoryOperand& m = insn.memory;
  u64 sum = m.displacement;
  if (m.base < kGprCount) {
    sum += regs.gpr[m.base];
  } else if (m.base == kRipBase) {
    sum += regs.rip + insn.length;
  }
  if (m.index < kGprCount) sum += regs.gpr[m.index] << m.scale_shift;
  return sum & mask_of_size(insn.address_size);
}

inline u64 Execution::effective_address() const { return isa::effective_address(insn, regs); }

inline bool Execution::address(unsigned segment, u64 offset, unsigned size, SegmentUse use,
                               GuestVirtAddr& linear) {
  if (to_linear(regs, insn.mode, segment, offset, size, use, linear)) [[likely]]
    return true;
  return fail(segment_fault(regs, segment));
}

inline bool Execution::load(unsigned segment, u64 offset, unsigned size, u64& value) {
  GuestVirtAddr at;
  value = 0;
  if (!address(segment, offset, size, SegmentUse::kRead, at)) return false;
  return ported(port.load(at, &value, size, Privilege::kCurrent));
}

inline bool Execution::load_for_update(unsigned segment, u64 offset, unsigned size, u64& value) {
  GuestVirtAddr at;
  value = 0;
  if (!address(segment, offset, size, SegmentUse::kWrite, at)) return false;
  return ported(port.load_for_update(at, &value, size, insn.lock, Privilege::kCurrent));
}

inline bool Execution::store(unsigned segment, u64 offset, unsigned size, u64 value) {
  GuestVirtAddr at;
  if (!address(segment, offset, size, SegmentUse::kWrite, at)) return false;
  return ported(port.store(at, &value, size, Privilege::kCurrent));
}

inline bool Execution::read(unsigned n, u64& value) {
  const Operand& operand = insn.operands[n];
  switch (operand.kind) {
    case OperandKind::kRegister:
      value = gpr(operand.index, operand.size);
      return true;
    case OperandKind::kImmediate:
      value = insn.immediate & mask_of_size(size());
      return true;
    case OperandKind::kMemory:
      return load(insn.memory.segment, effective_address(), operand.size, value);
    case OperandKind::kHighByte:
      value = get_bits(regs.gpr[operand.index], 15, 8);
      return true;
    case OperandKind::kSegment:
      value = regs.segments[operand.index].selector;
      return true;
    default:
      return fail(Outcome::unsupported());
  }
}

inline bool Execution::read_for_update(unsigned n, u64& value) {
  const Operand& operand = insn.operands[n];
  if (operand.kind != OperandKind::kMemory) return read(n, value);
  return load_for_update(insn.memory.segment, effective_address(), operand.size, value);
}

inline bool Execution::write(unsigned n, u64 value) {
  const Operand& operand = insn.operands[n];
  switch (operand.kind) {
    case OperandKind::kRegister:
      set_gpr(operand.index, operand.size, value);
      return true;
    case OperandKind::kMemory:
      return store(insn.memory.segment, effective_address(), operand.size, value);
    case OperandKind::kHighByte:
      regs.gpr[operand.index] = with_bits(regs.gpr[operand.index], 15, 8, value & 0xff);
      return true;
    default:
      return fail(Outcome::unsupported());
  }
}

inline void finish_instruction(Registers& r, u64 next_rip, Mode mode) {
  r.rip = mode == Mode::k64 ? next_rip : next_rip & 0xffffffff;
  r.interrupt_shadow = 0;
  r.rflags &= ~kFlagRf;
}

inline Outcome Execution::iterate() {
  regs.interrupt_shadow = 0;
  return Outcome::iteration();
}

inline Outcome Execution::retire() {
  finish_instruction(regs, next_rip(), insn.mode);
  return Outcome::retired();
}

}  // namespace nptsim::isa

#endif  // NPTSIM_SIM_ISA_EXECUTION_H_
