// A bug of ours stops at once, with its place; it is never reported as a fault of the simulated
// machine or as bad input.
#ifndef NPTSIM_SIM_BASE_BUG_H_
#define NPTSIM_SIM_BASE_BUG_H_

#include <string_view>

namespace nptsim {

inline constexpr int kExitStatusBug = 70;

// Prints file, line and text to standard error and ends the process with kExitStatusBug.
[[noreturn]] void stop_on_bug(const char* file, int line, std::string_view text);

}  // namespace nptsim

#define NPTSIM_BUG(text) ::nptsim::stop_on_bug(__FILE__, __LINE__, (text))
#define NPTSIM_CHECK(condition)                                            \
  do {                                                                     \
    if (!(condition)) [[unlikely]]                                         \
      ::nptsim::stop_on_bug(__FILE__, __LINE__, "check failed: " #condition); \
  } while (false)

#endif  // NPTSIM_SIM_BASE_BUG_H_
