// Instructions without a result: no operations, hints, fences, cache line flushes, and the ones
// that exist to fault. Also the few reads of registers that need no decision.
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

// NOP with a memory operand, PREFETCH and ENDBR access nothing; fences order what is in order here.
Outcome no_operation(Execution& x) { return x.retire(); }

// CLFLUSH and its kin are checked like a one-byte load (APM vol. 3, CLFLUSH).
Outcome flush_line(Execution& x) {
  u64 ignored = 0;
  if (!x.load(x.insn.memory.segment, x.effective_address(), 1, ignored)) return x.failed();
  return x.retire();
}

Outcome undefined(Execution& x) { return x.raise(kUd); }

// RDFSBASE and the other three: 64-bit mode with CR4.FSGSBASE (APM vol. 3, RDFSBASE).
bool base_access_enabled(const Execution& x) { return x.regs.cr4 & kCr4Fsgsbase; }

template <unsigned kSegment>
Outcome read_base(Execution& x) {
  if (!base_access_enabled(x)) return x.raise(kUd);
  if (!x.write(0, x.regs.segments[kSegment].base)) return x.failed();
  return x.retire();
}

template <unsigned kSegment>
Outcome write_base(Execution& x) {
  if (!base_access_enabled(x)) return x.raise(kUd);
  u64 base = 0;
  if (!x.read(0, base)) return x.failed();
  if (!canonical(x.regs, base)) return x.raise_zero(kGp);
  x.regs.segments[kSegment].base = base;
  return x.retire();
}

constexpr Row kQuietRows[] = {
    {ZYDIS_MNEMONIC_NOP, no_operation},
    {ZYDIS_MNEMONIC_ENDBR32, no_operation},
    {ZYDIS_MNEMONIC_ENDBR64, no_operation},
    {ZYDIS_MNEMONIC_LFENCE, no_operation},
    {ZYDIS_MNEMONIC_MFENCE, no_operation},
    {ZYDIS_MNEMONIC_SFENCE, no_operation},
    {ZYDIS_MNEMONIC_PREFETCH, no_operation},
    {ZYDIS_MNEMONIC_PREFETCHW, no_operation},
    {ZYDIS_MNEMONIC_PREFETCHNTA, no_operation},
    {ZYDIS_MNEMONIC_PREFETCHT0, no_operation},
    {ZYDIS_MNEMONIC_PREFETCHT1, no_operation},
    {ZYDIS_MNEMONIC_PREFETCHT2, no_operation},
    {ZYDIS_MNEMONIC_CLFLUSH, flush_line},
    {ZYDIS_MNEMONIC_CLFLUSHOPT, flush_line},
    {ZYDIS_MNEMONIC_CLWB, flush_line},
    {ZYDIS_MNEMONIC_UD0, undefined},
    {ZYDIS_MNEMONIC_UD1, undefined},
    {ZYDIS_MNEMONIC_UD2, undefined},
    {ZYDIS_MNEMONIC_RDFSBASE, read_base<kFs>},
    {ZYDIS_MNEMONIC_RDGSBASE, read_base<kGs>},
    {ZYDIS_MNEMONIC_WRFSBASE, write_base<kFs>},
    {ZYDIS_MNEMONIC_WRGSBASE, write_base<kGs>},
};

}  // namespace

std::span<const Row> quiet_rows() { return kQuietRows; }

}  // namespace nptsim::isa
