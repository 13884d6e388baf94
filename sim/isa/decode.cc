#include "sim/isa/decode.h"

#include <Zydis/Zydis.h>

#include <algorithm>
#include <cstring>

#include "sim/isa/instruction_set.h"

namespace nptsim::isa {
namespace {

ZydisDecoder make_decoder(Mode mode) {
  ZydisDecoder decoder;
  switch (mode) {
    case Mode::k16:
      ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_16, ZYDIS_STACK_WIDTH_16);
      break;
    case Mode::k32:
      ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LEGACY_32, ZYDIS_STACK_WIDTH_32);
      break;
    case Mode::k64:
      ZydisDecoderInit(&decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
      break;
  }
  // On AMD processors 66h makes a near branch 16 bits wide in 64-bit mode too.
  ZydisDecoderEnableMode(&decoder, ZYDIS_DECODER_MODE_AMD_BRANCHES, ZYAN_TRUE);
  return decoder;
}

const ZydisDecoder& decoder_for(Mode mode) {
  static const ZydisDecoder decoders[] = {make_decoder(Mode::k16), make_decoder(Mode::k32),
                                          make_decoder(Mode::k64)};
  return decoders[static_cast<unsigned>(mode)];
}

struct Decoded {
  ZydisDecodedInstruction insn;
  ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

DecodeStatus status_of(ZyanStatus status) {
  switch (status) {
    case ZYDIS_STATUS_NO_MORE_DATA:
      return DecodeStatus::kNeedsMoreBytes;
    case ZYDIS_STATUS_INSTRUCTION_TOO_LONG:
      return DecodeStatus::kTooLong;
    default:
      return DecodeStatus::kInvalid;
  }
}

DecodeStatus decode_with_zydis(std::span<const u8> bytes, Mode mode, Decoded& out) {
  const ZyanStatus status = ZydisDecoderDecodeFull(&decoder_for(mode), bytes.data(), bytes.size(),
                                                   &out.insn, out.operands);
  return ZYAN_SUCCESS(status) ? DecodeStatus::kOk : status_of(status);
}

// ----- operands ----------------------------------------------------------------------------------

bool within(ZydisRegister r, ZydisRegister first, ZydisRegister last) {
  return r >= first && r <= last;
}

// The index of a general register of any size above 8 bits, or kNoRegister.
u8 wide_gpr_index(ZydisRegister r) {
  if (within(r, ZYDIS_REGISTER_AX, ZYDIS_REGISTER_R15W)) return r - ZYDIS_REGISTER_AX;
  if (within(r, ZYDIS_REGISTER_EAX, ZYDIS_REGISTER_R15D)) return r - ZYDIS_REGISTER_EAX;
  if (within(r, ZYDIS_REGISTER_RAX, ZYDIS_REGISTER_R15)) return r - ZYDIS_REGISTER_RAX;
  return kNoRegister;
}

u8 address_register(ZydisRegister r) {
  if (r == ZYDIS_REGISTER_RIP || r == ZYDIS_REGISTER_EIP) return kRipBase;
  return wide_gpr_index(r);
}

u8 segment_index(ZydisRegister r) {
  return within(r, ZYDIS_REGISTER_ES, ZYDIS_REGISTER_GS) ? r - ZYDIS_REGISTER_ES : u8{kDs};
}

Operand register_operand(ZydisRegister r, u8 size) {
  using enum OperandKind;
  if (const u8 index = wide_gpr_index(r); index != kNoRegister) return {kRegister, index, size};
  if (within(r, ZYDIS_REGISTER_AL, ZYDIS_REGISTER_BL)) {
    return {kRegister, static_cast<u8>(r - ZYDIS_REGISTER_AL), size};
  }
  if (within(r, ZYDIS_REGISTER_AH, ZYDIS_REGISTER_BH)) {
    return {kHighByte, static_cast<u8>(r - ZYDIS_REGISTER_AH), size};
  }
  if (within(r, ZYDIS_REGISTER_SPL, ZYDIS_REGISTER_R15B)) {  // Zydis counts AH to BH in between
    return {kRegister, static_cast<u8>(r - ZYDIS_REGISTER_SPL + kRsp), size};
  }
  if (within(r, ZYDIS_REGISTER_ES, ZYDIS_REGISTER_GS)) return {kSegment, segment_index(r), size};
  if (within(r, ZYDIS_REGISTER_CR0, ZYDIS_REGISTER_CR15)) {
    return {kControl, static_cast<u8>(r - ZYDIS_REGISTER_CR0), size};
  }
  if (within(r, ZYDIS_REGISTER_DR0, ZYDIS_REGISTER_DR15)) {
    return {kDebug, static_cast<u8>(r - ZYDIS_REGISTER_DR0), size};
  }
  if (within(r, ZYDIS_REGISTER_XMM0, ZYDIS_REGISTER_XMM15)) {
    return {kXmm, static_cast<u8>(r - ZYDIS_REGISTER_XMM0), size};
  }
  return {kOther, 0, size};
}

MemoryOperand memory_operand(const ZydisDecodedOperandMem& m) {
  MemoryOperand out;
  out.displacement = m.disp.has_displacement ? static_cast<u64>(m.disp.value) : 0;
  out.base = address_register(m.base);
  out.index = address_register(m.index);
  out.scale_shift = m.scale <= 1 ? 0 : m.scale == 2 ? 1 : m.scale == 4 ? 2 : 3;
  out.segment = segment_index(m.segment);
  return out;
}

// Two immediates only in ENTER: the second one, its nesting level, goes to bits 63:32.
void add_immediate(Instruction& out, unsigned n, u64 value) {
  out.immediate = n == 0 || out.operands[0].kind != OperandKind::kImmediate
                      ? value
                      : out.immediate | value << 32;
}

Operand visible_operand(const ZydisDecodedOperand& operand, unsigned n, Instruction& out) {
  const u8 size = static_cast<u8>(operand.size / 8);
  switch (operand.type) {
    case ZYDIS_OPERAND_TYPE_REGISTER:
      return register_operand(operand.reg.value, size);
    case ZYDIS_OPERAND_TYPE_MEMORY:
      out.memory = memory_operand(operand.mem);
      return {OperandKind::kMemory, 0, size};
    case ZYDIS_OPERAND_TYPE_IMMEDIATE:
      add_immediate(out, n, operand.imm.value.u);
      return {OperandKind::kImmediate, 0, size};
    case ZYDIS_OPERAND_TYPE_POINTER:
      out.immediate = operand.ptr.offset | static_cast<u64>(operand.ptr.segment) << 32;
      return {OperandKind::kImmediate, 0, size};
    default:
      return {OperandKind::kOther, 0, size};
  }
}

// String instructions and XLAT name their memory by fixed registers. Only the side at rSI or rBX
// can have another segment than its default.
void take_hidden_segment(const ZydisDecodedOperand& operand, Instruction& out) {
  if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY) return;
  const u8 base = address_register(operand.mem.base);
  if (base == kRsi || base == kRbx) out.memory.segment = segment_index(operand.mem.segment);
}

void translate_operands(const Decoded& decoded, Instruction& out) {
  const unsigned visible = std::min<unsigned>(decoded.insn.operand_count_visible, 3);
  for (unsigned n = 0; n < decoded.insn.operand_count; ++n) {
    if (n < visible) {
      out.operands[n] = visible_operand(decoded.operands[n], n, out);
    } else if (visible == 0) {
      take_hidden_segment(decoded.operands[n], out);
    }
  }
  out.operand_count = static_cast<u8>(visible);
}

// ----- the row of the instruction ----------------------------------------------------------------

// Zydis does not look at F2 and F3 in group 0F 01 (APM vol. 3, appendix A.1, "Secondary opcode
// table") nor in WBINVD.
SpecialKind prefixed_special(const Instruction& insn, ZydisMnemonic mnemonic) {
  const bool rep = insn.repeat == Repeat::kRep;
  if (insn.repeat == Repeat::kNone) return SpecialKind::kNone;
  switch (mnemonic) {
    case ZYDIS_MNEMONIC_VMMCALL:
      return SpecialKind::kVmgexit;  // F2 and F3
    case ZYDIS_MNEMONIC_RDPRU:
      return rep ? SpecialKind::kRmpquery : SpecialKind::kRmpread;
    case ZYDIS_MNEMONIC_WBINVD:
      return rep ? SpecialKind::kWbnoinvd : SpecialKind::kNone;
    default:
      return SpecialKind::kNone;
  }
}

SpecialKind register_move_special(const Instruction& insn) {
  const OperandKind to = insn.operands[0].kind, from = insn.operands[1].kind;
  if (to == OperandKind::kControl) return SpecialKind::kWriteCr;
  if (from == OperandKind::kControl) return SpecialKind::kReadCr;
  if (to == OperandKind::kDebug) return SpecialKind::kWriteDr;
  if (from == OperandKind::kDebug) return SpecialKind::kReadDr;
  return SpecialKind::kNone;
}

SpecialKind special_of(const Instruction& insn, const Row& row, ZydisMnemonic mnemonic) {
  if (mnemonic == ZYDIS_MNEMONIC_MOV) return register_move_special(insn);
  const SpecialKind prefixed = prefixed_special(insn, mnemonic);
  return prefixed != SpecialKind::kNone ? prefixed : row.special;
}

// RMPQUERY and RMPREAD are for CPL 0 as PSMASH is, unlike RDPRU.
ZydisMnemonic row_mnemonic(const Instruction& insn, ZydisMnemonic mnemonic) {
  const bool rmp = mnemonic == ZYDIS_MNEMONIC_RDPRU && insn.repeat != Repeat::kNone;
  return rmp ? ZYDIS_MNEMONIC_PSMASH : mnemonic;
}

// RET and indirect branches with 66h in 64-bit mode: Zydis gives the Intel reading of them.
bool narrow_branch_in_long_mode(const Decoded& decoded) {
  return decoded.insn.machine_mode == ZYDIS_MACHINE_MODE_LONG_64 &&
         decoded.insn.meta.branch_type == ZYDIS_BRANCH_TYPE_NEAR &&
         (decoded.insn.attributes & ZYDIS_ATTRIB_HAS_OPERANDSIZE);
}

// MOVSD and CMPSD of SSE have the mnemonics of the string instructions, but visible operands.
bool is_sse_namesake(const Decoded& decoded) {
  const ZydisMnemonic m = decoded.insn.mnemonic;
  return (m == ZYDIS_MNEMONIC_MOVSD || m == ZYDIS_MNEMONIC_CMPSD) &&
         decoded.insn.operand_count_visible != 0;
}

bool is_far(const Decoded& decoded) {
  const u8 opcode = decoded.insn.opcode;
  const bool far_return = opcode == 0xca || opcode == 0xcb;  // Zydis gives no branch type
  return decoded.insn.meta.branch_type == ZYDIS_BRANCH_TYPE_FAR ||
         (decoded.insn.mnemonic == ZYDIS_MNEMONIC_RET && far_return);
}

void choose_semantics(const Decoded& decoded, Instruction& out) {
  const ZydisMnemonic mnemonic = decoded.insn.mnemonic;
  const bool outside = decoded.insn.operand_count_visible > 3 ||
                       narrow_branch_in_long_mode(decoded) || is_sse_namesake(decoded) ||
                       decoded.insn.encoding != ZYDIS_INSTRUCTION_ENCODING_LEGACY;
  const Row& row = outside           ? row_of(ZYDIS_MNEMONIC_INVALID)
                   : is_far(decoded) ? far_row_of(mnemonic)
                                     : row_of(row_mnemonic(out, mnemonic));
  out.semantics = row.semantics;
  out.special = special_of(out, row, mnemonic);
  // XCHG with memory locks by itself (APM vol. 3, XCHG).
  out.lock |= mnemonic == ZYDIS_MNEMONIC_XCHG && out.has_memory_operand();
}

Repeat repeat_of(const ZydisDecodedInstruction& insn) {
  for (unsigned i = insn.raw.prefix_count; i-- > 0;) {
    if (insn.raw.prefixes[i].value == 0xf3) return Repeat::kRep;
    if (insn.raw.prefixes[i].value == 0xf2) return Repeat::kRepne;
  }
  return Repeat::kNone;
}

// LOCK MOV CR0 is an AMD way to CR8 outside 64-bit mode (APM vol. 3, MOV CRn, AltMovCr8); Zydis
// calls it invalid. Not modelled: decoded as an instruction outside the set instead of a wrong #UD.
bool is_locked_control_move(std::span<const u8> bytes, Mode mode) {
  const auto is_prefix = [&](u8 b) {
    const bool rex = mode == Mode::k64 && (b & 0xf0) == 0x40;
    return b == 0xf0 || b == 0x66 || b == 0x67 || b == 0xf2 || b == 0xf3 || rex;
  };
  const auto at = std::find_if_not(bytes.begin(), bytes.end(), is_prefix);
  const bool locked = std::find(bytes.begin(), at, 0xf0) != at;
  return locked && bytes.end() - at >= 3 && at[0] == 0x0f && (at[1] == 0x20 || at[1] == 0x22);
}

DecodeStatus decode_locked_control_move(std::span<const u8> bytes, Mode mode, Instruction& out) {
  const auto opcode = std::find(bytes.begin(), bytes.end(), 0x0f);
  out = Instruction();
  out.semantics = row_of(ZYDIS_MNEMONIC_INVALID).semantics;
  out.length = static_cast<u8>(opcode - bytes.begin() + 3);
  out.mode = mode;
  std::copy_n(bytes.begin(), out.length, out.bytes);
  return DecodeStatus::kOk;
}

}  // namespace

