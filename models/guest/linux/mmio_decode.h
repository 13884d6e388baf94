// The instruction decoder behind Linux's #VC handler, for nested page faults that the hypervisor
// marked as MMIO.
//
// Sources: Linux (6.16 to 6.18) arch/x86/coco/sev/vc-handle.c vc_handle_mmio, vc_do_mmio and
// vc_handle_mmio_movs; arch/x86/lib/insn-eval.c insn_decode_mmio and insn_get_addr_ref;
// arch/x86/lib/insn.c. It is a model of that decoder, with what it gets wrong.
#ifndef NPTSIM_MODELS_GUEST_LINUX_MMIO_DECODE_H_
#define NPTSIM_MODELS_GUEST_LINUX_MMIO_DECODE_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "models/guest/common/mmio_request.h"
#include "sim/base/address.h"
#include "sim/base/result.h"
#include "sim/isa/registers.h"

namespace nptsim::linux_guest {

using guest::apply_read;
using guest::MmioRequest;

// Values of enum es_result.
enum class MmioFailure : std::uint8_t {
  // ES_DECODE_FAILED: bytes missing, an instruction that the decoder's tables do not have, or one
  // that insn_decode_mmio does not.
  kDecodeFailed,
  // ES_UNSUPPORTED: user mode, or an address that insn_get_addr_ref cannot tell.
  kUnsupported,
};

std::string_view name_of(MmioFailure failure);

// MOVS, which may touch MMIO on either side or on both. The handler does not find out which: it
// reads the source with a plain move of the kernel's own and writes the destination with another
// one, and whichever is MMIO raises a nested #VC, decoded in its turn.
struct MmioMovs {
  GuestVirtAddr source, destination;
  std::uint8_t size = 0;  // 1, 2, 4 or 8 bytes, one element
  bool repeat = false;    // a REP or REPNE prefix
  std::uint8_t length = 0;

  bool operator==(const MmioMovs&) const = default;
};

using MmioDecoded = std::variant<MmioRequest, MmioMovs>;

// Decodes the instruction at `registers.rip`, 64-bit mode, from the bytes that the handler could
// fetch there: at most 15 count. FS and GS bases and the privilege level are those of the faulting
// context. The request's address still has to be translated (vc_slow_virt_to_phys).
Result<MmioDecoded, MmioFailure> decode_mmio(std::span<const std::uint8_t> bytes,
                                             const isa::Registers& registers);

// The registers after one element was moved.
struct MovsRegisters {
  std::uint64_t rsi = 0, rdi = 0, rcx = 0;
  // ES_RETRY: RIP stays, so the instruction runs and faults again for the next element. Otherwise
  // ES_OK, and RIP advances by the length.
  bool retry = false;

  bool operator==(const MovsRegisters&) const = default;
};

MovsRegisters apply_movs(const MmioMovs& movs, const isa::Registers& registers);

}  // namespace nptsim::linux_guest

#endif  // NPTSIM_MODELS_GUEST_LINUX_MMIO_DECODE_H_
