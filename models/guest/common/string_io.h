// INS and OUTS in a #VC handler: their elements go through the GHCB's shared buffer, as many with
// one request as it has room for (SW_EXITINFO2 is their number, SW_SCRATCH the buffer).
#ifndef NPTSIM_MODELS_GUEST_COMMON_STRING_IO_H_
#define NPTSIM_MODELS_GUEST_COMMON_STRING_IO_H_

#include <cstdint>
#include <span>

#include "models/guest/common/define.h"
#include "models/guest/common/ghcb_call.h"
#include "models/guest/common/insn_bytes.h"

namespace nptsim::guest {

// The elements of the next request.
struct StringIo {
  bool in = false;
  bool down = false;  // RFLAGS.DF, for a handler that looks at it
  unsigned size = 0;
  std::uint64_t count = 0;
  std::uint64_t memory = 0;  // the first one's address

  std::uint64_t bytes() const { return count * size; }
  unsigned pointer() const { return in ? isa::kRdi : isa::kRsi; }
  // The address of an element in memory.
  std::uint64_t address(std::uint64_t element) const;
};

// Of `wanted` elements. Segments play no part: 64-bit mode, and both handlers overlook FS and GS.
StringIo next_string(const isa::Registers& registers, const IoRequest& io, std::uint64_t wanted);
GhcbRequest string_request(std::uint64_t exit_code, const IoRequest& io, const StringIo& string);

// RSI or RDI behind these elements.
void advance_pointer(GuestView& view, const StringIo& string);

// Runs `code` with these registers; RAX, too, is the code's. What the four were lies on the stack
// meanwhile. Both: false if an access did not happen yet.
struct CopyRegisters {
  std::uint64_t rcx = 0, rsi = 0, rdi = 0;
};
bool begin_copy_code(GuestView& view, const Args& args, unsigned keep_rip,
                     std::span<const std::uint8_t> code, const CopyRegisters& registers);
bool end_copy_code(GuestView& view, const Args& args, unsigned keep_rip);

// RSI and RDI for a copy between memory and the buffer.
CopyRegisters copy_registers(const GuestView& view, const StringIo& string, std::uint64_t rcx);

// end_string: what a row behind the copy does.
void add_string_io(rules::Vocabulary& vocabulary);

}  // namespace nptsim::guest

#endif  // NPTSIM_MODELS_GUEST_COMMON_STRING_IO_H_
