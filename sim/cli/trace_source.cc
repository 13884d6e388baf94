#include "sim/cli/trace_source.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <utility>

#include "sim/cli/interrupt.h"
#include "sim/trace/dat_file.h"
#include "sim/yaml/node.h"

namespace nptsim::cli {
namespace {

bool ends_with_yaml(const std::string& path) {
  return path.ends_with(".yaml") || path.ends_with(".yml");
}

Diagnostics one(const std::string& path, const std::string& sentence) {
  return {{{path, 0, 0}, sentence, "", ""}};
}

// "trace.txt: 120 of 1024 MiB" while a large file is read; only on a terminal.
class MegabyteProgress {
 public:
  explicit MegabyteProgress(const std::string& path)
      : name_(path == "-" ? "standard input" : std::filesystem::path(path).filename().string()),
        shown_(isatty(STDERR_FILENO) == 1) {}
  ~MegabyteProgress() {
    if (last_ > 0) std::fputs("\r\033[K", stderr);
  }
  // `all` is 0 of what has no size.
  void at(std::uint64_t done, std::uint64_t all) {
    constexpr std::uint64_t kStep = std::uint64_t{16} << 20;
    if (!shown_ || done / kStep == last_) return;
    last_ = done / kStep;
    const std::string of = all == 0 ? "" : fmt::format(" of {}", all >> 20);
    std::fputs(fmt::format("\r{}: {}{} MiB\033[K", yaml::printable(name_), done >> 20, of).c_str(),
               stderr);
  }

 private:
  std::string name_;
  bool shown_;
  std::uint64_t last_ = 0;
};

TraceSource::Read read_recording(const trace::Recording& recording, const trace::View& view,
                                 const TraceSource::Take& take) {
  TraceSource::Read read;
  for (const trace::RecordedEvent& event : recording.events) {
    const auto seen = trace::see(event, view);
    if (!seen) {
      read.not_known.push_back(
          fmt::format("{} (line {})", yaml::printable(event.name), event.pos.line));
      continue;
    }
    const std::string place = to_string(event.pos);
    if (event.vcpus.empty()) take(*seen, std::nullopt, false, place);
    for (const unsigned vcpu : event.vcpus) take(*seen, vcpu, false, place);
  }
  return read;
}

}  // namespace

Result<TraceSource, Diagnostics> TraceSource::open(const std::string& path) {
  TraceSource source;
  source.path_ = path;
  if (!ends_with_yaml(path)) return source;
  auto recording = trace::load_recording(path);
  if (!recording.ok()) return recording.error();
  source.recording_ = std::move(recording).value();
  return source;
}

Result<TraceSource::Read, Diagnostics> TraceSource::read(const trace::View& view,
                                                         const Take& take) const {
  if (recording_) return read_recording(*recording_, view, take);
  const trace::Take by_line = [&](const trace::Seen& seen, const trace::SeenAt& at) {
    take(seen, at.vcpu, at.after_loss, fmt::format("{}:{}", path_, at.line));
    return !interrupted();
  };
  MegabyteProgress progress(path_);
  const auto counts = trace::is_trace_dat(path_)
                          ? trace::read_trace_dat(path_, view, by_line)
                          : trace::read_text_trace(path_, view, by_line,
                                                   [&](std::uint64_t done, std::uint64_t all) {
                                                     progress.at(done, all);
                                                   });
  if (!counts.ok()) return one(path_, counts.error());
  Read read;
  read.lines = counts.value();
  return read;
}

}  // namespace nptsim::cli