DecodeStatus decode(std::span<const u8> bytes, Mode mode, Instruction& instruction) {
  Decoded decoded;
  const DecodeStatus status = decode_with_zydis(
      bytes.first(std::min<std::size_t>(bytes.size(), kMaxInstructionLength)), mode, decoded);
  if (status == DecodeStatus::kNeedsMoreBytes && bytes.size() >= kMaxInstructionLength) {
    return DecodeStatus::kTooLong;
  }
  if (status == DecodeStatus::kInvalid && is_locked_control_move(bytes, mode)) {
    return decode_locked_control_move(bytes, mode, instruction);
  }
  if (status != DecodeStatus::kOk) return status;
  Instruction out;
  out.length = decoded.insn.length;
  out.mode = mode;
  out.operand_size = decoded.insn.operand_width / 8;
  out.address_size = decoded.insn.address_width / 8;
  out.condition = decoded.insn.opcode & 0xf;
  out.lock = decoded.insn.attributes & ZYDIS_ATTRIB_HAS_LOCK;
  out.repeat = repeat_of(decoded.insn);
  std::copy_n(bytes.begin(), out.length, out.bytes);
  translate_operands(decoded, out);
  choose_semantics(decoded, out);
  instruction = out;
  return DecodeStatus::kOk;
}

