// The instruction decoder of OVMF's #VC handler, for nested page faults that the hypervisor marked
// as MMIO.
//
// Sources: edk2 (edk2-stable202605) OvmfPkg/Library/CcExitLib/CcExitVcHandler.c MmioExit, and
// CcInstruction.c CcInitInstructionData, CcDecodeModRm. It is a model of that decoder, with what it
// gets wrong; a processor or a good decoder says something else for many of the same bytes.
#ifndef NPTSIM_MODELS_GUEST_OVMF_MMIO_DECODE_H_
#define NPTSIM_MODELS_GUEST_OVMF_MMIO_DECODE_H_

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "models/guest/common/mmio_request.h"
#include "sim/base/result.h"
#include "sim/isa/registers.h"

namespace nptsim::ovmf {

using guest::apply_read;
using guest::MmioRequest;

enum class MmioFailure : std::uint8_t {
  // "Invalid MMIO opcode (%x)", then ASSERT(FALSE). A build without assertions returns
  // kInvalidOpcodeStatus and asks the hypervisor nothing.
  kInvalidOpcode,
  // MOV between a register and r/m where r/m is a register too (88, 89, 8A, 8B): UnsupportedExit,
  // which is a VMGEXIT with code 0x8000FFFF.
  kRegisterOperand,
  // The handler reads memory beyond the bytes that were given.
  kNeedsMoreBytes,
};

// GP_EXCEPTION: a bare vector number, without the valid bit of an event. The caller takes bits 7:0
// as the vector all the same.
inline constexpr std::uint64_t kInvalidOpcodeStatus = 13;

std::string_view name_of(MmioFailure failure);

// Decodes memory at `registers.rip`, 64-bit mode. The handler does not stop where the instruction
// ends when it takes it for a longer one, so `bytes` is what lies there, not only the instruction;
// 15 bytes suffice for everything but misread instructions with many prefixes.
//
// The request's address still has to pass ValidateMmioMemory, and then is sent as the guest
// physical address without a translation. Its size may be 0 (C7 with REX.W).
Result<MmioRequest, MmioFailure> decode_mmio(std::span<const std::uint8_t> bytes,
                                             const isa::Registers& registers);

// How long an instruction is whose ModRM byte a handler decodes (CcDecodeModRm) whatever its
// opcode: with SIB and displacement, without an immediate. Nothing if there are not enough bytes.
std::optional<unsigned> length_with_modrm(std::span<const std::uint8_t> bytes,
                                          const isa::Registers& registers);

}  // namespace nptsim::ovmf

#endif  // NPTSIM_MODELS_GUEST_OVMF_MMIO_DECODE_H_
