#include "models/guest/ovmf/mmio_decode.h"

#include "models/guest/common/insn_fields.h"

namespace nptsim::ovmf {
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

struct Insn {
  explicit Insn(std::span<const uint8_t> bytes) : in(bytes) {}

  InsnReader in;
  uint8_t rex = 0;  // the last REX byte, wherever it stood
  unsigned data_size = 4;
  unsigned address_size = 8;
  uint8_t opcode = 0;
};

// CcInstruction.c DecodePrefixes. REX is a prefix like any other here: it counts even if another
// prefix follows it, where a processor drops it. FS and GS are noted by the source and used by
// nothing, like LOCK and REP. (The source gives up after 16 prefixes and its caller ignores that;
// no instruction of more than 15 bytes gets as far as a nested page fault.)
void read_prefixes(Insn& insn) {
  while (!insn.in.ran_out()) {
    const uint8_t byte = insn.in.byte();
    if (is_rex(byte)) {
      insn.rex = byte;
      // A later REX without W does not take this back.
      if (guest::split_rex(byte).w) insn.data_size = 8;
      continue;
    }
    switch (byte) {
      case 0x66:
        // REX.W wins over 66h only by coming first: any REX before it, also one without W, makes
        // the source ignore 66h.
        if (insn.rex == 0) insn.data_size = 2;
        break;
      case 0x67:
        insn.address_size = 4;
        break;
      case 0x26:
      case 0x2e:
      case 0x36:
      case 0x3e:
      case 0x64:
      case 0x65:  // segments
      case 0xf0:
      case 0xf2:
      case 0xf3:  // LOCK, REPNZ, REP
        break;
      default:
        insn.opcode = byte;
        return;
    }
  }
}

// CcExitVcHandler.c MmioExit looks a two-byte opcode up by its second byte, in the same switch as
// the one-byte opcodes. So 0F A3 (BT) is taken for A3, 0F C7 /1 (CMPXCHG8B) for C7.
void read_opcode(Insn& insn) {
  read_prefixes(insn);
  if (insn.opcode == 0x0f) insn.opcode = insn.in.byte();
}

// CcInstruction.c GetEffectiveMemoryAddress. The address is a full 64-bit sum: 67h does not
// truncate it, and no segment base is added, not even of FS and GS.
uint64_t effective_address(Insn& insn, const ModRm& modrm, const Registers& registers) {
  const Rex rex = guest::split_rex(insn.rex);
  const unsigned rm = modrm.rm + rex.b;
  const bool has_sib = modrm.rm == 4;
  const Sib sib = has_sib ? guest::split_sib(insn.in.byte()) : Sib{};

  // Two differences to the processor. RIP is that of this instruction, not of the next one. And
  // with REX.B the number is 13, not 5, so [rip+disp32] is read as [r13].
  if (!has_sib && modrm.mod == 0 && rm == 5) return registers.rip + insn.in.sign_extended(4);

  uint64_t address = 0;
  if (modrm.mod == 1) address = insn.in.sign_extended(1);
  if (modrm.mod == 2) address = insn.in.sign_extended(4);
  if (!has_sib) return address + registers.gpr[rm];

  const unsigned index = sib.index + rex.x;
  const unsigned base = sib.base + rex.b;
  if (index != 4) address += registers.gpr[index] << sib.scale;
  // Here too: a base of 5 without a register is recognised only if REX.B is clear.
  if (base == 5 && modrm.mod == 0) return address + insn.in.sign_extended(4);
  return address + registers.gpr[base];
}

struct Operands {
  bool in_memory = false;
  uint8_t reg = 0;
  uint64_t address = 0;  // "RmData": of a register operand its value
};

// CcInstruction.c CcDecodeModRm.
Operands read_operands(Insn& insn, const Registers& registers) {
  const ModRm modrm = guest::split_modrm(insn.in.byte());
  const Rex rex = guest::split_rex(insn.rex);
  Operands operands;
  operands.in_memory = modrm.mod != 3;
  operands.reg = static_cast<uint8_t>(modrm.reg + rex.r);
  operands.address = operands.in_memory ? effective_address(insn, modrm, registers)
                                        : registers.gpr[modrm.rm + rex.b];
  return operands;
}

// In the opcodes of this handler the low bit chooses between a byte and `other` bytes.
unsigned operand_size(const Insn& insn, unsigned other) { return (insn.opcode & 1) ? other : 1; }

MmioRequest request_of(const Insn& insn, MmioDirection direction, unsigned size, uint64_t address) {
  MmioRequest request;
  request.direction = direction;
  request.size = static_cast<uint8_t>(size);
  request.address = GuestVirtAddr(address);
  request.length = static_cast<uint8_t>(insn.in.consumed());
  return request;
}

MmioRequest write_of(const Insn& insn, unsigned size, uint64_t address, uint64_t data) {
  MmioRequest request = request_of(insn, MmioDirection::kWrite, size, address);
  request.data = data & isa::mask_of_size(size);
  return request;
}

MmioRequest read_of(const Insn& insn, unsigned size, uint64_t address, MmioTarget target) {
  MmioRequest request = request_of(insn, MmioDirection::kRead, size, address);
  request.target = target;
  return request;
}

using Decoded = Result<MmioRequest, MmioFailure>;

// 88, 89. A byte register is the low byte of the register's storage whatever its number, so AH, CH,
// DH and BH (4 to 7 without REX) are read as SPL, BPL, SIL and DIL.
Decoded decode_store(Insn& insn, const Registers& registers) {
  const Operands operands = read_operands(insn, registers);
  if (!operands.in_memory) return MmioFailure::kRegisterOperand;
  return write_of(insn, operand_size(insn, insn.data_size), operands.address,
                  registers.gpr[operands.reg]);
}

// 8A, 8B. Byte registers as above: a load to AH overwrites the low byte of RSP.
Decoded decode_load(Insn& insn, const Registers& registers) {
  const Operands operands = read_operands(insn, registers);
  if (!operands.in_memory) return MmioFailure::kRegisterOperand;
  const unsigned size = operand_size(insn, insn.data_size);
  const uint8_t cleared = size == 4 ? 8 : 0;
  return read_of(insn, size, operands.address, {operands.reg, cleared, MmioFill::kZero});
}

// A0 to A3. The offset has the address size, and here 67h does shorten it.
uint64_t read_offset(Insn& insn) { return insn.in.little_endian(insn.address_size); }

MmioRequest decode_store_to_offset(Insn& insn, const Registers& registers) {
  const uint64_t address = read_offset(insn);
  return write_of(insn, operand_size(insn, insn.data_size), address, registers.gpr[isa::kRax]);
}

MmioRequest decode_load_from_offset(Insn& insn) {
  const uint64_t address = read_offset(insn);
  const unsigned size = operand_size(insn, insn.data_size);
  const uint8_t cleared = size == 4 ? 8 : 0;
  return read_of(insn, size, address, {isa::kRax, cleared, MmioFill::kZero});
}

// C6, C7. A register operand is not refused: its value is the address. The reg field, part of the
// opcode for a processor, is ignored. The size of C7 has no 8-byte case: with REX.W it is 0, so no
// byte is written and the immediate does not count to the length.
MmioRequest decode_store_immediate(Insn& insn, const Registers& registers) {
  const Operands operands = read_operands(insn, registers);
  const unsigned size = operand_size(insn, insn.data_size == 8 ? 0 : insn.data_size);
  const uint64_t data = insn.in.little_endian(size);
  return write_of(insn, size, operands.address, data);
}

// B6, B7, BE, BF; not refused with a register operand either. Only the operand size is filled: the
// upper half of a 32-bit destination survives, where a processor clears it.
MmioRequest decode_extending_load(Insn& insn, const Registers& registers, MmioFill fill) {
  const Operands operands = read_operands(insn, registers);
  return read_of(insn, operand_size(insn, 2), operands.address,
                 {operands.reg, static_cast<uint8_t>(insn.data_size), fill});
}

Decoded decode_by_opcode(Insn& insn, const Registers& registers) {
  switch (insn.opcode) {
    case 0x88:
    case 0x89:
      return decode_store(insn, registers);
    case 0x8a:
    case 0x8b:
      return decode_load(insn, registers);
    case 0xa0:
    case 0xa1:
      return decode_load_from_offset(insn);
    case 0xa2:
    case 0xa3:
      return decode_store_to_offset(insn, registers);
    case 0xb6:
    case 0xb7:
      return decode_extending_load(insn, registers, MmioFill::kZero);
    case 0xbe:
    case 0xbf:
      return decode_extending_load(insn, registers, MmioFill::kSign);
    case 0xc6:
    case 0xc7:
      return decode_store_immediate(insn, registers);
    default:
      return MmioFailure::kInvalidOpcode;
  }
}

}  // namespace

std::string_view name_of(MmioFailure failure) {
  switch (failure) {
    case MmioFailure::kInvalidOpcode:
      return "invalid-opcode";
    case MmioFailure::kRegisterOperand:
      return "register-operand";
    case MmioFailure::kNeedsMoreBytes:
      return "needs-more-bytes";
  }
  NPTSIM_BUG("no such MmioFailure");
}

std::optional<unsigned> length_with_modrm(std::span<const std::uint8_t> bytes,
                                          const Registers& registers) {
  Insn insn(bytes);
  read_opcode(insn);
  read_operands(insn, registers);
  if (insn.in.ran_out()) return std::nullopt;
  return insn.in.consumed();
}

Result<MmioRequest, MmioFailure> decode_mmio(std::span<const std::uint8_t> bytes,
                                             const Registers& registers) {
  Insn insn(bytes);
  read_opcode(insn);
  if (insn.in.ran_out()) return MmioFailure::kNeedsMoreBytes;
  Decoded decoded = decode_by_opcode(insn, registers);
  if (insn.in.ran_out()) return MmioFailure::kNeedsMoreBytes;
  return decoded;
}

}  // namespace nptsim::ovmf
