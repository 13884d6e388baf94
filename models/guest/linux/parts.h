// The vocabulary of Linux's rows, by subject.
#ifndef NPTSIM_MODELS_GUEST_LINUX_PARTS_H_
#define NPTSIM_MODELS_GUEST_LINUX_PARTS_H_

#include "models/guest/common/shared.h"
#include "models/guest/common/string_io.h"
#include "models/guest/common/vc_context.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::linux_guest {

// What vc-handle.c and vc-shared.c ask for an event.
enum class Plan : unsigned {
  kNone,  // nothing is asked
  kRequest,
  kMmio,
  kMovs,
  kDecodeFailed,
  kUnsupported,
  kGp,  // ES_EXCEPTION, #GP
  kIns,
  kOuts,
};
struct NaePlan {
  Plan plan = Plan::kRequest;
  guest::NaePlan nae;
  guest::IoRequest io;  // IOIO
};
NaePlan plan_of(const guest::VcContext& context, std::uint64_t xcr0);
// The elements of the next request of INS or OUTS. With REP the count is an unsigned int.
guest::StringIo string_of(const guest::VcContext& context, const guest::IoRequest& io);
unsigned length_of(const guest::VcContext& context);

void add_handler_actions(rules::Vocabulary& vocabulary);
void add_movs_actions(rules::Vocabulary& vocabulary);
void add_string_actions(rules::Vocabulary& vocabulary);
void add_end_actions(rules::Vocabulary& vocabulary);
void add_boot_actions(rules::Vocabulary& vocabulary);

}  // namespace nptsim::linux_guest

#endif  // NPTSIM_MODELS_GUEST_LINUX_PARTS_H_
