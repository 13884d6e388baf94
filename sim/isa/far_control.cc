// Branches to another code segment: JMP, CALL and RET far. Call gates and task switches are outside
// the set; RET far to an outer level is too (IRET does that).
#include "sim/isa/far_transfer.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

struct FarPointer {
  u64 offset = 0;
  u16 selector = 0;
};

bool read_from_memory(Execution& x, FarPointer& out) {
  const unsigned segment = x.insn.memory.segment;
  const u64 at = x.effective_address();
  u64 selector = 0;
  if (!x.load(segment, at, x.size(), out.offset)) return false;
  const u64 second = (at + x.size()) & mask_of_size(x.insn.address_size);
  if (!x.load(segment, second, 2, selector)) return false;
  out.selector = static_cast<u16>(selector);
  return true;
}

bool read_far_pointer(Execution& x, FarPointer& out) {
  if (x.insn.operands[0].kind == OperandKind::kMemory) return read_from_memory(x, out);
  out.offset = get_bits(x.insn.immediate, 31, 0) & mask_of_size(x.size());
  out.selector = static_cast<u16>(get_bits(x.insn.immediate, 47, 32));
  return true;
}

Outcome far_jmp(Execution& x) {
  FarPointer to;
  CodeTarget target;
  if (!read_far_pointer(x, to)) return x.failed();
  if (!prepare_far_transfer(x, to.selector, to.offset, Transfer::kJump, target)) return x.failed();
  return go_far(x, target, to.offset);
}

// CS below, rIP on top, both as wide as the operand size.
Outcome far_call(Execution& x) {
  FarPointer to;
  CodeTarget target;
  if (!read_far_pointer(x, to)) return x.failed();
  if (!prepare_far_transfer(x, to.selector, to.offset, Transfer::kJump, target)) return x.failed();
  const u64 frame[] = {x.regs.segments[kCs].selector, x.next_rip()};
  if (!x.push_words(frame, x.size())) return x.failed();
  return go_far(x, target, to.offset);
}

Outcome far_ret(Execution& x) {
  u64 offset = 0, selector = 0;
  CodeTarget target;
  if (!x.load_stack(0, x.size(), offset)) return x.failed();
  if (!x.load_stack(x.size(), x.size(), selector)) return x.failed();
  if (loads_descriptors(x.regs) && rpl_of(selector) > x.regs.cpl) return Outcome::unsupported();
  if (!prepare_far_transfer(x, static_cast<u16>(selector), offset, Transfer::kReturn, target)) {
    return x.failed();
  }
  x.release(2 * x.size() + x.insn.immediate);
  return go_far(x, target, offset);
}

constexpr Row kFarControlRows[] = {
    {ZYDIS_MNEMONIC_JMP, far_jmp},
    {ZYDIS_MNEMONIC_CALL, far_call},
    {ZYDIS_MNEMONIC_RET, far_ret},
};

}  // namespace

std::span<const Row> far_control_rows() { return kFarControlRows; }

}  // namespace nptsim::isa
