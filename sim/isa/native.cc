// complete_natively(): special instructions on a processor that intercepts none of them.
#include "sim/isa/deliver.h"
#include "sim/isa/descriptors.h"
#include "sim/isa/special.h"

namespace nptsim::isa {
namespace {

using enum SpecialKind;

// ----- control and debug registers ---------------------------------------------------------------

u64* control_register(Registers& r, unsigned index) {
  switch (index) {
    case 0:
      return &r.cr0;
    case 2:
      return &r.cr2;
    case 3:
      return &r.cr3;
    case 4:
      return &r.cr4;
    case 8:
      return &r.cr8;
    default:
      return nullptr;
  }
}

// Breakpoint addresses are not modelled; DR4 and DR5 are DR6 and DR7 without CR4.DE.
u64* debug_register(Registers& r, unsigned index) {
  switch (index) {
    case 4:
    case 6:
      return &r.dr6;
    case 5:
    case 7:
      return &r.dr7;
    default:
      return nullptr;
  }
}

Outcome read_register(Execution& x, const u64* from) {
  if (from == nullptr) return Outcome::unsupported();
  x.set_gpr(x.insn.operands[0].index, x.insn.operands[0].size, *from);
  return x.retire();
}

// EFER.LMA follows CR0.PG while EFER.LME is set (APM vol. 2, 14.6.1).
void follow_paging(Registers& r) {
  const bool active = (r.cr0 & kCr0Pg) && (r.efer & kEferLme);
  r.efer = active ? r.efer | kEferLma : r.efer & ~kEferLma;
}

Outcome write_register(Execution& x, u64* to) {
  if (to == nullptr) return Outcome::unsupported();
  const Operand& from = x.insn.operands[1];
  *to = x.gpr(from.index, from.size);
  if (to == &x.regs.cr0) follow_paging(x.regs);
  return x.retire();
}

Outcome read_control(Execution& x) {
  u64* const from = control_register(x.regs, x.insn.operands[1].index);
  return from == nullptr ? x.raise(kUd) : read_register(x, from);
}

Outcome write_control(Execution& x) {
  u64* const to = control_register(x.regs, x.insn.operands[0].index);
  return to == nullptr ? x.raise(kUd) : write_register(x, to);
}

Outcome clts(Execution& x) {
  x.regs.cr0 &= ~kCr0Ts;
  return x.retire();
}

Outcome smsw(Execution& x) {
  if (!x.write(0, x.regs.cr0)) return x.failed();
  return x.retire();
}

// LMSW writes CR0[3:0] and can set PE but not clear it (APM vol. 3, LMSW).
Outcome lmsw(Execution& x) {
  u64 value = 0;
  if (!x.read(0, value)) return x.failed();
  x.regs.cr0 = with_bits(x.regs.cr0, 3, 0, value | (x.regs.cr0 & kCr0Pe));
  return x.retire();
}

// ----- descriptor table registers ----------------------------------------------------------------

unsigned table_image_size(const Execution& x) { return x.long_mode() ? 10 : 6; }

// Limit (2 bytes), base (4, or 8 in 64-bit mode); 24 bits of base with a 16-bit operand size.
Outcome load_table(Execution& x, Segment& table) {
  u8 image[10] = {};
  GuestVirtAddr at;
  const unsigned size = table_image_size(x);
  if (!x.address(x.insn.memory.segment, x.effective_address(), size, SegmentUse::kRead, at)) {
    return x.failed();
  }
  if (x.port.load(at, image, size, Privilege::kCurrent) != PortStatus::kOk) {
    return Outcome::stopped();
  }
  u16 limit = 0;
  u64 base = 0;
  std::memcpy(&limit, image, 2);
  std::memcpy(&base, image + 2, size - 2);
  if (x.long_mode() && !canonical(x.regs, base)) return x.raise_zero(kGp);
  table.limit = limit;
  table.base = !x.long_mode() && x.size() == 2 ? base & 0xffffff : base;
  return x.retire();
}

Outcome store_table(Execution& x, const Segment& table) {
  u8 image[10];
  GuestVirtAddr at;
  const unsigned size = table_image_size(x);
  std::memcpy(image, &table.limit, 2);
  std::memcpy(image + 2, &table.base, size - 2);
  if (!x.address(x.insn.memory.segment, x.effective_address(), size, SegmentUse::kWrite, at)) {
    return x.failed();
  }
  if (x.port.store(at, image, size, Privilege::kCurrent) != PortStatus::kOk) {
    return Outcome::stopped();
  }
  return x.retire();
}

// ----- system segments ---------------------------------------------------------------------------

constexpr u64 kTypeLdt = 2, kTypeAvailableTss16 = 1, kTypeAvailableTss = 9, kTypeBusy = 2;

u64 system_type(u64 descriptor) { return get_bits(descriptor, 44, 40); }  // S and type

// System descriptors have 16 bytes in long mode: base 63:32 follows (APM vol. 2, 4.8.3).
bool fetch_system_segment(Execution& x, u16 selector, DescriptorAt& at, Segment& out) {
  if (!fetch_descriptor(x, selector, kGp, 0, at)) return false;
  out = segment_of_descriptor(selector, at.word);
  if (!long_mode_active(x.regs)) return true;
  u64 upper = 0;
  if (!x.load_system(at.linear + 8, 8, &upper)) return false;
  out.base |= upper << 32;
  return canonical(x.regs, out.base) ? true : x.fault(kGp, selector_error(selector, 0));
}

bool check_system_segment(Execution& x, const Segment& s, bool right_type) {
  const u32 error = selector_error(s.selector, 0);
  if (!right_type || has_bit(s.selector, 2)) return x.fault(kGp, error);
  return has_bit(s.attributes, kAttrPresent) ? true : x.fault(kNp, error);
}

Outcome lldt(Execution& x) {
  u64 selector = 0;
  DescriptorAt at;
  Segment loaded;
  if (!x.read(0, selector)) return x.failed();
  if (!null_selector(selector)) {
    if (!fetch_system_segment(x, static_cast<u16>(selector), at, loaded)) return x.failed();
    if (!check_system_segment(x, loaded, system_type(at.word) == kTypeLdt)) return x.failed();
  }
  loaded.selector = selector;
  x.regs.ldtr = loaded;
  return x.retire();
}

bool available_tss(const Registers& r, u64 type) {
  return type == kTypeAvailableTss || (!long_mode_active(r) && type == kTypeAvailableTss16);
}

// The TSS becomes busy in the descriptor and in the register.
Outcome ltr(Execution& x) {
  u64 selector = 0;
  DescriptorAt at;
  Segment loaded;
  if (!x.read(0, selector)) return x.failed();
  if (null_selector(selector)) return x.raise_zero(kGp);
  if (!fetch_system_segment(x, static_cast<u16>(selector), at, loaded)) return x.failed();
  const bool right_type = available_tss(x.regs, system_type(at.word));
  if (!check_system_segment(x, loaded, right_type)) return x.failed();
  loaded.attributes |= kTypeBusy;
  const u8 type_byte = static_cast<u8>(loaded.attributes);
  if (!x.store_system(at.linear + 5, 1, &type_byte)) return x.failed();
  x.regs.tr = loaded;
  return x.retire();
}

Outcome store_selector(Execution& x, const Segment& segment) {
  if (!x.write(0, segment.selector)) return x.failed();
  return x.retire();
}

// ----- software interrupts -----------------------------------------------------------------------

// INT1 (ICEBP) is not checked against the gate's DPL, the others are.
Outcome software_interrupt(Execution& x) {
  const Special s = describe_special(x.insn, x.regs);
  const EventType type = x.insn.special == kIcebp ? EventType::kException : EventType::kSoftware;
  Registers after = x.regs;
  after.rip = s.next_rip;
  const Outcome outcome = deliver_event({s.vector, type}, after, x.port);
  if (outcome.kind == OutcomeKind::kRetired) x.regs = after;
  return outcome;
}

}  // namespace

Outcome complete_natively(const Instruction& instruction, Registers& registers, MemoryPort& port) {
  Execution x(instruction, registers, port);
  switch (instruction.special) {
    case kReadCr:
      return read_control(x);
    case kWriteCr:
      return write_control(x);
    case kReadDr:
      return read_register(x, debug_register(registers, instruction.operands[1].index));
    case kWriteDr:
      return write_register(x, debug_register(registers, instruction.operands[0].index));
    case kClts:
      return clts(x);
    case kSmsw:
      return smsw(x);
    case kLmsw:
      return lmsw(x);
    case kLgdt:
      return load_table(x, registers.gdtr);
    case kLidt:
      return load_table(x, registers.idtr);
    case kSgdt:
      return store_table(x, registers.gdtr);
    case kSidt:
      return store_table(x, registers.idtr);
    case kLldt:
      return lldt(x);
    case kLtr:
      return ltr(x);
    case kSldt:
      return store_selector(x, registers.ldtr);
    case kStr:
      return store_selector(x, registers.tr);
    case kInt:
    case kInt3:
    case kInto:
    case kIcebp:
      return software_interrupt(x);
    case kPause:  // no time passes here, and there is no cache to write back
    case kInvd:
    case kWbinvd:
    case kWbnoinvd:
      return x.retire();
    default:
      return Outcome::special_instruction(instruction.special);
  }
}

}  // namespace nptsim::isa
