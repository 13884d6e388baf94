// Standard output and standard error.
#ifndef NPTSIM_SIM_CLI_CONSOLE_H_
#define NPTSIM_SIM_CLI_CONSOLE_H_

#include <cstddef>
#include <string_view>

#include "sim/report/text.h"

namespace nptsim::cli {

void print(std::string_view text);
void print_error(std::string_view text);

// Colour only on a terminal, and not with NO_COLOR (https://no-color.org).
report::Style style_of_output();
report::Style style_of_error();

// "12 of 40" on standard error while something long runs; only on a terminal.
class Progress {
 public:
  explicit Progress(std::size_t total);
  ~Progress();
  void done(std::size_t count);

 private:
  std::size_t total_;
  std::size_t part_ = 0;  // of kParts, that was shown last
  bool shown_;
};

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_CONSOLE_H_
