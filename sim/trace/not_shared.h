// What the KVM that was recorded does otherwise than one with nested paging. Decided by the
// recording alone, before anybody looks at the model's answer.
#ifndef NPTSIM_SIM_TRACE_NOT_SHARED_H_
#define NPTSIM_SIM_TRACE_NOT_SHARED_H_

#include <string>

#include "sim/trace/recording.h"
#include "sim/trace/verdict.h"

namespace nptsim::trace {

// Why the place where they part says nothing of the model; empty if it does.
std::string not_shared(const Recording& recording, const Verdict& verdict);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_NOT_SHARED_H_
