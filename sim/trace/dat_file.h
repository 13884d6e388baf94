// trace.dat, the binary file of trace-cmd. Its records are read by the names of their fields, never
// by offsets: the file brings the description of its own kernel.
//
// The library that reads it trusts its input. So it runs in a process of its own, which prints the
// events as lines; whatever a file does to that process, this one hears of it.
#ifndef NPTSIM_SIM_TRACE_DAT_FILE_H_
#define NPTSIM_SIM_TRACE_DAT_FILE_H_

#include <string>

#include "sim/base/result.h"
#include "sim/trace/text_trace.h"
#include "sim/trace/view.h"

namespace nptsim::trace {

// By its first bytes.
bool is_trace_dat(const std::string& path);

Result<TraceCounts, std::string> read_trace_dat(const std::string& path, const View& view,
                                                const Take& take);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_DAT_FILE_H_
