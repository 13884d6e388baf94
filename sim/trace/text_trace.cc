#include "sim/trace/text_trace.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace nptsim::trace {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  return text;
}

// Digits off the front; false if there are none or too many.
bool take_digits(std::string_view& text, std::uint32_t& number) {
  std::size_t at = 0;
  std::uint64_t value = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    value = value * 10 + static_cast<unsigned>(text[at] - '0');
    if (value > 0xffffffff) return false;
  }
  text.remove_prefix(at);
  number = static_cast<std::uint32_t>(value);
  return at > 0;
}

// "[003]", the processor: what follows it, or npos. A thread's name may hold brackets as well.
std::size_t behind_processor(std::string_view text, std::size_t& begin) {
  for (std::size_t at = text.find('['); at != std::string_view::npos; at = text.find('[', at + 1)) {
    std::size_t end = at + 1;
    while (end < text.size() && is_digit(text[end])) ++end;
    if (end == at + 1 || end >= text.size() || text[end] != ']') continue;
    begin = at;
    return end + 1;
  }
  return std::string_view::npos;
}

// "12.345678:" off the front.
bool take_time(std::string_view& text) {
  std::size_t at = 0;
  while (at < text.size() && (is_digit(text[at]) || text[at] == '.')) ++at;
  if (at == 0 || at >= text.size() || text[at] != ':') return false;
  text = without_blanks(text.substr(at + 1));
  return true;
}

}  // namespace

TextTrace::TextTrace(const View& view, Take take) : view_(view), take_(std::move(take)) {
  for (std::uint32_t i = 0; i < view_.events().size(); ++i) {
    if (view_.events()[i].log) logs_.push_back(i);
  }
}

// `<comm>-<pid> [<cpu>] <flags> <seconds>: <event>: <payload>`; the flags are absent in
// `trace-cmd report` of older versions (Linux Documentation/trace/ftrace.rst).
bool TextTrace::read_header(std::string_view text, Header& header) {
  std::size_t begin = 0;
  const std::size_t behind = behind_processor(text, begin);
  if (behind == std::string_view::npos) return false;
  std::string_view who = text.substr(0, begin);
  while (!who.empty() && who.back() == ' ') who.remove_suffix(1);
  // /sys/kernel/tracing/trace may print the thread group behind it: "-123 (  120)".
  if (!who.empty() && who.back() == ')') {
    who = who.substr(0, who.rfind('('));
    while (!who.empty() && who.back() == ' ') who.remove_suffix(1);
  }
  const std::size_t dash = who.rfind('-');
  if (dash == std::string_view::npos) return false;
  std::string_view pid = who.substr(dash + 1);
  if (!take_digits(pid, header.pid) || !pid.empty()) return false;
  // QEMU calls its vCPU threads so (accel/kvm/kvm-accel-ops.c kvm_start_vcpu_thread).
  std::string_view name = without_blanks(who.substr(0, dash));
  std::uint32_t number = 0;
  if (name.starts_with("CPU ")) {
    name.remove_prefix(4);
    if (take_digits(name, number) && name == "/KVM") header.vcpu = number;
  }
  std::string_view rest = without_blanks(text.substr(behind));
  if (!take_time(rest)) {
    const std::size_t blank = rest.find(' ');
    if (blank == std::string_view::npos) return false;
    rest = without_blanks(rest.substr(blank));
    if (!take_time(rest)) return false;
  }
  const std::size_t colon = rest.find(':');
  if (colon == std::string_view::npos || colon == 0) return false;
  header.event = rest.substr(0, colon);
  header.payload = without_blanks(rest.substr(colon + 1));
  return true;
}

std::optional<unsigned> TextTrace::vcpu_of(const Header& header, const EventShape& shape,
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
  return header.vcpu;
}

bool TextTrace::hand_on(const Seen& seen, std::optional<unsigned> vcpu, std::string_view text) {
  ++counts_.seen;
  SeenAt at{counts_.lines, vcpu, std::exchange(lost_, false), text};
  return take_(seen, at);
}

bool TextTrace::trace_line(const Header& header, std::string_view text) {
  const auto which = view_.find(header.event);
  if (!which) {
    ++counts_.foreign;
    return true;
  }
  const EventShape& shape = view_.events()[*which];
  Seen seen;
  seen.event = *which;
  // A nested hypervisor's events are known by their names alone.
  bool matched = shape.lines.empty();
  for (const LinePattern& pattern : shape.lines) {
    if (pattern.match(header.payload, seen)) {
      matched = true;
      break;
    }
    seen.values = {};
  }
  if (!matched) {
    ++counts_.misshapen;
    return true;
  }
  return hand_on(seen, vcpu_of(header, shape, seen), text);
}

// "CPU:3 [LOST 42 EVENTS]" (ftrace), "CPU:3 [42 EVENTS DROPPED]" (trace-cmd).
bool TextTrace::lost_line(std::string_view text) {
  if (!text.starts_with("CPU:")) return false;
  std::size_t at = text.find('[');
  if (at == std::string_view::npos) return false;
  std::string_view what = text.substr(at + 1);
  const bool ftrace = what.starts_with("LOST ");
  if (ftrace) what.remove_prefix(5);
  std::uint32_t number = 0;
  if (!take_digits(what, number)) return false;
  if (!what.starts_with(ftrace ? " EVENTS" : " EVENTS DROPPED")) return false;
  counts_.lost += number;
  lost_ = true;
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
  // ftrace's own heading; "#PF: ..." is a line of the kernel's log.
  if (text.empty() || text == "#" || text.starts_with("# ")) {
    ++counts_.unknown;
    return true;
  }
  Header header;
  if (read_header(text, header)) return trace_line(header, text);
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
