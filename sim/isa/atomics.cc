// Read-modify-writes that processors use to synchronize: XCHG, XADD, CMPXCHG and its wide forms.
#include "sim/isa/alu.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

// The memory operand may be either one; the port's write comes first, then the register's.
Outcome xchg(Execution& x) {
  const unsigned memory = x.insn.operands[1].kind == OperandKind::kMemory ? 1 : 0;
  u64 a = 0, b = 0;
  if (!x.read_for_update(memory, a) || !x.read(1 - memory, b)) return x.failed();
  if (!x.write(memory, b) || !x.write(1 - memory, a)) return x.failed();
  return x.retire();
}

// "xadd eax, eax" gives the sum: the destination is written last. With memory the order must be the
// other way round; the two are the same unless both operands are one register.
Outcome xadd(Execution& x) {
  u64 a = 0, b = 0;
  if (!x.read_for_update(0, a) || !x.read(1, b)) return x.failed();
  const AluResult sum = add_with_carry(a, b, false, x.size());
  if (!x.write(0, sum.value) || !x.write(1, a)) return x.failed();
  if (x.insn.operands[0].kind != OperandKind::kMemory && !x.write(0, sum.value)) return x.failed();
  x.set_flags(kArithmeticFlags, sum.flags);
  return x.retire();
}

// A failed compare writes the old value back (APM vol. 3, CMPXCHG), so it faults and is seen as a
// write too. A register destination that is not exchanged is not written.
Outcome cmpxchg_failed(Execution& x, u64 old) {
  if (x.insn.operands[0].kind == OperandKind::kMemory && !x.write(0, old)) return x.failed();
  x.set_gpr(kRax, x.size(), old);
  return x.retire();
}

Outcome cmpxchg(Execution& x) {
  u64 old = 0, replacement = 0;
  if (!x.read(1, replacement) || !x.read_for_update(0, old)) return x.failed();
  const u64 flags = subtract_with_borrow(x.gpr(kRax, x.size()), old, false, x.size()).flags;
  const bool equal = flags & kFlagZf;
  if (equal && !x.write(0, replacement)) return x.failed();
  const Outcome outcome = equal ? x.retire() : cmpxchg_failed(x, old);
  if (outcome.kind == OutcomeKind::kRetired) x.set_flags(kArithmeticFlags, flags);
  return outcome;
}

struct Pair {
  u64 low = 0;
  u64 high = 0;
  bool operator==(const Pair&) const = default;
};

Pair gpr_pair(const Execution& x, unsigned high, unsigned low, unsigned size) {
  return {x.gpr(low, size), x.gpr(high, size)};
}

// Both halves side by side, as they lie in memory.
void to_bytes(const Pair& pair, unsigned size, u8* bytes) {
  std::memcpy(bytes, &pair.low, size);
  std::memcpy(bytes + size, &pair.high, size);
}

Pair from_bytes(const u8* bytes, unsigned size) {
  Pair pair;
  std::memcpy(&pair.low, bytes, size);
  std::memcpy(&pair.high, bytes + size, size);
  return pair;
}

// CMPXCHG8B, CMPXCHG16B: only ZF changes. The 16-byte form must be aligned (#GP(0)).
Outcome compare_exchange_pair(Execution& x) {
  const unsigned width = x.insn.operands[0].size, half = width / 2;
  const u64 offset = x.effective_address();
  GuestVirtAddr at;
  if (!x.address(x.insn.memory.segment, offset, width, SegmentUse::kWrite, at)) return x.failed();
  if (width == 16 && !at.aligned_to(16)) return x.raise_zero(kGp);
  u8 bytes[16];
  if (x.port.load_for_update(at, bytes, width, x.insn.lock, Privilege::kCurrent) !=
      PortStatus::kOk) {
    return Outcome::stopped();
  }
  const Pair old = from_bytes(bytes, half);
  const bool equal = old == gpr_pair(x, kRdx, kRax, half);
  to_bytes(equal ? gpr_pair(x, kRcx, kRbx, half) : old, half, bytes);
  if (x.port.store(at, bytes, width, Privilege::kCurrent) != PortStatus::kOk) {
    return Outcome::stopped();
  }
  if (!equal) {
    x.set_gpr(kRax, half, old.low);
    x.set_gpr(kRdx, half, old.high);
  }
  x.set_flags(kFlagZf, flag_if(equal, kFlagZf));
  return x.retire();
}

constexpr Row kAtomicsRows[] = {
    {ZYDIS_MNEMONIC_XCHG, xchg},
    {ZYDIS_MNEMONIC_XADD, xadd},
    {ZYDIS_MNEMONIC_CMPXCHG, cmpxchg},
    {ZYDIS_MNEMONIC_CMPXCHG8B, compare_exchange_pair},
    {ZYDIS_MNEMONIC_CMPXCHG16B, compare_exchange_pair},
};

}  // namespace

std::span<const Row> atomic_rows() { return kAtomicsRows; }

}  // namespace nptsim::isa
