#include "sim/trace/dat_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
// trace-cmd.h includes tracefs.h, which is no C++ (an int for an enum) and not needed here.
#define _TRACE_FS_H
#include <trace-cmd/trace-cmd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>

// AddressSanitizer takes far more address space than any limit leaves: GCC tells of it by a macro,
// Clang by a feature.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define NPTSIM_NO_MEMORY_LIMIT
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define NPTSIM_NO_MEMORY_LIMIT
#endif

namespace nptsim::trace {
namespace {

constexpr char kMagic[] = "\x17\x08\x44tracing";
constexpr std::size_t kMagicSize = sizeof kMagic - 1;

// --- in the other process ---

struct Printer {
  const View* view;
  tep_handle* tep;
  std::FILE* out;
};

void fill(const EventShape& shape, tep_event* event, tep_record* record, Seen& seen) {
  for (std::size_t i = 0; i < shape.fields.size(); ++i) {
    const auto name = shape.record_names.find(static_cast<std::uint8_t>(i));
    tep_format_field* field = tep_find_any_field(
        event, (name == shape.record_names.end() ? shape.fields[i] : name->second).c_str());
    if (field == nullptr) continue;
    if ((field->flags & TEP_FIELD_IS_STRING) != 0) continue;
    unsigned long long number = 0;
    if (tep_read_number_field(field, record->data, &number) != 0) continue;
    seen.values[i] = Value::of(std::uint64_t{number});
    const auto words = shape.record_words.find(static_cast<std::uint8_t>(i));
    if (words == shape.record_words.end()) continue;
    const auto word = words->second.find(number);
    if (word != words->second.end()) seen.values[i] = Value::of(std::string_view(word->second));
  }
}

// The version's own says less where the record is of a newer kernel.
const LinePattern& longest_line(const EventShape& shape) {
  return *std::max_element(shape.lines.begin(), shape.lines.end(),
                           [](const LinePattern& a, const LinePattern& b) {
                             return a.fields().size() < b.fields().size();
                           });
}

int print_record(tracecmd_input*, tep_record* record, int cpu, void* data) {
  auto& printer = *static_cast<Printer*>(data);
  if (record->missed_events > 0) {
    std::fprintf(printer.out, "CPU:%d [LOST %lld EVENTS]\n", cpu, record->missed_events);
  } else if (record->missed_events < 0) {
    std::fprintf(printer.out, "CPU:%d [LOST EVENTS]\n", cpu);
  }
  tep_event* event = tep_find_event_by_record(printer.tep, record);
  if (event == nullptr || event->name == nullptr) return 0;
  const int pid = tep_data_pid(printer.tep, record);
  const auto which = printer.view->find(event->name);
  std::string payload;
  if (which) {
    const EventShape& shape = printer.view->events()[*which];
    Seen seen;
    seen.event = *which;
    fill(shape, event, record, seen);
    if (!shape.lines.empty()) payload = longest_line(shape).print(seen);
  }
  const char* comm = tep_data_comm_from_pid(printer.tep, pid);
  std::string name = comm == nullptr ? "" : comm;
  for (char& c : name) {
    if (static_cast<unsigned char>(c) < 0x20 || c == '[') c = '?';
  }
  std::fprintf(printer.out, "%s-%d [%03d] %llu.%09llu: %s: %s\n", name.c_str(), pid < 0 ? 0 : pid,
               cpu, record->ts / 1000000000, record->ts % 1000000000, event->name, payload.c_str());
  return std::ferror(printer.out);
}

[[noreturn]] void print_file(const std::string& path, const View& view, int pipe) {
  // A file that asks for more is no trace; the parent is not to suffer for it.
#ifndef NPTSIM_NO_MEMORY_LIMIT
  const rlimit memory = {rlim_t{4} << 30, rlim_t{4} << 30};
  setrlimit(RLIMIT_AS, &memory);
#endif
  const rlimit core = {0, 0};
  setrlimit(RLIMIT_CORE, &core);
  const int nowhere = open("/dev/null", O_RDWR);
  if (nowhere >= 0) {
    dup2(nowhere, STDERR_FILENO);
    dup2(nowhere, STDOUT_FILENO);
  }
  Printer printer{&view, nullptr, fdopen(pipe, "w")};
  if (printer.out == nullptr) _exit(2);
  tracecmd_input* input =
      tracecmd_open(path.c_str(), TRACECMD_FL_LOAD_NO_PLUGINS | TRACECMD_FL_LOAD_NO_SYSTEM_PLUGINS);
  if (input == nullptr) _exit(2);
  printer.tep = tracecmd_get_tep(input);
  const int status = tracecmd_iterate_events(input, nullptr, 0, print_record, &printer);
  std::fflush(printer.out);
  _exit(status == 0 ? 0 : 3);
}

// --- in this one ---

std::string trouble_of(const std::string& path, int status) {
  if (WIFSIGNALED(status)) {
    return fmt::format("{}: the reader of trace.dat was ended by signal {}; the file is damaged",
                       path, WTERMSIG(status));
  }
  return path + ": this is no trace.dat that can be read";
}

}  // namespace

bool is_trace_dat(const std::string& path) {
  std::array<char, kMagicSize> bytes{};
  std::ifstream file(path, std::ios::binary);
  file.read(bytes.data(), bytes.size());
  return file.gcount() == static_cast<std::streamsize>(kMagicSize) &&
         std::memcmp(bytes.data(), kMagic, kMagicSize) == 0;
}

Result<TraceCounts, std::string> read_trace_dat(const std::string& path, const View& view,
                                                const Take& take) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return std::string("no pipe: ") + std::strerror(errno);
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) return std::string("no process: ") + std::strerror(errno);
  if (child == 0) {
    close(ends[0]);
    print_file(path, view, ends[1]);
  }
  close(ends[1]);
  TextTrace trace(view, take);
  std::array<char, 65536> buffer;
  bool wanted = true;
  for (;;) {
    const ssize_t count = read(ends[0], buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    wanted = trace.feed({buffer.data(), static_cast<std::size_t>(count)});
    if (!wanted) break;
  }
  close(ends[0]);  // a child that still prints ends by that
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (wanted && status != 0) return trouble_of(path, status);
  trace.finish();
  return trace.counts();
}

}  // namespace nptsim::trace
