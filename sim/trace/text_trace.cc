#include "sim/trace/text_trace.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "sim/trace/named_fields.h"

namespace nptsim::trace {
namespace {

// "# entries-in-buffer/entries-written: 205/1000   #P:4": what is not in the buffer was
// overwritten.
constexpr std::string_view kBufferHeading = "# entries-in-buffer/entries-written: ";

}  // namespace

TextTrace::TextTrace(const View& view, Take take) : view_(view), take_(std::move(take)) {
  for (std::uint32_t i = 0; i < view_.events().size(); ++i) {
    if (view_.events()[i].log) logs_.push_back(i);
  }
}

std::optional<unsigned> TextTrace::vcpu_of(const TraceHeader& header, const EventShape& shape,
                                           const Seen& seen) {
  constexpr std::size_t kMostThreads = 65536;
  if (shape.vcpu && !seen.values[*shape.vcpu].absent()) {
    const auto vcpu = static_cast<unsigned>(seen.values[*shape.vcpu].number);
    const auto known = vcpu_by_pid_.find(header.pid);
    if (known != vcpu_by_pid_.end()) {
      known->second = vcpu;
    } else if (vcpu_by_pid_.size() < kMostThreads) {
      vcpu_by_pid_.emplace(header.pid, vcpu);
    }
    return vcpu;
  }
  const auto known = vcpu_by_pid_.find(header.pid);
  if (known != vcpu_by_pid_.end()) return known->second;
  constexpr std::uint32_t kMostPid = 1u << 22;  // PID_MAX_LIMIT
  if (header.vcpu || header.pid >= kMostPid) return header.vcpu;
  return kFirstThread + header.pid;
}

// Events may be missing before the next event of every vCPU, not only of the next one in the file.
bool TextTrace::is_after_loss(std::optional<unsigned> vcpu) {
  constexpr std::size_t kMostStreams = 65536;
  if (losses_ == 0) return false;
  const std::uint64_t who = vcpu ? std::uint64_t{*vcpu} + 1 : 0;
  const auto heard = heard_.find(who);
  if (heard == heard_.end()) {
    if (heard_.size() < kMostStreams) heard_.emplace(who, losses_);
    return true;
  }
  return std::exchange(heard->second, losses_) != losses_;
}

bool TextTrace::hand_on(const Seen& seen, std::optional<unsigned> vcpu, std::string_view text) {
  ++counts_.seen;
  return take_(seen, {counts_.lines, vcpu, is_after_loss(vcpu), text});
}

// By a shape that some version prints, else by the names of its fields.
bool TextTrace::read_payload(const EventShape& shape, std::string_view payload, Seen& seen) {
  // A nested hypervisor's events are known by their names alone.
  if (shape.lines.empty()) return true;
  for (std::size_t i = 0; i < shape.lines.size(); ++i) {
    if (shape.lines[i].match(payload, seen)) {
      seen.line = static_cast<std::uint8_t>(i + 1);
      return true;
    }
    seen.values = {};
  }
  if (read_named_fields(payload, shape, seen)) return true;
  seen.values = {};
  return false;
}

bool TextTrace::trace_line(const TraceHeader& header, std::string_view text) {
  const auto which = view_.find(header.event);
  if (!which) {
    ++counts_.foreign;
    return true;
  }
  const EventShape& shape = view_.events()[*which];
  Seen seen;
  seen.event = *which;
  if (!read_payload(shape, header.payload, seen)) {
    ++counts_.misshapen;
    return true;
  }
  shape.use_own_words(seen);
  return hand_on(seen, vcpu_of(header, shape, seen), text);
}

// "CPU:3 [LOST 42 EVENTS]", "CPU:3 [LOST EVENTS]" (Linux kernel/trace/trace.c print_trace_line),
// "CPU:3 [42 EVENTS DROPPED]", "CPU:3 [EVENTS DROPPED]" (trace-cmd).
bool TextTrace::lost_line(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  if (!text.starts_with("CPU:")) return false;
  const std::size_t at = text.find('[');
  if (at == std::string_view::npos) return false;
  std::string_view what = text.substr(at + 1);
  const bool ftrace = what.starts_with("LOST ");
  if (ftrace) what.remove_prefix(5);
  std::uint32_t number = 0;
  const bool counted = take_digits(what, number);
  if (counted && what.starts_with(' ')) what.remove_prefix(1);
  if (!what.starts_with(ftrace ? "EVENTS" : "EVENTS DROPPED")) return false;
  counts_.lost += number;
  counts_.gaps += counted ? 0 : 1;
  ++losses_;
  return true;
}

// "##### CPU 3 buffer started ####" (kernel/trace/trace.c test_cpu_buff_start): from here on events
// of that processor are there; older ones were overwritten.
bool TextTrace::buffer_line(std::string_view text) {
  if (text.starts_with(kBufferHeading)) {
    text.remove_prefix(kBufferHeading.size());
    std::uint32_t kept = 0, written = 0;
    if (!take_digits(text, kept) || !text.starts_with('/')) return false;
    text.remove_prefix(1);
    if (!take_digits(text, written)) return false;
    counts_.overwritten += written > kept ? written - kept : 0;
    return true;
  }
  if (!text.starts_with("##### CPU ") || text.find("buffer started") == std::string_view::npos) {
    return false;
  }
  ++counts_.gaps;
  ++losses_;
  return true;
}

bool TextTrace::log_line(std::string_view text) {
  for (const std::uint32_t which : logs_) {
    Seen seen;
    seen.event = which;
    for (const LinePattern& pattern : view_.events()[which].lines) {
      if (pattern.find(text, seen)) return hand_on(seen, std::nullopt, text);
      seen.values = {};
    }
  }
  ++counts_.unknown;
  return true;
}

bool TextTrace::line(std::string_view text) {
  ++counts_.lines;
  if (!text.empty() && text.back() == '\r') text.remove_suffix(1);
  if (buffer_line(text)) return true;
  // ftrace's own heading; "#PF: ..." is a line of the kernel's log.
  if (text.empty() || text == "#" || text.starts_with("# ")) {
    ++counts_.unknown;
    return true;
  }
  if (const auto header = read_trace_header(text)) {
    // The tracepoint of the kernel's own log (printk:console).
    return header->event == "console" ? log_line(header->payload) : trace_line(*header, text);
  }
  if (lost_line(text)) return true;
  return log_line(text);
}

bool TextTrace::feed(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto* end = static_cast<const char*>(std::memchr(bytes.data(), '\n', bytes.size()));
    const std::size_t length =
        end != nullptr ? static_cast<std::size_t>(end - bytes.data()) : bytes.size();
    const std::string_view piece = bytes.substr(0, length);
    bytes.remove_prefix(end != nullptr ? length + 1 : length);
    if (end != nullptr && rest_.empty() && !skipping_) {
      if (!line(piece.substr(0, kLongestLine))) return false;
      continue;
    }
    if (!skipping_) rest_.append(piece.substr(0, kLongestLine - rest_.size()));
    skipping_ = rest_.size() >= kLongestLine;
    if (end == nullptr) continue;
    skipping_ = false;
    const bool go_on = line(rest_);
    rest_.clear();
    if (!go_on) return false;
  }
  return true;
}

