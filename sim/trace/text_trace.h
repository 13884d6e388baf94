// Text as people have it: ftrace (`trace-cmd report`, or /sys/kernel/tracing/trace), the host's and
// the guest's log, a firmware's debug output, a VMM's errors, and any mixture of them. Read line by
// line, in constant memory; what is no line of a view is counted and left.
#ifndef NPTSIM_SIM_TRACE_TEXT_TRACE_H_
#define NPTSIM_SIM_TRACE_TEXT_TRACE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/base/result.h"
#include "sim/trace/trace_header.h"
#include "sim/trace/view.h"

namespace nptsim::trace {

// Where an event stands, and whose it is.
struct SeenAt {
  std::uint64_t line = 0;        // from 1
  std::optional<unsigned> vcpu;  // or kFirstThread and more; none: nobody can say
  bool after_loss = false;       // events of this vCPU may be missing before it
  std::string_view text;         // the line
};

struct TraceCounts {
  std::uint64_t lines = 0;
  std::uint64_t seen = 0;         // lines of the view
  std::uint64_t unknown = 0;      // lines of nobody
  std::uint64_t foreign = 0;      // lines of tracepoints that the view does not have
  std::uint64_t misshapen = 0;    // an event of the view in another shape
  std::uint64_t lost = 0;         // events that the trace itself reports as lost
  std::uint64_t gaps = 0;         // places where it says that some are missing, not how many
  std::uint64_t overwritten = 0;  // before its first event, by the ring buffer's heading
};

// What takes the events; false ends the reading.
using Take = std::function<bool(const Seen&, const SeenAt&)>;

// Pieces of a text in any sizes, as they come.
class TextTrace {
 public:
  TextTrace(const View& view, Take take);

  // False: `take` has had enough.
  bool feed(std::string_view bytes);
  // The last line, if no line end was behind it.
  bool finish();
  const TraceCounts& counts() const { return counts_; }

  // Longer lines are cut: no line of a trace is so long.
  static constexpr std::size_t kLongestLine = 4096;

 private:
  bool line(std::string_view text);
  static bool read_payload(const EventShape& shape, std::string_view payload, Seen& seen);
  bool trace_line(const TraceHeader& header, std::string_view text);
  bool log_line(std::string_view text);
  bool lost_line(std::string_view text);
  bool buffer_line(std::string_view text);
  bool is_after_loss(std::optional<unsigned> vcpu);
  std::optional<unsigned> vcpu_of(const TraceHeader& header, const EventShape& shape,
                                  const Seen& seen);
  bool hand_on(const Seen& seen, std::optional<unsigned> vcpu, std::string_view text);

  const View& view_;
  Take take_;
  TraceCounts counts_;
  std::string rest_;          // of a line whose end has not come yet
  bool skipping_ = false;     // in a line that was cut
  std::uint64_t losses_ = 0;  // places where events may be missing
  std::map<std::uint64_t, std::uint64_t>
      heard_;                        // vCPU + 1, 0 for nobody: losses_ at its last event
  std::vector<std::uint32_t> logs_;  // events that logs have
  std::map<std::uint32_t, unsigned> vcpu_by_pid_;  // learned from lines that say both
};

// Reads a file, "-" for standard input; `progress` hears how many bytes were read. The error is a
// sentence.
Result<TraceCounts, std::string> read_text_trace(
    const std::string& path, const View& view, const Take& take,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_TEXT_TRACE_H_