Outcome decode_fault(DecodeStatus status) {
  return status == DecodeStatus::kTooLong ? Outcome::exception(kGp, 0) : Outcome::exception(kUd);
}

// ----- the cache ---------------------------------------------------------------------------------

DecodeCache::DecodeCache() : entries_(std::make_unique<Entry[]>(kEntries)) {}

DecodeCache::Found DecodeCache::lookup(u64 rip, Mode mode, std::span<const u8> bytes) {
  Entry& entry = entries_[(rip ^ (rip >> 12)) % kEntries];
  const Instruction& known = entry.instruction;
  const bool hit = entry.rip == rip && known.mode == mode && known.length != 0 &&
                   known.length <= bytes.size() &&
                   std::memcmp(known.bytes, bytes.data(), known.length) == 0;
  if (hit) [[likely]]
    return {DecodeStatus::kOk, &known};
  return fill(entry, rip, mode, bytes);
}

DecodeCache::Found DecodeCache::fill(Entry& entry, u64 rip, Mode mode, std::span<const u8> bytes) {
  const DecodeStatus status = decode(bytes, mode, entry.instruction);
  if (status != DecodeStatus::kOk) return {status, nullptr};
  entry.rip = rip;
  return {status, &entry.instruction};
}

// ----- text --------------------------------------------------------------------------------------

