#include "sim/isa/far_transfer.h"

namespace nptsim::isa {

bool is_64_bit_code(const Registers& r, const Segment& cs) {
  return long_mode_active(r) && has_bit(cs.attributes, kAttrLong);
}

bool good_target(const Registers& r, const Segment& cs, u64 offset) {
  return is_64_bit_code(r, cs) ? canonical(r, offset) : offset <= cs.limit;
}

bool prepare_far_transfer(Execution& x, u16 selector, u64 offset, Transfer transfer,
                          CodeTarget& out) {
  if (loads_descriptors(x.regs)) {
    if (!fetch_code_segment(x, selector, transfer, 0, out)) return false;
  } else {
    out = {real_mode_segment(x.regs.segments[kCs], selector), static_cast<unsigned>(x.regs.cpl)};
  }
  return good_target(x.regs, out.cs, offset) ? true : x.fault(kGp, 0);
}

Outcome go_far(Execution& x, const CodeTarget& target, u64 offset) {
  x.regs.segments[kCs] = target.cs;
  x.regs.cpl = target.cpl;
  finish_instruction(x.regs, offset, mode_of(x.regs));
  return Outcome::retired();
}

}  // namespace nptsim::isa
