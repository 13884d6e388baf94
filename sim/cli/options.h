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

enum class Verb : std::uint8_t {
  kNone,
  kRun,
  kExplain,
  kDiff,
  kSweep,
  kMerge,
  kMutate,
  kModels,
  kLint,
  kSchema,
  kCheck,
  kImport,
  kRecord,
  kEvidence
};
enum class Format : std::uint8_t { kHuman, kJson, kTap, kJunit, kHtml, kMail, kCsv, kSvg };

struct Options {
  Verb verb = Verb::kNone;
  Format format = Format::kHuman;

  std::vector<std::string> paths;        // run, lint, diff, mutate; explain, sweep: one
  unsigned jobs = 0;                     // run: 0 is one for each processor
  std::uint64_t max_steps = 20'000'000;  // run, explain
  bool promote = false;                  // run
  bool coverage = false;                 // run

  std::string from;             // diff: "kvm-6.8+readonly-no-mmio"; empty: what --to is based on
  std::vector<std::string> to;  // diff

  std::vector<std::string> set;  // sweep: more axes, "cpu.c_bit=45..51"
  std::string columns;           // sweep, merge: the axis to the right
  std::string shard;             // sweep: "2/4"

  bool models = false;      // lint: the models themselves
  bool tell_apart = false;  // lint: versions that no scenario tells apart

  std::vector<std::string> only;   // mutate: what the ids of rows begin with, or models
  std::vector<std::string> in;     // mutate: of which models
  std::vector<std::string> kinds;  // mutate: kinds of changes
  std::uint64_t sample = 0;        // mutate: so many; 0: all
  std::uint64_t seed = 1;          // mutate: which of them

  std::optional<std::uint64_t> point;  // explain, record; sweep: the document
  bool events = false;                 // explain
  bool all = false;                    // explain

  std::string date;             // record: when; empty: not said
  unsigned milliseconds = 250;  // record: of a vCPU

  std::string name;                                // models; empty: list them; record: the id
  std::string peer;                                // models: the other side of a kernel or VMM
  bool page = false;                               // evidence
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