namespace {

ZydisFormatter make_formatter() {
  ZydisFormatter f;
  ZydisFormatterInit(&f, ZYDIS_FORMATTER_STYLE_INTEL);
  ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
  ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_FORCE_SIZE, ZYAN_TRUE);
  ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_FORCE_RELATIVE_RIPREL, ZYAN_TRUE);
  ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_IMM_PADDING, ZYDIS_PADDING_DISABLED);
  ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_DISP_PADDING, ZYDIS_PADDING_DISABLED);
  ZydisFormatterSetProperty(&f, ZYDIS_FORMATTER_PROP_ADDR_PADDING_ABSOLUTE, ZYDIS_PADDING_DISABLED);
  return f;
}

}  // namespace

std::string disassemble(const Instruction& instruction, u64 address) {
  Decoded decoded;
  if (decode_with_zydis(instruction.encoding(), instruction.mode, decoded) != DecodeStatus::kOk) {
    return "lock mov cr";  // the one that Zydis does not know
  }
  const SpecialKind prefixed = prefixed_special(instruction, decoded.insn.mnemonic);
  if (prefixed != SpecialKind::kNone) return std::string(special_name(prefixed));
  static const ZydisFormatter formatter = make_formatter();
  char text[160];
  ZydisFormatterFormatInstruction(&formatter, &decoded.insn, decoded.operands,
                                  decoded.insn.operand_count_visible, text, sizeof text, address,
                                  nullptr);
  return text;
}

}  // namespace nptsim::isa
