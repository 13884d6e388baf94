// Near branches.
#include "sim/isa/alu.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

// A relative target is cut to the operand size: outside 64-bit mode a 16-bit branch stays in 64 KB.
u64 relative_target(const Execution& x) {
  return (x.next_rip() + x.insn.immediate) & mask_of_size(x.size());
}

bool read_target(Execution& x, u64& target) {
  if (x.insn.operands[0].kind == OperandKind::kImmediate) {
    target = relative_target(x);
    return x.check_target(target);
  }
  return x.read(0, target) && x.check_target(target);
}

Outcome jmp(Execution& x) {
  u64 target = 0;
  if (!read_target(x, target)) return x.failed();
  return x.jump(target);
}

Outcome branch_if(Execution& x, bool taken) { return taken ? jmp(x) : x.retire(); }

Outcome jcc(Execution& x) { return branch_if(x, condition_holds(x.insn.condition, x.regs.rflags)); }

// JCXZ, JECXZ, JRCXZ and LOOP: the count is as wide as the address size (APM vol. 3, LOOPcc).
Outcome jrcxz(Execution& x) { return branch_if(x, x.gpr(kRcx, x.insn.address_size) == 0); }

enum class LoopWhile : u8 { kAlways, kEqual, kNotEqual };

template <LoopWhile kWhile>
Outcome loop(Execution& x) {
  const u64 count = (x.gpr(kRcx, x.insn.address_size) - 1) & mask_of_size(x.insn.address_size);
  const bool zf = x.flag(kFlagZf);
  const bool wanted = kWhile == LoopWhile::kAlways || zf == (kWhile == LoopWhile::kEqual);
  const Outcome outcome = branch_if(x, count != 0 && wanted);
  if (outcome.kind == OutcomeKind::kRetired) x.set_gpr(kRcx, x.insn.address_size, count);
  return outcome;
}

Outcome call(Execution& x) {
  u64 target = 0;
  if (!read_target(x, target) || !x.push(x.next_rip(), x.size())) return x.failed();
  return x.jump(target);
}

// RET, and RET imm16 that frees the callee's arguments.
Outcome ret(Execution& x) {
  u64 target = 0;
  if (!x.load_stack(0, x.size(), target) || !x.check_target(target)) return x.failed();
  x.release(x.size() + x.insn.immediate);
  return x.jump(target);
}

constexpr Row kControlRows[] = {
    {ZYDIS_MNEMONIC_JMP, jmp},
    {ZYDIS_MNEMONIC_CALL, call},
    {ZYDIS_MNEMONIC_RET, ret},
    {ZYDIS_MNEMONIC_JCXZ, jrcxz},
    {ZYDIS_MNEMONIC_JECXZ, jrcxz},
    {ZYDIS_MNEMONIC_JRCXZ, jrcxz},
    {ZYDIS_MNEMONIC_LOOP, loop<LoopWhile::kAlways>},
    {ZYDIS_MNEMONIC_LOOPE, loop<LoopWhile::kEqual>},
    {ZYDIS_MNEMONIC_LOOPNE, loop<LoopWhile::kNotEqual>},
    {ZYDIS_MNEMONIC_JO, jcc},
    {ZYDIS_MNEMONIC_JNO, jcc},
    {ZYDIS_MNEMONIC_JB, jcc},
    {ZYDIS_MNEMONIC_JNB, jcc},
    {ZYDIS_MNEMONIC_JZ, jcc},
    {ZYDIS_MNEMONIC_JNZ, jcc},
    {ZYDIS_MNEMONIC_JBE, jcc},
    {ZYDIS_MNEMONIC_JNBE, jcc},
    {ZYDIS_MNEMONIC_JS, jcc},
    {ZYDIS_MNEMONIC_JNS, jcc},
    {ZYDIS_MNEMONIC_JP, jcc},
    {ZYDIS_MNEMONIC_JNP, jcc},
    {ZYDIS_MNEMONIC_JL, jcc},
    {ZYDIS_MNEMONIC_JNL, jcc},
    {ZYDIS_MNEMONIC_JLE, jcc},
    {ZYDIS_MNEMONIC_JNLE, jcc},
};

}  // namespace

std::span<const Row> control_rows() { return kControlRows; }

}  // namespace nptsim::isa
