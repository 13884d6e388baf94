// What a #VC handler works on: the interrupted code's registers and its instruction.
#ifndef NPTSIM_MODELS_GUEST_COMMON_VC_CONTEXT_H_
#define NPTSIM_MODELS_GUEST_COMMON_VC_CONTEXT_H_

#include <cstdint>
#include <vector>

#include "models/guest/common/define.h"
#include "models/guest/common/insn_bytes.h"
#include "sim/isa/registers.h"

namespace nptsim::guest {

// The frame that the processor pushed, from the stack pointer of the handler on.
inline constexpr unsigned kSavedRip = 8, kSavedRsp = 32;

// A handler's frame keeps what it read; the general registers stay where they were, in the vCPU,
// except RSP.
struct VcContext {
  std::uint64_t exit_code = 0;  // the error code of #VC
  isa::Registers registers;     // of the interrupted code: rip, rsp, rflags, cpl from its frame
  InsnBytes insn;

  bool user() const { return registers.cpl == 3; }
  InsnHead head() const { return read_head(insn.bytes()); }
};

// Arguments 0 to 5 of actions that need one: code, rip, rsp, flags, low, high.
std::vector<rules::ArgDef> context_args(std::vector<rules::ArgDef> more = {});
inline constexpr unsigned kContextArgs = 6;
VcContext context_of(const GuestView& view, const Args& args);

// CS in the upper half, RFLAGS in the lower.
constexpr std::uint64_t pack_flags(std::uint64_t cs, std::uint64_t rflags) {
  return cs << 32 | (rflags & 0xffffffff);
}

// Writes a general register of the interrupted code. False: the saved RSP could not be stored yet.
bool set_register(GuestView& view, unsigned gpr, std::uint64_t value);

// How a family fetches the instruction.
struct FetchPlan {
  bool (*complete)(const VcContext&);  // no further byte is wanted
  // Bytes of the next piece: 1, 2, 4 or 8.
  unsigned (*piece)(const VcContext&);
  bool looks_first;  // a missing page ends the fetch instead of faulting
};
enum class Fetched : unsigned { kStopped, kDone, kPartly, kNothing };
// `args`: the context, then two locals for own code.
Fetched fetch_insn(GuestView& view, const Args& args, const FetchPlan& plan);
// The largest piece that stays in its page and in what is still wanted.
unsigned piece_in_page(const VcContext& context);

// read_frame, finish_insn, exit names, the depth of nesting.
void add_handler(rules::Vocabulary& vocabulary);

}  // namespace nptsim::guest

#endif  // NPTSIM_MODELS_GUEST_COMMON_VC_CONTEXT_H_
