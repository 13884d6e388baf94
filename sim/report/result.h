// What a verb found out, ready to be printed. Every printer is a pure function of these.
#ifndef NPTSIM_SIM_REPORT_RESULT_H_
#define NPTSIM_SIM_REPORT_RESULT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/machine/outcome.h"

namespace nptsim::report {

enum class Status : std::uint8_t { kPass, kFail, kError };
std::string_view name_of(Status status);

// Why a result is an error; the exit status follows from it.
enum class Trouble : std::uint8_t {
  kNone,
  kBadInput,
  kIncomplete,  // a bound was reached, or no source settles the case
  kInterrupted,
};

// What was picked from the lists of a matrix, in the order of the file.
using PointValues = std::vector<std::pair<std::string, std::string>>;
// "kernel=kvm-6.8 vcpus=2"; on one line, whatever the values. Empty without lists.
std::string describe(const PointValues& point);
// "file: name [picks]", as every list of results names a point.
std::string name_of_point(const std::string& file, const std::string& name,
                          const PointValues& point);

// One point of one scenario.
struct PointResult {
  std::string file;  // as given
  std::string name;
  PointValues point;
  std::string hash;  // of the canonical scenario; empty when it could not be read
  Status status = Status::kPass;
  Trouble trouble = Trouble::kNone;
  std::string why;                        // of an error or a known disagreement, in one sentence
  bool xfail = false;                     // passes because it disagrees as it was said to
  std::vector<std::string> differences;   // "file:12:5: expected ..., but ..."
  std::vector<std::string> golden;        // difference from the golden file, as lines of a diff
  std::optional<machine::RunResult> run;  // none: it did not run. Its events are not kept.
  std::vector<std::string> milestones;    // what a golden file keeps of the events
};

// A matrix point that contradicts itself: listed, not run, neither passed nor failed.
struct InvalidPoint {
  std::string file;
  std::string name;
  PointValues point;
  std::string why;
};

// The rows of one model, and how often they were reached.
struct ModelCoverage {
  std::string model;  // "kernel kvm-7.0"
  struct Row {
    std::string id;
    std::uint64_t times = 0;
  };
  std::vector<Row> rows;  // in the model's order
};

struct Summary {
  std::size_t passed = 0;
  std::size_t failed = 0;
  std::size_t errors = 0;
  std::size_t invalid = 0;
};

struct Report {
  std::string verb;
  std::vector<PointResult> results;  // in the order of files, documents and points
  std::vector<InvalidPoint> invalid;
  Diagnostics diagnostics;            // of everything that could not be read or built
  std::vector<std::string> promoted;  // golden files that were written
  std::optional<std::vector<ModelCoverage>> coverage;
  bool interrupted = false;  // some points did not run
};

Summary summarize(const Report& report);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_RESULT_H_
