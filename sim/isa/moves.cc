// Moves: MOV and its kin, LEA, exchanges without arithmetic, conditional moves.
#include "sim/isa/alu.h"
#include "sim/isa/descriptors.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

// To and from control and debug registers. DR4 and DR5 and missing ones are the caller's.
Outcome move_special(Execution& x) {
  if (x.regs.cpl != 0) return x.raise_zero(kGp);
  return x.special();
}

Outcome move_to_segment(Execution& x) {
  const unsigned index = x.insn.operands[0].index;
  u64 selector = 0;
  Segment loaded;
  if (!x.read(1, selector)) return x.failed();
  if (!fetch_segment(x, index, static_cast<u16>(selector), loaded)) return x.failed();
  x.regs.segments[index] = loaded;
  return index == kSs ? x.retire_with_shadow() : x.retire();
}

Outcome mov(Execution& x) {
  if (x.insn.special != SpecialKind::kNone) return move_special(x);
  if (x.insn.operands[0].kind == OperandKind::kSegment) return move_to_segment(x);
  u64 value = 0;
  if (!x.read(1, value) || !x.write(0, value)) return x.failed();
  return x.retire();
}

// MOVZX, MOVNTI: the source's own size is what counts.
Outcome move_zero_extended(Execution& x) {
  u64 value = 0;
  if (!x.read(1, value) || !x.write(0, value)) return x.failed();
  return x.retire();
}

Outcome move_sign_extended(Execution& x) {
  u64 value = 0;
  if (!x.read(1, value)) return x.failed();
  if (!x.write(0, sign_extend(value, x.insn.operands[1].size))) return x.failed();
  return x.retire();
}

u64 byte_swap(u64 value, unsigned size) { return __builtin_bswap64(value) >> (64 - 8 * size); }

Outcome movbe(Execution& x) {
  u64 value = 0;
  if (!x.read(1, value) || !x.write(0, byte_swap(value, x.size()))) return x.failed();
  return x.retire();
}

// The result of a 16-bit BSWAP is undefined (APM vol. 3, BSWAP); processors give 0.
Outcome bswap(Execution& x) {
  u64 value = 0;
  if (!x.read(0, value)) return x.failed();
  if (!x.write(0, x.size() == 2 ? 0 : byte_swap(value, x.size()))) return x.failed();
  return x.retire();
}

Outcome lea(Execution& x) {
  if (!x.write(0, x.effective_address())) return x.failed();
  return x.retire();
}

// The source is read, and may fault, whatever the condition says; a 32-bit destination is
// zero-extended even when nothing moves (APM vol. 3, CMOVcc).
Outcome cmov(Execution& x) {
  u64 old = 0, value = 0;
  if (!x.read(1, value) || !x.read(0, old)) return x.failed();
  if (!x.write(0, condition_holds(x.insn.condition, x.regs.rflags) ? value : old)) {
    return x.failed();
  }
  return x.retire();
}

Outcome setcc(Execution& x) {
  if (!x.write(0, condition_holds(x.insn.condition, x.regs.rflags))) return x.failed();
  return x.retire();
}

Outcome xlat(Execution& x) {
  const u64 offset = (x.regs.gpr[kRbx] + x.gpr(kRax, 1)) & mask_of_size(x.insn.address_size);
  u64 value = 0;
  if (!x.load(x.insn.memory.segment, offset, 1, value)) return x.failed();
  x.set_gpr(kRax, 1, value);
  return x.retire();
}

// LDS, LES, LFS, LGS, LSS: the offset lies first, then the selector.
template <unsigned kSegment>
Outcome load_far_pointer(Execution& x) {
  const unsigned segment = x.insn.memory.segment;
  const u64 at = x.effective_address(), mask = mask_of_size(x.insn.address_size);
  u64 offset = 0, selector = 0;
  if (!x.load(segment, at, x.size(), offset)) return x.failed();
  if (!x.load(segment, (at + x.size()) & mask, 2, selector)) return x.failed();
  Segment loaded;
  if (!fetch_segment(x, kSegment, static_cast<u16>(selector), loaded)) return x.failed();
  x.regs.segments[kSegment] = loaded;
  x.set_gpr(x.insn.operands[0].index, x.size(), offset);
  return x.retire();
}

