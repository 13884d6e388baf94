// Moves of 16 bytes between XMM registers and memory: what guests copy device memory with, and what
// a hypervisor's emulator has to split. No arithmetic, no exceptions of the numbers themselves.
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

constexpr unsigned kBytes = 16;

// APM vol. 4, MOVDQU, "Exceptions": #UD with CR0.EM or without CR4.OSFXSR, #NM with CR0.TS.
bool sse_enabled(Execution& x) {
  if ((x.regs.cr0 & kCr0Em) || !(x.regs.cr4 & kCr4Osfxsr)) return x.fault(kUd);
  return (x.regs.cr0 & kCr0Ts) ? x.fault(kNm) : true;
}

// The aligned forms want 16 bytes, #GP(0) (APM vol. 4, MOVDQA); the linear address counts.
bool place(Execution& x, SegmentUse use, bool aligned, GuestVirtAddr& at) {
  if (!x.address(x.insn.memory.segment, x.effective_address(), kBytes, use, at)) return false;
  return !aligned || at.aligned_to(kBytes) ? true : x.fault(kGp, 0);
}

bool read_vector(Execution& x, bool aligned, u64 (&value)[2]) {
  const Operand& from = x.insn.operands[1];
  if (from.kind == OperandKind::kXmm) {
    std::memcpy(value, x.regs.xmm[from.index], kBytes);
    return true;
  }
  GuestVirtAddr at;
  if (!place(x, SegmentUse::kRead, aligned, at)) return false;
  const bool loaded = x.port.load(at, value, kBytes, Privilege::kCurrent) == PortStatus::kOk;
  return loaded ? true : x.fail(Outcome::stopped());
}

bool write_vector(Execution& x, bool aligned, const u64 (&value)[2]) {
  const Operand& to = x.insn.operands[0];
  if (to.kind == OperandKind::kXmm) {
    std::memcpy(x.regs.xmm[to.index], value, kBytes);
    return true;
  }
  GuestVirtAddr at;
  if (!place(x, SegmentUse::kWrite, aligned, at)) return false;
  const bool stored = x.port.store(at, value, kBytes, Privilege::kCurrent) == PortStatus::kOk;
  return stored ? true : x.fail(Outcome::stopped());
}

template <bool kAligned>
Outcome move_vector(Execution& x) {
  u64 value[2] = {};
  if (!sse_enabled(x)) return x.failed();
  if (!read_vector(x, kAligned, value) || !write_vector(x, kAligned, value)) return x.failed();
  return x.retire();
}

constexpr Row kVectorMovesRows[] = {
    {ZYDIS_MNEMONIC_MOVDQU, move_vector<false>}, {ZYDIS_MNEMONIC_MOVUPS, move_vector<false>},
    {ZYDIS_MNEMONIC_MOVUPD, move_vector<false>}, {ZYDIS_MNEMONIC_MOVDQA, move_vector<true>},
    {ZYDIS_MNEMONIC_MOVAPS, move_vector<true>},  {ZYDIS_MNEMONIC_MOVAPD, move_vector<true>},
};

}  // namespace

std::span<const Row> vector_move_rows() { return kVectorMovesRows; }

}  // namespace nptsim::isa
