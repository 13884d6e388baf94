#include "sim/cli/console.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace nptsim::cli {
namespace {

report::Style style_of(int descriptor) {
  report::Style style;
  const char* never = std::getenv("NO_COLOR");
  const char* terminal = std::getenv("TERM");
  const bool dumb = terminal != nullptr && std::string_view(terminal) == "dumb";
  style.colour = (never == nullptr || *never == '\0') && !dumb && isatty(descriptor) == 1;
  return style;
}

}  // namespace

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print_error(std::string_view text) {
  std::fflush(stdout);  // both may go to the same terminal
  std::fwrite(text.data(), 1, text.size(), stderr);
}

report::Style style_of_output() { return style_of(STDOUT_FILENO); }
report::Style style_of_error() { return style_of(STDERR_FILENO); }

// A short list is done before anybody could read it.
Progress::Progress(std::size_t total)
    : total_(total), shown_(total > 20 && isatty(STDERR_FILENO) == 1) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

void Progress::done(std::size_t count) {
  if (shown_) std::fprintf(stderr, "\r%zu of %zu", count, total_);
}

}  // namespace nptsim::cli
