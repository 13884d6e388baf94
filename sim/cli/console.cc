#include "sim/cli/console.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace nptsim::cli {
namespace {

bool is_dumb() {
  const char* terminal = std::getenv("TERM");
  return terminal != nullptr && std::string_view(terminal) == "dumb";
}

report::Style style_of(int descriptor) {
  report::Style style;
  const char* never = std::getenv("NO_COLOR");
  style.colour = (never == nullptr || *never == '\0') && !is_dumb() && isatty(descriptor) == 1;
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

// A short list is done before anybody could read it; a terminal that cannot clear a line would keep
// every step.
Progress::Progress(std::size_t total)
    : total_(total), shown_(total > 20 && isatty(STDERR_FILENO) == 1 && !is_dumb()) {}

Progress::~Progress() {
  if (shown_) std::fputs("\r\033[K", stderr);
}

// Not more often than anybody can see: a sweep has a million points.
void Progress::done(std::size_t count) {
  constexpr std::size_t kParts = 200;
  const std::size_t part = 1 + count * kParts / std::max<std::size_t>(total_, 1);
  if (!shown_ || part == part_) return;
  part_ = part;
  std::fprintf(stderr, "\r%zu of %zu\033[K", count, total_);
}

}  // namespace nptsim::cli
