#include "sim/isa/deliver.h"

#include "sim/isa/far_transfer.h"

namespace nptsim::isa {
namespace {

// ----- real mode: the vector table (APM vol. 2, 8.6) ---------------------------------------------

Outcome deliver_real(Execution& x, const Event& event) {
  const u64 entry = 4 * u64{event.vector};
  if (entry + 3 > x.regs.idtr.limit) return Outcome::exception(kGp);
  u16 target[2] = {};  // IP, CS
  if (!x.load_system(x.regs.idtr.base + entry, 4, target)) return x.failed();
  const u64 frame[] = {x.regs.rflags, x.regs.segments[kCs].selector, x.regs.rip};
  if (!x.push_words(frame, 2)) return x.failed();
  x.set_flags(kFlagIf | kFlagTf | kFlagAc, 0);
  return go_far(x, {real_mode_segment(x.regs.segments[kCs], target[1]), 0}, target[0]);
}

// ----- gates (APM vol. 2, 4.7.4 and 4.8.4) -------------------------------------------------------

enum GateType : unsigned {
  kTaskGate = 5,
  kInterruptGate16 = 6,
  kTrapGate16 = 7,
  kInterruptGate = 14,
  kTrapGate = 15
};

struct Gate {
  u16 selector = 0;
  u64 offset = 0;
  unsigned type = 0;
  unsigned ist = 0;  // long mode: which stack of the TSS, 0 for none
  unsigned dpl = 0;
  bool present = false;

  bool disables_interrupts() const { return type == kInterruptGate || type == kInterruptGate16; }
  bool narrow() const { return type == kInterruptGate16 || type == kTrapGate16; }
};

Gate parse_gate(u64 low, u64 high, bool long_mode) {
  Gate g;
  g.selector = static_cast<u16>(get_bits(low, 31, 16));
  g.type = get_bits(low, 44, 40);
  g.dpl = get_bits(low, 46, 45);
  g.present = has_bit(low, 47);
  g.offset = get_bits(low, 15, 0) | get_bits(low, 63, 48) << 16;
  if (g.narrow()) g.offset &= 0xffff;
  if (long_mode) {
    g.ist = get_bits(low, 34, 32);
    g.offset |= high << 32;
  }
  return g;
}

// The error code about an IDT entry: vector in 15:3, IDT bit, EXT (APM vol. 2, 8.4.1).
u32 external(const Event& event) { return event.type == EventType::kSoftware ? 0 : 1; }
u32 idt_error(const Event& event) { return u32{event.vector} << 3 | 2 | external(event); }

bool right_gate_type(const Gate& g, bool long_mode) {
  if (g.type == kInterruptGate || g.type == kTrapGate) return true;
  return !long_mode && (g.narrow() || g.type == kTaskGate);
}

bool check_gate(Execution& x, const Event& event, const Gate& g) {
  const u32 error = idt_error(event);
  if (!right_gate_type(g, long_mode_active(x.regs))) return x.fault(kGp, error);
  // Only software may not use a gate of a more privileged level.
  if (event.type == EventType::kSoftware && g.dpl < x.regs.cpl) return x.fault(kGp, error);
  if (!g.present) return x.fault(kNp, error);
  if (g.type == kTaskGate) return x.fail(Outcome::unsupported());
  return true;
}

bool read_gate(Execution& x, const Event& event, Gate& out) {
  const bool long_mode = long_mode_active(x.regs);
  const unsigned size = long_mode ? 16 : 8;
  const u64 offset = u64{event.vector} * size;
  if (offset + size - 1 > x.regs.idtr.limit) return x.fault(kGp, idt_error(event));
  u64 words[2] = {};
  if (!x.load_system(x.regs.idtr.base + offset, size, words)) return false;
  out = parse_gate(words[0], words[1], long_mode);
  return check_gate(x, event, out);
}

// ----- the stack of the handler ------------------------------------------------------------------

struct NewStack {
  bool changes = false;  // SS changes, and the old SS:rSP is pushed
  u64 rsp = 0;
  Segment ss;
};

bool read_tss(Execution& x, u64 offset, unsigned size, u32 ext, u64& value) {
  const Segment& tss = x.regs.tr;
  if (offset + size - 1 > tss.limit) return x.fault(kTs, selector_error(tss.selector, ext));
  value = 0;
  return x.load_system(tss.base + offset, size, &value);
}

// 64-bit TSS: RSPn at 4 + 8n, ISTn at 0x1c + 8n (APM vol. 2, figure 12-8). SS becomes null with
// RPL = the new CPL when the level changes (APM vol. 2, 8.9.4).
bool choose_long_stack(Execution& x, const Gate& g, unsigned cpl, u32 ext, NewStack& out) {
  out.rsp = x.regs.gpr[kRsp];
  out.ss = x.regs.segments[kSs];
  out.changes = cpl != x.regs.cpl;
  if (out.changes) out.ss = {cpl, 0, 0, 0};
  if (g.ist == 0 && !out.changes) return true;
  const u64 offset = g.ist != 0 ? 0x1c + 8 * u64{g.ist} : 4 + 8 * u64{cpl};
  if (!read_tss(x, offset, 8, ext, out.rsp)) return false;
  return canonical(x.regs, out.rsp) ? true : x.fault(kSsv, ext);
}

// 32-bit TSS: ESPn at 4 + 8n, SSn after it (APM vol. 2, figure 12-6).
bool choose_legacy_stack(Execution& x, unsigned cpl, u32 ext, NewStack& out) {
  out.rsp = x.stack_pointer();
  out.ss = x.regs.segments[kSs];
  out.changes = cpl != x.regs.cpl;
  if (!out.changes) return true;
  u64 selector = 0;
  if (!read_tss(x, 4 + 8 * u64{cpl}, 4, ext, out.rsp)) return false;
  if (!read_tss(x, 8 + 8 * u64{cpl}, 2, ext, selector)) return false;
  if (null_selector(selector)) return x.fault(kTs, selector_error(selector, ext));
  return fetch_stack_segment(x, static_cast<u16>(selector), cpl, kTs, ext, out.ss);
}

// ----- the frame ---------------------------------------------------------------------------------

// Words in the order of pushing.
struct Frame {
  u64 words[6];
  unsigned count = 0;

