// What nptsim's exit status says. People script against these numbers (docs/formats.md).
#ifndef NPTSIM_SIM_CLI_EXIT_STATUS_H_
#define NPTSIM_SIM_CLI_EXIT_STATUS_H_

#include "sim/base/bug.h"

namespace nptsim::cli {

enum class ExitStatus : int {
  kAsExpected = 0,
  kDifferent = 1,   // something differs from what was expected
  kBadInput = 2,    // bad input or usage
  kIncomplete = 3,  // a bound was reached, or a case that no source settles
  kBug = kExitStatusBug,
  kInterrupted = 130,
};

// Of several the first of 70, 130, 2, 1, 3 wins.
constexpr int rank(ExitStatus status) {
  switch (status) {
    case ExitStatus::kBug:
      return 5;
    case ExitStatus::kInterrupted:
      return 4;
    case ExitStatus::kBadInput:
      return 3;
    case ExitStatus::kDifferent:
      return 2;
    case ExitStatus::kIncomplete:
      return 1;
    case ExitStatus::kAsExpected:
      return 0;
  }
  return 5;
}

constexpr ExitStatus worse(ExitStatus a, ExitStatus b) { return rank(a) >= rank(b) ? a : b; }

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_EXIT_STATUS_H_
