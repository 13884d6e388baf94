// PUSH, POP and what builds on them.
#include "sim/isa/descriptors.h"
#include "sim/isa/flag_images.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

Outcome push(Execution& x) {
  u64 value = 0;
  if (!x.read(0, value) || !x.push(value, x.size())) return x.failed();
  return x.retire();
}

Outcome pop_segment(Execution& x, u64 selector) {
  const unsigned index = x.insn.operands[0].index;
  Segment loaded;
  if (!fetch_segment(x, index, static_cast<u16>(selector), loaded)) return x.failed();
  x.release(x.size());  // before SS changes: it is the old stack that shrinks
  x.regs.segments[index] = loaded;
  return index == kSs ? x.retire_with_shadow() : x.retire();
}

// "pop [rsp + 8]" computes its address with rSP as it is after the pop (APM vol. 3, POP).
Outcome pop(Execution& x) {
  u64 value = 0;
  if (!x.load_stack(0, x.size(), value)) return x.failed();
  if (x.insn.operands[0].kind == OperandKind::kSegment) return pop_segment(x, value);
  const u64 old_rsp = x.regs.gpr[kRsp];
  x.release(x.size());
  if (!x.write(0, value)) {
    x.regs.gpr[kRsp] = old_rsp;
    return x.failed();
  }
  return x.retire();
}

// In virtual-8086 mode below IOPL 3 both need the VME extensions, which are not modelled.
bool flags_access_virtualized(const Execution& x) {
  return virtual_8086(x.regs) && iopl_of(x.regs.rflags) < 3;
}

Outcome pushf(Execution& x) {
  if (flags_access_virtualized(x)) return Outcome::unsupported();
  if (!x.push(x.regs.rflags & ~(kFlagVm | kFlagRf), x.size())) return x.failed();
  return x.retire();
}

Outcome popf(Execution& x) {
  if (flags_access_virtualized(x)) return Outcome::unsupported();
  u64 image = 0;
  if (!x.load_stack(0, x.size(), image)) return x.failed();
  x.release(x.size());
  x.set_flags(poppable_flags(x.regs, x.size()), image);
  return x.retire();
}

// PUSHA and POPA: eight registers as one access, so that a fault in the middle changes nothing.
Outcome pusha(Execution& x) {
  if (!x.push_words({x.regs.gpr, 8}, x.size())) return x.failed();
  return x.retire();
}

Outcome popa(Execution& x) {
  const unsigned total = 8 * x.size();
  u8 frame[32];
  GuestVirtAddr linear;
  if (!x.address(kSs, x.stack_pointer(), total, SegmentUse::kRead, linear)) return x.failed();
  if (x.port.load(linear, frame, total, Privilege::kCurrent) != PortStatus::kOk) {
    return Outcome::stopped();
  }
  for (unsigned i = 0; i < 8; ++i) {
    if (kRdi - i == kRsp) continue;  // the saved stack pointer is skipped
    u64 value = 0;
    std::memcpy(&value, frame + i * x.size(), x.size());
    x.set_gpr(kRdi - i, x.size(), value);
  }
  x.release(total);
  return x.retire();
}

Outcome leave(Execution& x) {
  const u64 frame = x.gpr(kRbp, x.stack_size());
  u64 value = 0;
  if (!x.load(kSs, frame, x.size(), value)) return x.failed();
  x.set_gpr(kRsp, x.stack_size(), frame + x.size());
  x.set_gpr(kRbp, x.size(), value);
  return x.retire();
}

// Nested levels, which no compiler emits, are outside the set.
Outcome enter(Execution& x) {
  const u64 locals = get_bits(x.insn.immediate, 15, 0);
  if (get_bits(x.insn.immediate, 36, 32) != 0) return Outcome::unsupported();
  if (!x.push(x.gpr(kRbp, x.size()), x.size())) return x.failed();
  x.set_gpr(kRbp, x.size(), x.stack_pointer());
  x.set_gpr(kRsp, x.stack_size(), x.stack_pointer() - locals);
  return x.retire();
}

constexpr Row kStackRows[] = {
    {ZYDIS_MNEMONIC_PUSH, push},
    {ZYDIS_MNEMONIC_POP, pop},
    {ZYDIS_MNEMONIC_PUSHF, pushf, SpecialKind::kPushf},
    {ZYDIS_MNEMONIC_PUSHFD, pushf, SpecialKind::kPushf},
    {ZYDIS_MNEMONIC_PUSHFQ, pushf, SpecialKind::kPushf},
    {ZYDIS_MNEMONIC_POPF, popf, SpecialKind::kPopf},
    {ZYDIS_MNEMONIC_POPFD, popf, SpecialKind::kPopf},
    {ZYDIS_MNEMONIC_POPFQ, popf, SpecialKind::kPopf},
    {ZYDIS_MNEMONIC_PUSHA, pusha},
    {ZYDIS_MNEMONIC_PUSHAD, pusha},
    {ZYDIS_MNEMONIC_POPA, popa},
    {ZYDIS_MNEMONIC_POPAD, popa},
    {ZYDIS_MNEMONIC_LEAVE, leave},
    {ZYDIS_MNEMONIC_ENTER, enter},
};

}  // namespace

std::span<const Row> stack_rows() { return kStackRows; }

}  // namespace nptsim::isa
