#include "sim/isa/special.h"

#include <utility>

#include "sim/isa/alu.h"
#include "sim/isa/execution.h"

namespace nptsim::isa {
namespace {

using enum SpecialKind;

u64 edx_eax(const Registers& r) {
  return (r.gpr[kRdx] & 0xffffffff) << 32 | (r.gpr[kRax] & 0xffffffff);
}

u64 string_pointer(const Registers& r, const Instruction& i, unsigned index) {
  return r.gpr[index] & mask_of_size(i.address_size);
}

u8 io_size(const Instruction& i) { return i.operand_size > 4 ? 4 : i.operand_size; }

// The linear address without the segment's checks: for a description only.
GuestVirtAddr linear_of(const Registers& r, const Instruction& i, unsigned segment, u64 offset) {
  GuestVirtAddr linear;
  to_linear(r, i.mode, segment, offset, 1, SegmentUse::kRead, linear);
  return linear;
}

void describe_port(const Instruction& i, const Registers& r, Special& s) {
  s.size = io_size(i);
  s.port = static_cast<u16>(r.gpr[kRdx]);
  for (const Operand& operand : i.operands) {
    if (operand.kind == OperandKind::kImmediate) s.port = static_cast<u16>(i.immediate & 0xff);
  }
  s.value = r.gpr[kRax] & mask_of_size(s.size);
}

void describe_string_port(const Instruction& i, const Registers& r, Special& s) {
  describe_port(i, r, s);
  s.repeated = i.repeat != Repeat::kNone;
  s.count = s.repeated ? string_pointer(r, i, kRcx) : 1;
  s.segment = s.kind == kIns ? u8{kEs} : i.memory.segment;
  const unsigned pointer = s.kind == kIns ? kRdi : kRsi;
  s.address = linear_of(r, i, s.segment, string_pointer(r, i, pointer));
}

void describe_special_register(const Instruction& i, const Registers& r, Special& s) {
  const bool writes = s.kind == kWriteCr || s.kind == kWriteDr;
  s.index = i.operands[writes ? 0 : 1].index;
  s.gpr = i.operands[writes ? 1 : 0].index;
  s.size = i.operands[writes ? 1 : 0].size;
  s.value = r.gpr[s.gpr] & mask_of_size(s.size);
}

u8 software_vector(const Instruction& i) {
  switch (i.special) {
    case kInt3:
      return kBp;
    case kInto:
      return kOfv;
    case kIcebp:
      return kDb;
    default:
      return static_cast<u8>(i.immediate);
  }
}

void describe_operand(const Instruction& i, const Registers& r, Special& s) {
  s.memory = i.has_memory_operand();
  if (s.memory) {
    s.address = linear_of(r, i, i.memory.segment, effective_address(i, r));
  } else if (i.operands[0].kind == OperandKind::kRegister) {
    s.gpr = i.operands[0].index;
    s.size = i.operands[0].size;
    s.value = r.gpr[s.gpr] & mask_of_size(s.size);
  }
}

void write_32(Registers& r, unsigned index, u64 value) { write_gpr(r, index, 4, value); }

}  // namespace

Special describe_special(const Instruction& i, const Registers& r) {
  Special s;
  s.kind = i.special;
  s.next_rip = r.rip + i.length;
  s.leaf = r.gpr[i.special == kCpuid ? kRax : kRcx] & 0xffffffff;
  switch (i.special) {
    case kIn:
    case kOut:
      describe_port(i, r, s);
      break;
    case kIns:
    case kOuts:
      describe_string_port(i, r, s);
      break;
    case kReadCr:
    case kWriteCr:
    case kReadDr:
    case kWriteDr:
      describe_special_register(i, r, s);
      break;
    case kInt:
    case kInt3:
    case kInto:
    case kIcebp:
      s.vector = software_vector(i);
      break;
    case kCpuid:
      s.subleaf = r.gpr[kRcx] & 0xffffffff;
      break;
    case kWrmsr:
    case kXsetbv:
      s.value = edx_eax(r);
      break;
    default:
      describe_operand(i, r, s);
      break;
  }
  return s;
}

void retire_special(const Instruction& i, Registers& r) {
  finish_instruction(r, r.rip + i.length, i.mode);
}

void complete_cpuid(const Instruction& i, Registers& r, u32 eax, u32 ebx, u32 ecx, u32 edx) {
  write_32(r, kRax, eax);
  write_32(r, kRbx, ebx);
  write_32(r, kRcx, ecx);
  write_32(r, kRdx, edx);
  retire_special(i, r);
}

void complete_in(const Instruction& i, Registers& r, u64 value) {
  write_gpr(r, kRax, io_size(i), value);
  retire_special(i, r);
}

void complete_read_edx_eax(const Instruction& i, Registers& r, u64 value) {
  write_32(r, kRax, value);
  write_32(r, kRdx, value >> 32);
  retire_special(i, r);
}

void complete_rdtscp(const Instruction& i, Registers& r, u64 tsc, u32 aux) {
  write_32(r, kRcx, aux);
  complete_read_edx_eax(i, r, tsc);
}

void complete_read_gpr(const Instruction& i, Registers& r, u64 value) {
  write_gpr(r, i.operands[0].index, i.operands[0].size, value);
  retire_special(i, r);
}

// All other arithmetic flags are cleared (APM vol. 3, RDRAND).
void complete_random(const Instruction& i, Registers& r, u64 value, bool carry) {
  r.rflags = (r.rflags & ~kArithmeticFlags) | (carry ? kFlagCf : 0);
  complete_read_gpr(i, r, carry ? value : 0);
}

void complete_swapgs(const Instruction& i, Registers& r, u64& kernel_gs_base) {
  std::swap(r.segments[kGs].base, kernel_gs_base);
  retire_special(i, r);
}

void complete_rmp_instruction(const Instruction& i, Registers& r, u32 eax, bool carry) {
  write_gpr(r, kRax, 8, eax);
  const u64 flags = logical(eax, 4).flags | flag_if(carry, kFlagCf);
  r.rflags = (r.rflags & ~kArithmeticFlags) | flags;
  retire_special(i, r);
}

// ----- string I/O --------------------------------------------------------------------------------

namespace {

void advance(const Instruction& i, Registers& r, unsigned pointer) {
  const u64 step = (r.rflags & kFlagDf) ? 0 - u64{io_size(i)} : io_size(i);
  write_gpr(r, pointer, i.address_size, string_pointer(r, i, pointer) + step);
}

Outcome end_iteration(const Instruction& i, Registers& r, unsigned pointer) {
  advance(i, r, pointer);
  u64 left = 0;
  if (i.repeat != Repeat::kNone) {
    left = (string_pointer(r, i, kRcx) - 1) & mask_of_size(i.address_size);
    write_gpr(r, kRcx, i.address_size, left);
  }
  if (left != 0) {
    r.interrupt_shadow = 0;
    return Outcome::iteration();
  }
  retire_special(i, r);
  return Outcome::retired();
}

bool nothing_to_do(const Instruction& i, const Registers& r) {
  return i.repeat != Repeat::kNone && string_pointer(r, i, kRcx) == 0;
}

}  // namespace

Outcome load_outs(const Instruction& i, Registers& r, MemoryPort& port, u64& data) {
  Execution x(i, r, port);
  if (!x.load(i.memory.segment, string_pointer(r, i, kRsi), io_size(i), data)) return x.failed();
  return Outcome::retired();
}

Outcome complete_outs(const Instruction& i, Registers& r) {
  if (nothing_to_do(i, r)) {
    retire_special(i, r);
    return Outcome::retired();
  }
  return end_iteration(i, r, kRsi);
}

Outcome complete_ins(const Instruction& i, Registers& r, MemoryPort& port, u64 data) {
  if (nothing_to_do(i, r)) {
    retire_special(i, r);
    return Outcome::retired();
  }
  Execution x(i, r, port);
  if (!x.store(kEs, string_pointer(r, i, kRdi), io_size(i), data)) return x.failed();
  return end_iteration(i, r, kRdi);
}

}  // namespace nptsim::isa
