#include "tests/oracle/kvm_access.h"

#include <algorithm>

#include "sim/base/bits.h"

namespace nptsim::oracle::kvm {
namespace {

// What lies behind the prefixes. `{opcode}` is that of bytes; the wide form is one higher.
struct Kind {
  std::string_view name;
  Bytes prefix;  // F0, F3
  Bytes opcode;  // as for sizes above 1
  int reg = -1;  // the ModRM byte's reg field, with [rDI]; -1: no ModRM byte
  Bytes immediate;
  bool byte_form;  // size 1 has the opcode below
  bool sized;      // 66h and REX.W say the size
  bool writes;
  bool string;
};

const std::vector<Kind>& kinds() {
  static const std::vector<Kind> kList = {
      {"load", {}, {0x8b}, 0, {}, true, true, false, false},
      {"store", {}, {0x89}, 0, {}, true, true, true, false},
      {"add", {}, {0x01}, 0, {}, true, true, true, false},
      {"lock_add", {0xf0}, {0x01}, 0, {}, true, true, true, false},
      {"xchg", {}, {0x87}, 0, {}, true, true, true, false},
      {"lock_cmpxchg", {0xf0}, {0x0f, 0xb1}, 1, {}, true, true, true, false},
      {"cmpxchg8b", {}, {0x0f, 0xc7}, 1, {}, false, false, true, false},
      {"test", {}, {0x85}, 0, {}, true, true, false, false},
      {"bts", {}, {0x0f, 0xba}, 5, {3}, false, true, true, false},
      {"push", {}, {0x50}, -1, {}, false, true, true, false},
      {"pop", {}, {0x58}, -1, {}, false, true, false, false},
      {"stos", {}, {0xab}, -1, {}, true, true, true, true},
      {"lods", {}, {0xad}, -1, {}, true, true, false, true},
      {"rep_movs", {0xf3}, {0xa5}, -1, {}, true, true, true, true},
      {"rep_stos", {0xf3}, {0xab}, -1, {}, true, true, true, true},
      {"repe_cmps", {0xf3}, {0xa7}, -1, {}, true, true, false, true},
      {"movdqu_load", {0xf3}, {0x0f, 0x6f}, 0, {}, false, false, false, false},
      {"movdqu_store", {0xf3}, {0x0f, 0x7f}, 0, {}, false, false, true, false},
      {"clflush", {}, {0x0f, 0xae}, 7, {}, false, false, false, false},
      {"fetch", {}, {}, -1, {}, false, false, false, false},
  };
  return kList;
}

const Kind* find_kind(const std::string& name) {
  for (const Kind& kind : kinds()) {
    if (kind.name == name) return &kind;
  }
  return nullptr;
}

bool fits(const Kind& kind, unsigned size, isa::Mode mode) {
  if (!kind.sized) return true;
  const bool stack = kind.name == "push" || kind.name == "pop";
  if (size == 1) return kind.byte_form;
  if (stack && mode == isa::Mode::k64) return size == 2 || size == 8;
  if (stack && mode == isa::Mode::k32) return size == 2 || size == 4;
  return size == 2 || size == 4 || (size == 8 && mode == isa::Mode::k64);
}

Bytes encode(const Kind& kind, unsigned size, isa::Mode mode) {
  Bytes code;
  if (kind.opcode.empty()) return code;
  const bool stack = kind.name == "push" || kind.name == "pop";
  const unsigned usual = mode == isa::Mode::k16 ? 2 : 4;
  if (kind.sized && size != usual && size != 1 && size != 8) code.push_back(0x66);
  code.insert(code.end(), kind.prefix.begin(), kind.prefix.end());
  if (kind.sized && size == 8 && !stack) code.push_back(0x48);
  code.insert(code.end(), kind.opcode.begin(), kind.opcode.end());
  if (kind.byte_form && size == 1) --code.back();
  const unsigned rm = mode == isa::Mode::k16 ? 5 : 7;  // [di], [edi], [rdi]
  if (kind.reg >= 0) code.push_back(static_cast<std::uint8_t>(kind.reg << 3 | rm));
  code.insert(code.end(), kind.immediate.begin(), kind.immediate.end());
  return code;
}

constexpr std::uint64_t kMostElements = 0x10000;  // of a string

// In real mode the segments are based so that offsets stay far from both ends.
constexpr std::uint64_t kRealOffset = 0x4000;

struct Pointer {
  std::uint64_t base = 0, offset = 0;
};
Pointer pointer_to(std::uint64_t gpa, isa::Mode mode) {
  if (mode != isa::Mode::k16) return {0, gpa};
  const std::uint64_t offset = std::min(gpa, kRealOffset);
  return {gpa - offset, offset};
}

isa::Registers start_registers(isa::Mode mode, std::uint64_t cr3) {
  isa::Registers r = isa::flat_registers(mode, kCodeAddress);
  r.rflags = 2;
  r.idtr = {};  // no gate: an exception is a shutdown
  if (mode == isa::Mode::k64) {
    r.cr0 = bit(31) | bit(16) | bit(0);  // PG, WP, PE
    r.cr3 = cr3;
    r.cr4 = bit(5) | bit(9) | bit(10);  // PAE, OSFXSR, OSXMMEXCPT
    r.efer = bit(8) | bit(10) | bit(11);
  } else {
    r.cr4 = bit(9) | bit(10);
  }
  return r;
}

void set_operands(const Step& step, const Kind& kind, Access& a, isa::Mode mode) {
  isa::Registers& r = a.registers;
  const Pointer to = pointer_to(a.gpa, mode);
  r.gpr[isa::kRax] = step.number_or("value", 0);
  r.gpr[isa::kRdi] = to.offset;
  const std::uint64_t source = step.number_or("src", a.gpa);
  const Pointer from = pointer_to(source, mode);
  r.gpr[isa::kRsi] = from.offset;
  r.gpr[isa::kRsp] = to.offset;
  r.gpr[isa::kRcx] = step.number_or("count", 0);
  if (mode == isa::Mode::k16) {
    r.segments[isa::kDs].base = kind.string ? from.base : to.base;
    r.segments[isa::kEs].base = to.base;
    r.segments[isa::kSs].base = to.base;
  }
  if (step.number_or("df", 0) != 0) r.rflags |= isa::kFlagDf;
  const std::uint64_t replacement = step.number_or("newval", 0);
  if (kind.name == "lock_cmpxchg") r.gpr[isa::kRcx] = replacement;
  if (kind.name == "cmpxchg8b") {
    r.gpr[isa::kRdx] = r.gpr[isa::kRax] >> 32;
    r.gpr[isa::kRax] &= 0xffffffff;
    r.gpr[isa::kRbx] = replacement & 0xffffffff;
    r.gpr[isa::kRcx] = replacement >> 32;
  }
  if (mode == isa::Mode::k64) return;
  for (std::uint64_t& gpr : r.gpr) gpr &= 0xffffffff;
}

}  // namespace

bool known_kind(const std::string& kind) { return find_kind(kind) != nullptr; }

Access make_access(const Step& step, isa::Mode mode, std::uint64_t cr3) {
  Access a;
  a.kind = step.text("kind");
  a.size = static_cast<unsigned>(step.number("size"));
  a.gpa = step.number("gpa");
  const Kind* kind = find_kind(a.kind);
  if (kind == nullptr) throw BadStep("the kind " + yaml::quote(a.kind) + " is not known");
  if (!fits(*kind, a.size, mode)) throw BadStep(a.kind + " has no such size in this mode");
  if (step.number_or("count", 0) > kMostElements) throw BadStep("that many elements");
  a.writes = kind->writes;
  a.string = kind->string;
  a.code = encode(*kind, a.size, mode);
  a.registers = start_registers(mode, cr3);
  set_operands(step, *kind, a, mode);
  if (a.kind == "fetch") {
    const Pointer to = pointer_to(a.gpa, mode);
    a.registers.rip = to.offset;
    a.registers.segments[isa::kCs].base = to.base;
  }
  a.end_rip = a.registers.rip + a.code.size();
  return a;
}

}  // namespace nptsim::oracle::kvm