bool TextTrace::finish() {
  if (rest_.empty()) return true;
  const bool go_on = line(rest_);
  rest_.clear();
  skipping_ = false;
  return go_on;
}

Result<TraceCounts, std::string> read_text_trace(
    const std::string& path, const View& view, const Take& take,
    const std::function<void(std::uint64_t, std::uint64_t)>& progress) {
  const int file = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return path + " cannot be opened: " + std::strerror(errno);
  struct stat status = {};
  const std::uint64_t size = fstat(file, &status) == 0 && S_ISREG(status.st_mode)
                                 ? static_cast<std::uint64_t>(status.st_size)
                                 : 0;
  TextTrace trace(view, take);
  std::vector<char> buffer(std::size_t{1} << 18);
  std::uint64_t done = 0;
  std::string trouble;
  for (;;) {
    const ssize_t count = read(file, buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) trouble = path + " cannot be read: " + std::strerror(errno);
    if (count <= 0) break;
    done += static_cast<std::uint64_t>(count);
    if (!trace.feed({buffer.data(), static_cast<std::size_t>(count)})) break;
    if (progress) progress(done, size);
  }
  if (file != STDIN_FILENO) close(file);
  if (!trouble.empty()) return trouble;
  trace.finish();
  return trace.counts();
}

}  // namespace nptsim::trace