  void add(u64 word) { words[count++] = word; }
};

// External interrupts and faults save RF as it is; what is pushed for a fault has RF set, so that
// the instruction's breakpoints do not fire again (APM vol. 2, 3.1.6).
u64 saved_flags(const Execution& x, const Event& event) {
  const bool is_fault = event.type == EventType::kException && event.vector != kDb &&
                        event.vector != kBp && event.vector != kOfv;
  return is_fault ? x.regs.rflags | kFlagRf : x.regs.rflags;
}

Frame make_frame(const Execution& x, const Event& event, bool with_stack) {
  Frame f;
  if (with_stack) {
    f.add(x.regs.segments[kSs].selector);
    f.add(x.regs.gpr[kRsp]);
  }
  f.add(saved_flags(x, event));
  f.add(x.regs.segments[kCs].selector);
  f.add(x.regs.rip);
  if (event.has_error_code) f.add(event.error_code);
  return f;
}

// The frame's bytes as they lie in memory, lowest first.
unsigned lay_out(const Frame& f, unsigned size, u8* bytes) {
  for (unsigned i = 0; i < f.count; ++i) {
    std::memcpy(bytes + (f.count - 1 - i) * size, &f.words[i], size);
  }
  return f.count * size;
}

Privilege privilege_for(const Execution& x, unsigned cpl) {
  return cpl < x.regs.cpl ? Privilege::kSupervisor : Privilege::kCurrent;
}

// 64-bit handlers get a stack aligned to 16 bytes (APM vol. 2, 8.9.3).
bool push_long_frame(Execution& x, const Event& event, const CodeTarget& target, NewStack& stack) {
  u8 bytes[kMaxAccess];
  const unsigned total = lay_out(make_frame(x, event, true), 8, bytes);
  stack.rsp = (stack.rsp & ~15ull) - total;
  if (!canonical(x.regs, stack.rsp) || !canonical(x.regs, stack.rsp + total - 1)) {
    return x.fault(kSsv, external(event));
  }
  const Privilege privilege = privilege_for(x, target.cpl);
  const PortStatus status = x.port.store(GuestVirtAddr(stack.rsp), bytes, total, privilege);
  return status == PortStatus::kOk ? true : x.fail(Outcome::stopped());
}

bool push_legacy_frame(Execution& x, const Event& event, const Gate& gate, const CodeTarget& target,
                       NewStack& stack) {
  u8 bytes[kMaxAccess];
  const unsigned total = lay_out(make_frame(x, event, stack.changes), gate.narrow() ? 2 : 4, bytes);
  const u64 mask = has_bit(stack.ss.attributes, kAttrBig) ? 0xffffffff : 0xffff;
  const u64 at = (stack.rsp - total) & mask;
  Registers inner = x.regs;  // the checks are those of the new SS
  inner.segments[kSs] = stack.ss;
  if (!legacy_access_allowed(inner, kSs, at, total, SegmentUse::kWrite)) {
    const u32 selector = stack.changes ? selector_error(stack.ss.selector, 0) : 0;
    return x.fault(kSsv, selector | external(event));
  }
  const GuestVirtAddr linear((stack.ss.base + at) & 0xffffffff);
  stack.rsp = (stack.rsp & ~mask) | at;
  const PortStatus status = x.port.store(linear, bytes, total, privilege_for(x, target.cpl));
  return status == PortStatus::kOk ? true : x.fail(Outcome::stopped());
}

// ----- together ----------------------------------------------------------------------------------

Outcome enter_handler(Execution& x, const Gate& gate, const CodeTarget& target,
                      const NewStack& stack) {
  x.regs.segments[kSs] = stack.ss;
  x.regs.gpr[kRsp] = stack.rsp;
  u64 cleared = kFlagTf | kFlagNt | kFlagRf | kFlagVm;
  if (gate.disables_interrupts()) cleared |= kFlagIf;
  x.set_flags(cleared, 0);
  return go_far(x, target, gate.offset);
}

// In long mode the handler is 64-bit code (APM vol. 2, 8.9.1).
bool check_handler(Execution& x, const Event& event, const Gate& gate, const CodeTarget& target) {
  if (long_mode_active(x.regs) && !is_64_bit_code(x.regs, target.cs)) {
    return x.fault(kGp, selector_error(gate.selector, external(event)));
  }
  return good_target(x.regs, target.cs, gate.offset) ? true : x.fault(kGp, external(event));
}

Outcome deliver_protected(Execution& x, const Event& event) {
  const u32 ext = external(event);
  Gate gate;
  CodeTarget target;
  NewStack stack;
  if (!read_gate(x, event, gate)) return x.failed();
  if (!fetch_code_segment(x, gate.selector, Transfer::kGate, ext, target)) return x.failed();
  if (!check_handler(x, event, gate, target)) return x.failed();
  if (long_mode_active(x.regs)) {
    if (!choose_long_stack(x, gate, target.cpl, ext, stack)) return x.failed();
    if (!push_long_frame(x, event, target, stack)) return x.failed();
  } else {
    if (!choose_legacy_stack(x, target.cpl, ext, stack)) return x.failed();
    if (!push_legacy_frame(x, event, gate, target, stack)) return x.failed();
  }
  return enter_handler(x, gate, target, stack);
}

}  // namespace

bool pushes_error_code(u8 vector) {
  switch (vector) {
    case kDf:
    case kTs:
    case kNp:
    case kSsv:
    case kGp:
    case kPf:
    case kAc:
    case kCp:
    case kVc:
    case kSx:
      return true;
    default:
      return false;
  }
}

Event event_of(const Outcome& exception) {
  return {exception.vector, EventType::kException, exception.has_error_code, exception.error_code};
}

Outcome deliver_event(const Event& event, Registers& registers, MemoryPort& port) {
  if (virtual_8086(registers)) return Outcome::unsupported();
  Instruction none;  // delivery is no instruction, but works with the same tools
  none.mode = mode_of(registers);
  Registers after = registers;
  Execution x(none, after, port);
  const Outcome outcome =
      protected_mode(registers) ? deliver_protected(x, event) : deliver_real(x, event);
  if (outcome.kind == OutcomeKind::kRetired) registers = after;
  return outcome;
}

EventClass class_of(const Event& event) {
  if (event.type != EventType::kException) return EventClass::kBenign;
  switch (event.vector) {
    case kDe:
    case kTs:
    case kNp:
    case kSsv:
    case kGp:
    case kCp:
    case kVc:
    case kSx:
      return EventClass::kContributory;
    case kPf:
      return EventClass::kPageFault;
    case kDf:
      return EventClass::kDoubleFault;
    default:
      return EventClass::kBenign;
  }
}

// APM vol. 2, table 8-2 "Simultaneous ... double-fault exception conditions" (8.2.9).
Combined combine(const Event& first, const Event& second) {
  const EventClass a = class_of(first), b = class_of(second);
  const bool second_is_fault = b == EventClass::kContributory || b == EventClass::kPageFault;
  if (a == EventClass::kDoubleFault) {
    return second_is_fault || b == EventClass::kDoubleFault ? Combined::kShutdown
                                                            : Combined::kSerial;
  }
  if (a == EventClass::kContributory && b == EventClass::kContributory) {
    return Combined::kDoubleFault;
  }
  if (a == EventClass::kPageFault && second_is_fault) return Combined::kDoubleFault;
  return Combined::kSerial;
}

}  // namespace nptsim::isa
