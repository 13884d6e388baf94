// IRET (APM vol. 2, 8.9.3; vol. 3, IRET). Not modelled: return to virtual-8086 mode, task return.
#include "sim/isa/far_transfer.h"
#include "sim/isa/flag_images.h"
#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

struct ReturnFrame {
  u64 rip = 0, cs = 0, rflags = 0;
  bool has_stack = false;
  u64 rsp = 0, ss = 0;
};

bool returns_outward(const Execution& x, u64 cs) { return rpl_of(cs) > x.regs.cpl; }

// 64-bit mode always pops SS:RSP, the others only for an outer level.
bool read_frame(Execution& x, ReturnFrame& f) {
  const unsigned size = x.size();
  if (!x.load_stack(0, size, f.rip) || !x.load_stack(size, size, f.cs)) return false;
  if (!x.load_stack(2 * size, size, f.rflags)) return false;
  f.has_stack = x.long_mode() || (loads_descriptors(x.regs) && returns_outward(x, f.cs));
  if (!f.has_stack) return true;
  return x.load_stack(3 * size, size, f.rsp) && x.load_stack(4 * size, size, f.ss);
}

// SS may be null when 64-bit code returns to 64-bit code below CPL 3 (APM vol. 2, 8.9.3).
bool fetch_return_stack(Execution& x, u16 selector, const CodeTarget& target, Segment& ss) {
  const bool null_is_fine = x.long_mode() && is_64_bit_code(x.regs, target.cs) && target.cpl != 3;
  if (!null_selector(selector)) return fetch_stack_segment(x, selector, target.cpl, kGp, 0, ss);
  if (!null_is_fine) return x.fault(kGp, 0);
  ss = {selector, 0, 0, 0};
  return true;
}

// Segments that the outer level may not have become null.
void drop_inner_segments(Registers& r) {
  for (const unsigned index : {kEs, kDs, kFs, kGs}) {
    Segment& s = r.segments[index];
    const bool conforming =
        has_bit(s.attributes, kAttrCode) && has_bit(s.attributes, kAttrConforming);
    if (!conforming && dpl_of(s.attributes) < r.cpl) s = {};
  }
}

void commit_stack(Execution& x, const ReturnFrame& f, const Segment& ss) {
  if (!f.has_stack) {
    x.release(3 * x.size());
    return;
  }
  x.regs.segments[kSs] = ss;
  x.set_gpr(kRsp, x.size(), f.rsp);
}

// The flags' masks belong to the old CPL, so they are computed before CS changes.
Outcome commit(Execution& x, const ReturnFrame& f, const CodeTarget& target, const Segment& ss) {
  const u64 mask = returnable_flags(x.regs, x.size());
  const bool outward = target.cpl > x.regs.cpl;
  commit_stack(x, f, ss);
  const Outcome outcome = go_far(x, target, f.rip);
  x.set_flags(mask, f.rflags);
  if (outward) drop_inner_segments(x.regs);
  return outcome;
}

Outcome iret(Execution& x) {
  if (virtual_8086(x.regs)) return Outcome::unsupported();
  if (loads_descriptors(x.regs) && x.flag(kFlagNt)) {  // task return; long mode has no tasks
    return long_mode_active(x.regs) ? x.raise_zero(kGp) : Outcome::unsupported();
  }
  ReturnFrame frame;
  if (!read_frame(x, frame)) return x.failed();
  const bool to_virtual_8086 = protected_mode(x.regs) && !long_mode_active(x.regs) &&
                               x.regs.cpl == 0 && x.size() == 4 && (frame.rflags & kFlagVm);
  if (to_virtual_8086) return Outcome::unsupported();
  CodeTarget target;
  Segment ss;
  if (!prepare_far_transfer(x, static_cast<u16>(frame.cs), frame.rip, Transfer::kReturn, target)) {
    return x.failed();
  }
  if (frame.has_stack && !fetch_return_stack(x, static_cast<u16>(frame.ss), target, ss)) {
    return x.failed();
  }
  return commit(x, frame, target, ss);
}

constexpr Row kInterruptReturnRows[] = {
    {ZYDIS_MNEMONIC_IRET, iret, SpecialKind::kIret},
    {ZYDIS_MNEMONIC_IRETD, iret, SpecialKind::kIret},
    {ZYDIS_MNEMONIC_IRETQ, iret, SpecialKind::kIret},
};

}  // namespace

std::span<const Row> interrupt_return_rows() { return kInterruptReturnRows; }

}  // namespace nptsim::isa
