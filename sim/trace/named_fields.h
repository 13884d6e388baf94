// A payload in a shape that no version of a kernel is known to print: its fields are found by their
// names, in any order.
#ifndef NPTSIM_SIM_TRACE_NAMED_FIELDS_H_
#define NPTSIM_SIM_TRACE_NAMED_FIELDS_H_

#include <string_view>

#include "sim/trace/seen.h"
#include "sim/trace/view.h"

namespace nptsim::trace {

// "reason npf info1 0x1, vcpu 3", or "exit_reason=0x400 guest_rip=0x0" as a record has them
// (trace-cmd report -R). False if it names none but the vCPU.
bool read_named_fields(std::string_view payload, const EventShape& shape, Seen& seen);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_NAMED_FIELDS_H_
