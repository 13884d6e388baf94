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
#include "sim/trace/view.h"

namespace nptsim::trace {

// Where an event stands, and whose it is.
struct SeenAt {
  std::uint64_t line = 0;        // from 1
  std::optional<unsigned> vcpu;  // none: nobody can say
  bool after_loss = false;       // events may be missing before it
  std::string_view text;         // the line
};

struct TraceCounts {
  std::uint64_t lines = 0;
  std::uint64_t seen = 0;       // lines of the view
  std::uint64_t unknown = 0;    // lines of nobody
  std::uint64_t foreign = 0;    // lines of tracepoints that the view does not have
  std::uint64_t misshapen = 0;  // an event of the view in another shape
  std::uint64_t lost = 0;       // events that the trace itself reports as lost
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
  struct Header {
    std::uint32_t pid = 0;
    std::optional<unsigned> vcpu;  // of a thread called "CPU 3/KVM"
    std::string_view event;
    std::string_view payload;
  };

  bool line(std::string_view text);
  bool trace_line(const Header& header, std::string_view text);
  bool log_line(std::string_view text);
  bool lost_line(std::string_view text);
  static bool read_header(std::string_view text, Header& header);
  std::optional<unsigned> vcpu_of(const Header& header, const EventShape& shape, const Seen& seen);
  bool hand_on(const Seen& seen, std::optional<unsigned> vcpu, std::string_view text);

  const View& view_;
  Take take_;
  TraceCounts counts_;
  std::string rest_;       // of a line whose end has not come yet
  bool skipping_ = false;  // in a line that was cut
  bool lost_ = false;
  std::vector<std::uint32_t> logs_;                // events that logs have
  std::map<std::uint32_t, unsigned> vcpu_by_pid_;  // learned from lines that say both
};

// Reads a file, "-" for standard input; `progress` hears how many bytes were read. The error is a
// sentence.
Result<TraceCounts, std::string> read_text_trace(
    const std::string& path, const View& view, const Take& take,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_TEXT_TRACE_H_
