#include "models/guest/linux/mmio_decode.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <optional>

#include "models/guest/common/insn_fields.h"

namespace nptsim::linux_guest {
namespace {

using guest::InsnReader;
using guest::is_rex;
using guest::MmioDirection;
using guest::MmioFill;
using guest::MmioTarget;
using guest::ModRm;
using guest::Rex;
using guest::Sib;
using isa::Registers;
using std::uint64_t;
using std::uint8_t;

constexpr std::size_t kMaxInsnSize = 15;  // MAX_INSN_SIZE

// insn-eval.h enum insn_mmio_type.
enum class Form : uint8_t {
  kNone,
  kWrite,
  kWriteImmediate,
  kRead,
  kReadZeroExtend,
  kReadSignExtend,
  kMovs
};

struct Insn {
  explicit Insn(std::span<const uint8_t> bytes) : in(bytes) {}

  InsnReader in;
  std::array<uint8_t, 4> prefixes{};  // `prefixes.bytes`; 0 is an empty place
  Rex rex;
  bool vector = false;  // a VEX or EVEX prefix
  unsigned opnd_bytes = 4;
  unsigned addr_bytes = 8;
  uint8_t opcode[2] = {};
  ModRm modrm;
  bool has_sib = false;
  Sib sib;
  uint64_t displacement = 0;
  uint64_t immediate = 0;
};

bool is_legacy_prefix(uint8_t byte) {
  switch (byte) {
    case 0x26:
    case 0x2e:
    case 0x36:
    case 0x3e:
    case 0x64:
    case 0x65:
    case 0x66:
    case 0x67:
    case 0xf0:
    case 0xf2:
    case 0xf3:
      return true;
    default:
      return false;
  }
}

bool is_segment_prefix(uint8_t byte) {
  return byte == 0x26 || byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0x64 ||
         byte == 0x65;
}

// insn.c insn_get_prefixes: the last prefix read is put into the fourth place, for it selects among
// the variants of an opcode. What was there (if so) moves to the last prefix's old place.
void put_last_prefix(std::array<uint8_t, 4>& prefixes, uint8_t last) {
  if (last == 0 || last == prefixes[3]) return;
  if (prefixes[3] != 0) std::replace(prefixes.begin(), prefixes.begin() + 3, last, prefixes[3]);
  prefixes[3] = last;
}

// insn.c insn_get_prefixes, legacy part. A repeated prefix counts once; a fifth different one ends
// the prefixes and fails as an opcode.
void read_legacy_prefixes(Insn& insn) {
  unsigned count = 0;
  uint8_t last = 0;
  for (; is_legacy_prefix(insn.in.peek()); insn.in.byte()) {
    const uint8_t byte = insn.in.peek();
    const auto end = insn.prefixes.begin() + count;
    if (std::find(insn.prefixes.begin(), end, byte) == end) {
      if (count == insn.prefixes.size()) break;
      insn.prefixes[count++] = byte;
      if (byte == 0x66) insn.opnd_bytes = 2;
      if (byte == 0x67) insn.addr_bytes = 4;
    }
    last = byte;
  }
  put_last_prefix(insn.prefixes, last);
}

// REX counts only where a processor takes it too, directly before the opcode.
void read_rex(Insn& insn) {
  if (!is_rex(insn.in.peek())) return;
  insn.rex = guest::split_rex(insn.in.byte());
  if (insn.rex.w) insn.opnd_bytes = 8;
}

// What insn.c keeps of a VEX or EVEX prefix. R, X and B, which are not kept, go missing: register
// numbers above 7 lose their high bit [inferred from get_regno, which asks the REX prefix only].
struct VectorPrefix {
  bool evex = false;
  unsigned map = 1;
  unsigned pp = 0;
};

std::optional<VectorPrefix> read_vector_prefix(Insn& insn) {
  const uint8_t first = insn.in.peek();
  VectorPrefix prefix;
  if (first == 0xc5) {
    insn.in.byte();
    prefix.pp = insn.in.byte() & 3;
  } else if (first == 0xc4) {
    insn.in.byte();
    prefix.map = insn.in.byte() & 0x1f;
    const uint8_t third = insn.in.byte();
    prefix.pp = third & 3;
    if (third & 0x80) insn.opnd_bytes = 8;
  } else if (first == 0x62) {
    insn.in.byte();
    prefix.evex = true;
    prefix.map = insn.in.byte() & 7;
    prefix.pp = insn.in.byte() & 3;
    // The source tests bit 7 of the last byte for W, which in EVEX is z; W is a byte earlier.
    if (insn.in.byte() & 0x80) insn.opnd_bytes = 8;
  } else {
    return std::nullopt;
  }
  insn.vector = true;
  return prefix;
}

// insn_decode_mmio compares opcode.bytes[0] and no map, and of a vector instruction that is the
// byte after the prefix. So these, which arch/x86/lib/x86-opcode-map.txt has (with a memory operand
// that can fault), are taken for MOV [inferred from both files]:
//   VSHUFPS, VSHUFPD                                map 1 C6, pp none or 66
//   VEXPANDPS/D, VPEXPANDD/Q, VCOMPRESSPS/D, VPCOMPRESSD/Q  EVEX, map 2 88 to 8B, pp 66
bool is_taken_for_mov(const VectorPrefix& prefix, uint8_t opcode) {
  if (opcode == 0xc6) return prefix.map == 1 && prefix.pp <= 1;
  if (opcode >= 0x88 && opcode <= 0x8b) return prefix.evex && prefix.map == 2 && prefix.pp == 1;
  return false;
}

// insn-eval.c insn_decode_mmio. Nothing else is known, not even MOV with an offset (A0 to A3).
Form form_of(const Insn& insn) {
  switch (insn.opcode[0]) {
    case 0x88:
    case 0x89:
      return Form::kWrite;
    case 0x8a:
    case 0x8b:
      return Form::kRead;
    case 0xa4:
    case 0xa5:
      return Form::kMovs;
    case 0xc6:
    case 0xc7:
      return Form::kWriteImmediate;
    case 0x0f:
      break;
    default:
      return Form::kNone;
  }
  switch (insn.opcode[1]) {
    case 0xb6:
    case 0xb7:
      return Form::kReadZeroExtend;
    case 0xbe:
    case 0xbf:
      return Form::kReadSignExtend;
    default:
      return Form::kNone;
  }
}

Form read_opcode(Insn& insn) {
  read_legacy_prefixes(insn);
  read_rex(insn);
  const std::optional<VectorPrefix> vector = read_vector_prefix(insn);
  insn.opcode[0] = insn.in.byte();
  if (vector && !is_taken_for_mov(*vector, insn.opcode[0])) return Form::kNone;
  if (insn.opcode[0] == 0x0f) insn.opcode[1] = insn.in.byte();
  return form_of(insn);
}

// insn.c insn_get_modrm, insn_get_sib, insn_get_displacement. The displacement of EVEX is not
// scaled [inferred].
void read_modrm(Insn& insn) {
  insn.modrm = guest::split_modrm(insn.in.byte());
  if (insn.modrm.mod == 3) return;
  insn.has_sib = insn.modrm.rm == 4;
  if (insn.has_sib) insn.sib = guest::split_sib(insn.in.byte());
  const bool no_base =
      insn.modrm.mod == 0 && (insn.modrm.rm == 5 || (insn.has_sib && insn.sib.base == 5));
  if (insn.modrm.mod == 1) insn.displacement = insn.in.sign_extended(1);
  if (insn.modrm.mod == 2 || no_base) insn.displacement = insn.in.sign_extended(4);
}

// The low bit of the opcode chooses between a byte and `other` bytes; of a two-byte opcode the
// second byte's.
unsigned operand_size(const Insn& insn, unsigned other) {
  const uint8_t opcode = insn.opcode[0] == 0x0f ? insn.opcode[1] : insn.opcode[0];
  return (opcode & 1) ? other : 1;
}

// insn.c insn_get_immediate, and what vc_handle_mmio sends of it: `bytes` bytes from the start of
// struct insn_field. Of these only four are the value; the next ones are the fields `got` (1) and
// `nbytes` (4) and two of padding. So C7 with REX.W does not send the sign-extended immediate
// [inferred from the layout of struct insn_field (asm/insn.h) and the memset in insn_init].
void read_immediate(Insn& insn) {
  const unsigned size = operand_size(insn, insn.opnd_bytes);
  insn.immediate = insn.in.little_endian(std::min(size, 4u));
  constexpr uint64_t kGot = 1, kNbytes = 4;
  if (size == 8) insn.immediate |= kGot << 32 | kNbytes << 40;
}

// insn-eval.c get_seg_reg_override_idx, insn_get_seg_base: FS and GS count, the others have base 0.
// Two overrides are refused; since the last prefix is also put into the fourth place, one override
// as the last of exactly three different prefixes is counted twice [inferred from insn.c
// insn_get_prefixes and for_each_insn_prefix].
std::optional<uint64_t> segment_base(const Insn& insn, const Registers& registers) {
  uint64_t base = 0;
  unsigned overrides = 0;
  for (const uint8_t prefix : insn.prefixes) {
    if (prefix == 0) break;
    if (is_segment_prefix(prefix)) ++overrides;
    if (prefix == 0x64) base = registers.segments[isa::kFs].base;
    if (prefix == 0x65) base = registers.segments[isa::kGs].base;
  }
  if (overrides > 1) return std::nullopt;
  return base;
}

// get_eff_addr_reg, get_eff_addr_modrm, get_eff_addr_sib. A register operand (mod 3) is not
// refused: its value is the address.
uint64_t effective_address(const Insn& insn, const Registers& registers) {
  const ModRm& modrm = insn.modrm;
  if (modrm.mod == 3) return registers.gpr[modrm.rm + insn.rex.b];
  if (!insn.has_sib) {
    const bool rip_relative = modrm.mod == 0 && modrm.rm == 5;
    return insn.displacement + (rip_relative ? registers.rip + insn.in.consumed()
                                             : registers.gpr[modrm.rm + insn.rex.b]);
  }
  uint64_t address = insn.displacement;
  const unsigned index = insn.sib.index + insn.rex.x;
  if (index != 4) address += registers.gpr[index] << insn.sib.scale;
  if (modrm.mod != 0 || insn.sib.base != 5) address += registers.gpr[insn.sib.base + insn.rex.b];
  return address;
}

// insn_get_addr_ref. All ones is its error value, so an operand that really is there is refused.
std::optional<GuestVirtAddr> linear_address(const Insn& insn, const Registers& registers) {
  const std::optional<uint64_t> base = segment_base(insn, registers);
  if (!base) return std::nullopt;
  const uint64_t offset = effective_address(insn, registers) & isa::mask_of_size(insn.addr_bytes);
  const GuestVirtAddr linear(offset + *base);
  if (linear.value == ~0ull) return std::nullopt;
  return linear;
}

// Register numbers are storage numbers: without REX, 4 to 7 mean the low bytes of RSP, RBP, RSI and
// RDI and not AH, CH, DH and BH (insn-eval.c get_regno; vc_handle_mmio).
uint8_t register_number(const Insn& insn) {
  return static_cast<uint8_t>(insn.modrm.reg + insn.rex.r);
}

MmioRequest write_of(unsigned size, uint64_t data) {
  MmioRequest request;
  request.direction = MmioDirection::kWrite;
  request.size = static_cast<uint8_t>(size);
  request.data = data & isa::mask_of_size(size);
  return request;
}

MmioRequest read_of(unsigned size, MmioTarget target) {
  MmioRequest request;
  request.direction = MmioDirection::kRead;
  request.size = static_cast<uint8_t>(size);
  request.target = target;
  return request;
}

// vc_handle_mmio. The extending forms fill `opnd_bytes`, which leaves the upper half of a 32-bit
// destination as it was; a processor clears it.
MmioRequest request_of(const Insn& insn, Form form, const Registers& registers) {
  const uint8_t gpr = register_number(insn);
  const unsigned size = operand_size(insn, insn.opnd_bytes);
  const uint8_t filled = static_cast<uint8_t>(insn.opnd_bytes);
  switch (form) {
    case Form::kWrite:
      return write_of(size, registers.gpr[gpr]);
    case Form::kWriteImmediate:
      return write_of(size, insn.immediate);
    case Form::kRead:
      return read_of(size, {gpr, static_cast<uint8_t>(size == 4 ? 8 : 0), MmioFill::kZero});
    case Form::kReadZeroExtend:
      return read_of(operand_size(insn, 2), {gpr, filled, MmioFill::kZero});
    case Form::kReadSignExtend:
      return read_of(operand_size(insn, 2), {gpr, filled, MmioFill::kSign});
    case Form::kNone:
    case Form::kMovs:
      break;
  }
  NPTSIM_BUG("a form without a request");
}

// vc_handle_mmio_movs. DS and ES have base 0 in 64-bit mode, and the handler asks for no override:
// a MOVS with an FS or GS prefix reads from RSI alone, one with 67h uses all of RSI, RDI and RCX.
MmioMovs movs_of(const Insn& insn, const Registers& registers) {
  MmioMovs movs;
  movs.source = GuestVirtAddr(registers.gpr[isa::kRsi]);
  movs.destination = GuestVirtAddr(registers.gpr[isa::kRdi]);
  movs.size = static_cast<uint8_t>(operand_size(insn, insn.opnd_bytes));
  // insn_has_rep_prefix.
  movs.repeat = std::any_of(insn.prefixes.begin(), insn.prefixes.end(),
                            [](uint8_t prefix) { return prefix == 0xf2 || prefix == 0xf3; });
  movs.length = static_cast<uint8_t>(insn.in.consumed());
  return movs;
}

// insn.c insn_decode, as far as the forms above need it. Whatever else it makes of other bytes, the
// result is ES_DECODE_FAILED, here or in insn_decode_mmio.
Form read_insn(Insn& insn) {
  const Form form = read_opcode(insn);
  if (form == Form::kNone) return form;
  if (form != Form::kMovs) read_modrm(insn);
  if (form == Form::kWriteImmediate) read_immediate(insn);
  return insn.in.ran_out() ? Form::kNone : form;
}

}  // namespace

std::string_view name_of(MmioFailure failure) {
  switch (failure) {
    case MmioFailure::kDecodeFailed:
      return "decode-failed";
    case MmioFailure::kUnsupported:
      return "unsupported";
  }
  NPTSIM_BUG("no such MmioFailure");
}

Result<MmioDecoded, MmioFailure> decode_mmio(std::span<const std::uint8_t> bytes,
                                             const Registers& registers) {
  Insn insn(bytes.first(std::min(bytes.size(), kMaxInsnSize)));
  const Form form = read_insn(insn);
  if (form == Form::kNone) return MmioFailure::kDecodeFailed;
  // vc_handle_mmio: only after decoding, and before any access (user_mode() tests CS.RPL).
  if (registers.cpl != 0) return MmioFailure::kUnsupported;
  if (form == Form::kMovs) return MmioDecoded(movs_of(insn, registers));

  MmioRequest request = request_of(insn, form, registers);
  const std::optional<GuestVirtAddr> address = linear_address(insn, registers);
  if (!address) return MmioFailure::kUnsupported;
  request.address = *address;
  request.length = static_cast<uint8_t>(insn.in.consumed());
  return MmioDecoded(request);
}

MovsRegisters apply_movs(const MmioMovs& movs, const Registers& registers) {
  const bool down = registers.rflags & isa::kFlagDf;
  const uint64_t step = down ? -uint64_t{movs.size} : uint64_t{movs.size};
  MovsRegisters after;
  after.rsi = registers.gpr[isa::kRsi] + step;
  after.rdi = registers.gpr[isa::kRdi] + step;
  after.rcx = registers.gpr[isa::kRcx] - (movs.repeat ? 1 : 0);
  after.retry = movs.repeat && after.rcx != 0;
  return after;
}

}  // namespace nptsim::linux_guest
