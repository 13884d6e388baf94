#include "sim/isa/asm_encode.h"
#include "sim/base/hex.h"

#include <algorithm>
#include <array>

namespace nptsim::isa {
namespace {

using Bytes = std::vector<u8>;

ZydisMachineMode machine_mode(Mode mode) {
  switch (mode) {
    case Mode::k16:
      return ZYDIS_MACHINE_MODE_LEGACY_16;
    case Mode::k32:
      return ZYDIS_MACHINE_MODE_LEGACY_32;
    case Mode::k64:
      return ZYDIS_MACHINE_MODE_LONG_64;
  }
  return ZYDIS_MACHINE_MODE_LONG_64;
}

// ----- one attempt -------------------------------------------------------------------------------

// What the text leaves open, decided for one attempt.
struct Choice {
  unsigned memory_size = 0;
  bool extend_immediate = false;     // read 0xf0 for a byte as -16: shorter forms sign-extend
  bool extend_displacement = false;  // likewise 0xffc00000 as a 32-bit displacement
};

ZydisRegisterClass class_of_register(ZydisRegister r) { return ZydisRegisterGetClass(r); }

bool is_general(const AsmOperand& o) {
  if (o.kind != AsmOperandKind::kRegister) return false;
  const ZydisRegisterClass c = class_of_register(o.reg);
  return c == ZYDIS_REGCLASS_GPR8 || c == ZYDIS_REGCLASS_GPR16 || c == ZYDIS_REGCLASS_GPR32 ||
         c == ZYDIS_REGCLASS_GPR64;
}

const AsmOperand* memory_of(const AsmLine& line) {
  for (const AsmOperand& o : line.operands) {
    if (o.kind == AsmOperandKind::kMemory) return &o;
  }
  return nullptr;
}

// The size that an immediate belongs to: the first operand's, or the mode's for PUSH.
unsigned immediate_size(const AsmLine& line, const Choice& choice, Mode mode) {
  const AsmOperand& first = line.operands.front();
  if (first.kind == AsmOperandKind::kMemory) return choice.memory_size;
  if (first.kind == AsmOperandKind::kRegister) return first.size;
  return bits_of(mode) / 8;
}

unsigned address_bytes(const AsmOperand& memory, Mode mode) {
  const ZydisRegister r = memory.base != ZYDIS_REGISTER_NONE ? memory.base : memory.index;
  if (r == ZYDIS_REGISTER_NONE || r == ZYDIS_REGISTER_RIP) return bits_of(mode) / 8;
  return ZydisRegisterGetWidth(ZYDIS_MACHINE_MODE_LONG_64, r) / 8;
}

u64 sign_extended_if_it_fits(u64 value, unsigned size) {
  const bool fits = size != 0 && (value & ~mask_of_size(size)) == 0;
  return fits ? sign_extend(value, size) : value;
}

ZydisEncoderOperand encoder_memory(const AsmOperand& o, const Choice& choice, Mode mode,
                                   u64 next_address) {
  ZydisEncoderOperand out = {};
  out.type = ZYDIS_OPERAND_TYPE_MEMORY;
  out.mem.base = o.base;
  out.mem.index = o.index;
  out.mem.scale = o.index == ZYDIS_REGISTER_NONE ? 0 : o.scale;
  out.mem.size = static_cast<ZyanU16>(choice.memory_size);
  u64 displacement = o.value;
  if (o.rip_target) displacement -= next_address;
  if (choice.extend_displacement) {
    displacement = sign_extended_if_it_fits(displacement, address_bytes(o, mode));
  }
  out.mem.displacement = static_cast<ZyanI64>(displacement);
  return out;
}

bool branches_relatively(const AsmLine& line) {
  const std::string& n = line.name;
  const bool branch = n.starts_with("j") || n.starts_with("loop") || n == "call" || n == "xbegin";
  return branch && line.operands.size() == 1 && line.operands[0].kind == AsmOperandKind::kImmediate;
}

ZydisEncoderOperand encoder_operand(const AsmLine& line, const AsmOperand& o, const Choice& choice,
                                    Mode mode, u64 next_address) {
  ZydisEncoderOperand out = {};
  switch (o.kind) {
    case AsmOperandKind::kRegister:
      out.type = ZYDIS_OPERAND_TYPE_REGISTER;
      out.reg.value = o.reg;
      break;
    case AsmOperandKind::kMemory:
      return encoder_memory(o, choice, mode, next_address);
    case AsmOperandKind::kPointer:
      out.type = ZYDIS_OPERAND_TYPE_POINTER;
      out.ptr.segment = o.selector;
      out.ptr.offset = static_cast<ZyanU32>(o.value);
      break;
    case AsmOperandKind::kImmediate:
      out.type = ZYDIS_OPERAND_TYPE_IMMEDIATE;
      out.imm.u = branches_relatively(line) ? o.value - next_address : o.value;
      if (branches_relatively(line) && mode != Mode::k64) {
        out.imm.u = sign_extend(out.imm.u, mode == Mode::k16 ? 2 : 4);
      } else if (choice.extend_immediate) {
        out.imm.u = sign_extended_if_it_fits(o.value, immediate_size(line, choice, mode));
      }
      break;
  }
  return out;
}

ZydisEncoderRequest request_of(const AsmLine& line, const Choice& choice, Mode mode,
                               u64 next_address) {
  ZydisEncoderRequest request = {};
  request.machine_mode = machine_mode(mode);
  request.mnemonic = line.mnemonic;
  request.prefixes = line.prefixes;
  request.branch_type = line.far ? ZYDIS_BRANCH_TYPE_FAR : ZYDIS_BRANCH_TYPE_NONE;
  request.branch_width = line.width;
  request.operand_count = static_cast<ZyanU8>(line.operands.size());
  for (std::size_t i = 0; i < line.operands.size(); ++i) {
    request.operands[i] = encoder_operand(line, line.operands[i], choice, mode, next_address);
  }
  return request;
}

// ----- where Zydis chooses what nobody writes
// ------------------------------------------------------

bool is_prefix(u8 byte) {
  static constexpr u8 kPrefixes[] = {0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65,
                                     0x66, 0x67, 0xf0, 0xf2, 0xf3};
  return std::find(std::begin(kPrefixes), std::end(kPrefixes), byte) != std::end(kPrefixes);
}

// The 67h among the prefixes, or the end.
Bytes::iterator address_size_prefix(Bytes& bytes) {
  const auto opcode = std::find_if_not(bytes.begin(), bytes.end(), is_prefix);
  const auto found = std::find(bytes.begin(), opcode, 0x67);
  return found == opcode ? bytes.end() : found;
}

bool is_register_free_address(const ZydisEncoderRequest& request) {
  for (unsigned i = 0; i < request.operand_count; ++i) {
    const ZydisEncoderOperand& o = request.operands[i];
    if (o.type != ZYDIS_OPERAND_TYPE_MEMORY) continue;
    return o.mem.base == ZYDIS_REGISTER_NONE && o.mem.index == ZYDIS_REGISTER_NONE;
  }
  return false;
}

// MOV between rAX and an offset: A0 to A3, after an optional REX.
bool is_offset_move(const ZydisEncoderRequest& request, const Bytes& bytes) {
  auto opcode = std::find_if_not(bytes.begin(), bytes.end(), is_prefix);
  if (opcode != bytes.end() && (*opcode & 0xf0) == 0x40) ++opcode;
  return request.mnemonic == ZYDIS_MNEMONIC_MOV && opcode != bytes.end() &&
         (*opcode & 0xfc) == 0xa0;
}

// In 64-bit code [0xffc00000] must not become a 32-bit address by a 67h that the text does not
// have: the offset of MOV gets its 64 bits, everything else is refused.
Bytes without_hidden_address_size(const ZydisEncoderRequest& request, Bytes bytes) {
  const auto prefix = address_size_prefix(bytes);
  const bool hidden = request.machine_mode == ZYDIS_MACHINE_MODE_LONG_64 &&
                      is_register_free_address(request) && prefix != bytes.end();
  if (!hidden) return bytes;
  if (!is_offset_move(request, bytes)) return {};
  bytes.erase(prefix);
  bytes.insert(bytes.end(), 4, 0);
  return bytes;
}

// MOV to and from CR and DR ignores ModRM.mod (APM vol. 3, MOV CRn); by convention it is 11b.
Bytes with_register_mod(const ZydisEncoderRequest& request, Bytes bytes) {
  if (request.mnemonic != ZYDIS_MNEMONIC_MOV || bytes.size() < 3) return bytes;
  const std::size_t opcode = bytes.size() - 2;
  if (bytes[opcode - 1] == 0x0f && (bytes[opcode] & 0xfc) == 0x20) bytes.back() |= 0xc0;
  return bytes;
}

Bytes as_people_expect(const ZydisEncoderRequest& request, Bytes bytes) {
  return with_register_mod(request, without_hidden_address_size(request, std::move(bytes)));
}

Bytes encode_once(const ZydisEncoderRequest& request) {
  Bytes bytes(ZYDIS_MAX_INSTRUCTION_LENGTH);
  ZyanUSize length = bytes.size();
  if (!ZYAN_SUCCESS(ZydisEncoderEncodeInstruction(&request, bytes.data(), &length))) return {};
  bytes.resize(length);
  return as_people_expect(request, std::move(bytes));
}

bool depends_on_length(const AsmLine& line) {
  const AsmOperand* const memory = memory_of(line);
  return branches_relatively(line) || (memory != nullptr && memory->rip_target);
}

// A displacement from the end of the instruction needs the length first: the shortest length that
// agrees with itself.
Bytes attempt(const AsmLine& line, const Choice& choice, u64 address, Mode mode) {
  if (!depends_on_length(line)) return encode_once(request_of(line, choice, mode, address));
  for (unsigned length = 2; length <= ZYDIS_MAX_INSTRUCTION_LENGTH; ++length) {
    const Bytes bytes = encode_once(request_of(line, choice, mode, address + length));
    if (bytes.size() == length) return bytes;
  }
  return {};
}

// ----- the choices -------------------------------------------------------------------------------

// The shortest of the attempts that differ only in how numbers are read.
Bytes shortest(const AsmLine& line, unsigned memory_size, u64 address, Mode mode) {
  Bytes best;
  for (unsigned i = 0; i < 4; ++i) {
    const Choice choice{memory_size, (i & 1) != 0, (i & 2) != 0};
    const AsmOperand* const memory = memory_of(line);
    // In 64-bit addressing a displacement means what it says.
    const bool wide = memory == nullptr || address_bytes(*memory, mode) == 8;
    if (choice.extend_displacement && wide) continue;
    const bool has_immediate =
        !line.operands.empty() && line.operands.back().kind == AsmOperandKind::kImmediate;
    if (choice.extend_immediate && !has_immediate) continue;
    Bytes bytes = attempt(line, choice, address, mode);
    if (!bytes.empty() && (best.empty() || bytes.size() < best.size())) best = std::move(bytes);
  }
  return best;
}

bool is_one_of(const AsmLine& line, std::initializer_list<ZydisMnemonic> list) {
  return std::find(list.begin(), list.end(), line.mnemonic) != list.end();
}

// Register operands say how large the memory is, except where they are a count or a wider result.
bool size_follows_register(const AsmLine& line) {
  if (is_one_of(line, {ZYDIS_MNEMONIC_MOVZX, ZYDIS_MNEMONIC_MOVSX, ZYDIS_MNEMONIC_CRC32})) {
    return false;
  }
  const bool count = is_one_of(
      line, {ZYDIS_MNEMONIC_SHL, ZYDIS_MNEMONIC_SHR, ZYDIS_MNEMONIC_SAR, ZYDIS_MNEMONIC_ROL,
             ZYDIS_MNEMONIC_ROR, ZYDIS_MNEMONIC_RCL, ZYDIS_MNEMONIC_RCR});
  return !count && std::any_of(line.operands.begin(), line.operands.end(), is_general);
}

unsigned register_size(const AsmLine& line) {
  return std::find_if(line.operands.begin(), line.operands.end(), is_general)->size;
}

bool uses_stack_or_branches(const AsmLine& line) {
  return is_one_of(line, {ZYDIS_MNEMONIC_PUSH, ZYDIS_MNEMONIC_POP, ZYDIS_MNEMONIC_CALL,
                          ZYDIS_MNEMONIC_JMP}) &&
         !line.far;
}

struct Sized {
  unsigned size = 0;
  Bytes bytes;
};

std::vector<Sized> encodable_sizes(const AsmLine& line, std::span<const unsigned> sizes,
                                   u64 address, Mode mode) {
  std::vector<Sized> out;
  for (const unsigned size : sizes) {
    Bytes bytes = shortest(line, size, address, mode);
    if (!bytes.empty()) out.push_back({size, std::move(bytes)});
  }
  return out;
}

AssembleError ambiguous_size(const AsmLine& line, std::span<const Sized> found) {
  std::vector<std::string> words;
  for (const Sized& s : found) {
    words.push_back(s.size == 1   ? "byte ptr"
                    : s.size == 2 ? "word ptr"
                    : s.size == 4 ? "dword ptr"
                                  : "qword ptr");
  }
  return error_at(memory_of(line)->column,
                  "the size of the memory operand of '" + line.name + "' is not said",
                  list_of(words), "write '" + words.front() + "' before the bracket");
}

Result<Bytes, AssembleError> encode_unsized(const AsmLine& line, u64 address, Mode mode) {
  static constexpr std::array<unsigned, 4> kCommon = {1, 2, 4, 8};
  static constexpr std::array<unsigned, 8> kRare = {6, 10, 16, 32, 64, 28, 108, 512};
  if (size_follows_register(line)) {
    Bytes bytes = shortest(line, register_size(line), address, mode);
    if (!bytes.empty()) return bytes;
  }
  if (uses_stack_or_branches(line)) return shortest(line, bits_of(mode) / 8, address, mode);
  std::vector<Sized> found = encodable_sizes(line, kCommon, address, mode);
  if (found.empty()) found = encodable_sizes(line, kRare, address, mode);
  if (found.empty()) return Bytes();
  // MOV to a segment register and the like: the sizes mean the same bytes.
  const bool same = std::all_of(found.begin(), found.end(),
                                [&](const Sized& s) { return s.bytes == found.front().bytes; });
  if (found.size() == 1 || same || line.mnemonic == ZYDIS_MNEMONIC_NOP) return found.front().bytes;
  return ambiguous_size(line, found);
}

// ----- what to say when nothing fits -------------------------------------------------------------

std::string operand_text(const AsmOperand& o) {
  const std::string bits = o.size == 0 ? "" : std::to_string(8 * o.size) + "-bit ";
  switch (o.kind) {
    case AsmOperandKind::kRegister:
      return ZydisRegisterGetString(o.reg);
    case AsmOperandKind::kMemory:
      return bits + "memory";
    case AsmOperandKind::kImmediate:
      return "the number " + hex(o.value);
    case AsmOperandKind::kPointer:
      return "a far address";
  }
  return "?";
}

bool fits_displacement(u64 value) { return sign_extend(value, 4) == value; }

// [0xffc00000] in 64-bit code: a displacement has 32 bits and is sign-extended, so addresses from
// 2G on need a register (APM vol. 1, 2.2.4); only MOV with rAX has a form with a 64-bit address.
bool is_far_absolute(const AsmOperand& o, Mode mode) {
  return o.kind == AsmOperandKind::kMemory && mode == Mode::k64 && o.base == ZYDIS_REGISTER_NONE &&
         o.index == ZYDIS_REGISTER_NONE && !fits_displacement(o.value);
}

AssembleError far_absolute_error(const AsmOperand& o) {
  return error_at(o.column,
                  "[" + hex(o.value) +
                      "] cannot be encoded in 64-bit code: a displacement is 32 "
                      "bits, sign-extended",
                  "an address below 0x80000000 or from 0xffffffff80000000 on",
                  "load the address into a register first (mov rbx, " + hex(o.value) +
                      " and then [rbx]), or use the form that only al, ax, eax and rax have: "
                      "mov al, [" +
                      hex(o.value) + "] or mov [" + hex(o.value) + "], al");
}

const AsmOperand* immediate_too_large(const AsmLine& line) {
  if (line.operands.size() < 2 || line.operands.back().kind != AsmOperandKind::kImmediate) {
    return nullptr;
  }
  const unsigned size = line.operands.front().size;
  const u64 value = line.operands.back().value;
  const bool fits =
      size == 0 || (value & ~mask_of_size(size)) == 0 || sign_extend(value, size) == value;
  return fits ? nullptr : &line.operands.back();
}

AssembleError no_encoding(const AsmLine& line, Mode mode) {
  for (const AsmOperand& o : line.operands) {
    if (is_far_absolute(o, mode)) return far_absolute_error(o);
  }
  if (const AsmOperand* large = immediate_too_large(line)) {
    return error_at(large->column, hex(large->value) + " does not fit in " +
                                       std::to_string(8 * line.operands.front().size) + " bits");
  }
  std::vector<std::string> operands;
  for (const AsmOperand& o : line.operands) operands.push_back(operand_text(o));
  const std::string with =
      operands.empty() ? " without operands" : " with " + list_of(operands, "and");
  const std::string prefix = line.prefixes != 0 ? " and this prefix" : "";
  return error_at(line.column, "no form of '" + line.name + "'" + with + prefix + " exists in " +
                                   std::string(mode_name(mode)) + " code");
}

}  // namespace

Result<Bytes, AssembleError> encode(const AsmLine& line, u64 address, Mode mode) {
  if (!line.fixed_bytes.empty()) return line.fixed_bytes;
  const AsmOperand* const memory = memory_of(line);
  Result<Bytes, AssembleError> bytes =
      memory != nullptr && memory->size == 0
          ? encode_unsized(line, address, mode)
          : Result<Bytes, AssembleError>(
                shortest(line, memory == nullptr ? 0 : memory->size, address, mode));
  if (bytes.ok() && bytes.value().empty()) return no_encoding(line, mode);
  return bytes;
}

}  // namespace nptsim::isa
