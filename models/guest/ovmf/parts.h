// The vocabulary of OVMF's rows, by subject.
#ifndef NPTSIM_MODELS_GUEST_OVMF_PARTS_H_
#define NPTSIM_MODELS_GUEST_OVMF_PARTS_H_

#include <optional>

#include "models/guest/common/shared.h"
#include "models/guest/common/string_io.h"
#include "models/guest/common/vc_context.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::ovmf {

// What CcExitVcHandler.c asks for an event that is no MMIO access.
enum class Plan : unsigned {
  kNone,  // nothing is asked: DR7 is read from the handler's own copy
  kRequest,
  kMmio,
  kUnsupported,    // UnsupportedExit
  kInvalidOpcode,  // MmioExit: an ASSERT
  kStringIo,       // a request for each part
  kTooLong,        // not modelled
};
struct NaePlan {
  Plan plan = Plan::kRequest;
  guest::NaePlan nae;
  guest::IoRequest io;  // IOIO
};
NaePlan plan_of(const guest::VcContext& context, std::uint64_t xcr0);
// The elements of the next request of INS or OUTS. The direction flag is not looked at.
guest::StringIo string_of(const guest::VcContext& context, const guest::IoRequest& io);
// How far RIP advances (CcInstructionLength).
unsigned length_of(const guest::VcContext& context);
// Whether DecodePrefixes and the decoders behind it have all the bytes that they read.
bool insn_complete(const guest::VcContext& context);

void add_handler_actions(rules::Vocabulary& vocabulary);
void add_flash_actions(rules::Vocabulary& vocabulary);
void add_reset_actions(rules::Vocabulary& vocabulary);
void add_string_actions(rules::Vocabulary& vocabulary);

}  // namespace nptsim::ovmf

#endif  // NPTSIM_MODELS_GUEST_OVMF_PARTS_H_
