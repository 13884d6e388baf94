// What a #VC handler makes of an instruction that touched MMIO: one GHCB request, MMIO_READ
// (0x80000001) or MMIO_WRITE (0x80000002), and where the answer goes (GHCB specification 4.1.5).
#ifndef NPTSIM_MODELS_GUEST_COMMON_MMIO_REQUEST_H_
#define NPTSIM_MODELS_GUEST_COMMON_MMIO_REQUEST_H_

#include <cstdint>

#include "sim/base/address.h"
#include "sim/base/bits.h"

namespace nptsim::guest {

enum class MmioDirection : std::uint8_t { kRead, kWrite };

enum class MmioFill : std::uint8_t { kZero, kSign };

// How an answer lands in a register. First the low `filled_bytes` of the register become zero or
// the answer's sign, then the answer's own bytes replace the lowest ones; what neither step reaches
// survives. Both OVMF and Linux work in these two steps; the widths are each one's own.
struct MmioTarget {
  std::uint8_t gpr = 0;  // in encoding order: 0 is RAX, 4 is RSP
  std::uint8_t filled_bytes = 0;
  MmioFill fill = MmioFill::kZero;

  bool operator==(const MmioTarget&) const = default;
};

struct MmioRequest {
  MmioDirection direction = MmioDirection::kRead;
  std::uint8_t size = 0;    // in bytes, 0 to 8; SW_EXITINFO2 of the request
  GuestVirtAddr address;    // linear, as the handler computes it
  std::uint64_t data = 0;   // write: the `size` bytes to send, little-endian
  MmioTarget target;        // read: the destination
  std::uint8_t length = 0;  // by which the handler advances RIP when the request succeeds

  bool operator==(const MmioRequest&) const = default;
};

// The new value of register `request.target.gpr`, which held `old`, after a read that was answered
// with `data` (little-endian; bytes beyond the request's size are ignored).
constexpr std::uint64_t apply_read(const MmioRequest& request, std::uint64_t old,
                                   std::uint64_t data) {
  if (request.size == 0) return old;
  const unsigned top_bit = 8u * request.size - 1;
  const bool ones = request.target.fill == MmioFill::kSign && has_bit(data, top_bit);
  std::uint64_t value = old;
  if (request.target.filled_bytes != 0) {
    const unsigned filled_top = 8u * request.target.filled_bytes - 1;
    value = with_bits(value, filled_top, 0, ones ? ~0ull : 0);
  }
  return with_bits(value, top_bit, 0, data);
}

}  // namespace nptsim::guest

#endif  // NPTSIM_MODELS_GUEST_COMMON_MMIO_REQUEST_H_