constexpr Row kMovesRows[] = {
    {ZYDIS_MNEMONIC_MOV, mov},
    {ZYDIS_MNEMONIC_MOVZX, move_zero_extended},
    {ZYDIS_MNEMONIC_MOVNTI, move_zero_extended},
    {ZYDIS_MNEMONIC_MOVSX, move_sign_extended},
    {ZYDIS_MNEMONIC_MOVSXD, move_sign_extended},
    {ZYDIS_MNEMONIC_MOVBE, movbe},
    {ZYDIS_MNEMONIC_BSWAP, bswap},
    {ZYDIS_MNEMONIC_LEA, lea},
    {ZYDIS_MNEMONIC_XLAT, xlat},
    {ZYDIS_MNEMONIC_LDS, load_far_pointer<kDs>},
    {ZYDIS_MNEMONIC_LES, load_far_pointer<kEs>},
    {ZYDIS_MNEMONIC_LFS, load_far_pointer<kFs>},
    {ZYDIS_MNEMONIC_LGS, load_far_pointer<kGs>},
    {ZYDIS_MNEMONIC_LSS, load_far_pointer<kSs>},
    {ZYDIS_MNEMONIC_CMOVO, cmov},
    {ZYDIS_MNEMONIC_CMOVNO, cmov},
    {ZYDIS_MNEMONIC_CMOVB, cmov},
    {ZYDIS_MNEMONIC_CMOVNB, cmov},
    {ZYDIS_MNEMONIC_CMOVZ, cmov},
    {ZYDIS_MNEMONIC_CMOVNZ, cmov},
    {ZYDIS_MNEMONIC_CMOVBE, cmov},
    {ZYDIS_MNEMONIC_CMOVNBE, cmov},
    {ZYDIS_MNEMONIC_CMOVS, cmov},
    {ZYDIS_MNEMONIC_CMOVNS, cmov},
    {ZYDIS_MNEMONIC_CMOVP, cmov},
    {ZYDIS_MNEMONIC_CMOVNP, cmov},
    {ZYDIS_MNEMONIC_CMOVL, cmov},
    {ZYDIS_MNEMONIC_CMOVNL, cmov},
    {ZYDIS_MNEMONIC_CMOVLE, cmov},
    {ZYDIS_MNEMONIC_CMOVNLE, cmov},
    {ZYDIS_MNEMONIC_SETO, setcc},
    {ZYDIS_MNEMONIC_SETNO, setcc},
    {ZYDIS_MNEMONIC_SETB, setcc},
    {ZYDIS_MNEMONIC_SETNB, setcc},
    {ZYDIS_MNEMONIC_SETZ, setcc},
    {ZYDIS_MNEMONIC_SETNZ, setcc},
    {ZYDIS_MNEMONIC_SETBE, setcc},
    {ZYDIS_MNEMONIC_SETNBE, setcc},
    {ZYDIS_MNEMONIC_SETS, setcc},
    {ZYDIS_MNEMONIC_SETNS, setcc},
    {ZYDIS_MNEMONIC_SETP, setcc},
    {ZYDIS_MNEMONIC_SETNP, setcc},
    {ZYDIS_MNEMONIC_SETL, setcc},
    {ZYDIS_MNEMONIC_SETNL, setcc},
    {ZYDIS_MNEMONIC_SETLE, setcc},
    {ZYDIS_MNEMONIC_SETNLE, setcc},
};

}  // namespace

std::span<const Row> move_rows() { return kMovesRows; }

}  // namespace nptsim::isa
