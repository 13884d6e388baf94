// The command line as values.
#ifndef NPTSIM_SIM_CLI_OPTIONS_H_
#define NPTSIM_SIM_CLI_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/cli/exit_status.h"

namespace nptsim::cli {

inline constexpr char kVersion[] = "0.1";

enum class Verb : std::uint8_t { kNone, kRun, kExplain, kModels, kLint, kSchema };
enum class Format : std::uint8_t { kHuman, kJson, kTap, kJunit };

struct Options {
  Verb verb = Verb::kNone;
  Format format = Format::kHuman;

  std::vector<std::string> paths;        // run, lint; explain: one
  unsigned jobs = 0;                     // run: 0 is one for each processor
  std::uint64_t max_steps = 20'000'000;  // run, explain
  bool promote = false;                  // run
  bool coverage = false;                 // run

  std::optional<std::uint64_t> point;  // explain
  bool events = false;                 // explain
  bool all = false;                    // explain

  std::string name;                                // models; empty: list them
  std::string peer;                                // models: the other side of a kernel or VMM
  bool facts = false, rows = false, draw = false;  // models
};

// What to do, or what to print instead and the status to end with.
struct Parsed {
  std::optional<Options> options;
  std::string out;    // for standard output
  std::string error;  // for standard error
  ExitStatus status = ExitStatus::kAsExpected;
};

Parsed parse_options(const std::vector<std::string>& arguments);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_OPTIONS_H_
