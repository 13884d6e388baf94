// Changed rules, and whether a scenario noticed.
#ifndef NPTSIM_SIM_REPORT_MUTATION_H_
#define NPTSIM_SIM_REPORT_MUTATION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/report/text.h"

namespace nptsim::report {

enum class MutantEnd : std::uint8_t {
  kNotRun,      // interrupted
  kNoticed,     // a claim does not hold any more, or a run has no answer
  kStopped,     // noticed: an action met what it never has to meet
  kUnnoticed,   // all scenarios come out as before
  kRefused,     // the model's checks refuse it in every version
  kEquivalent,  // it can make no difference
  kUnreached,   // unnoticed, of a row that nobody comes to: docs/coverage.md says why it is there
  kOneOrder,    // unnoticed, where a step begins: the steps of scenarios have one order
};

struct Mutant {
  std::string model;  // "kernel"
  std::string row, kind, text;
  std::string place;  // "models/kernel/kvm/rows/fault.yaml:12:7"
  MutantEnd end = MutantEnd::kNotRun;
  std::string by;        // who noticed, or why it is equivalent
  bool reached = false;  // by some point, before the change
};

struct MutationReport {
  std::vector<Mutant> mutants;  // in the order of models, files and rows
  std::size_t of = 0;           // how many there were before sampling
  std::uint64_t seed = 0;       // of the sample; 0: all were tried
  std::size_t points = 0;       // of scenarios that noticed, or could have
  Diagnostics diagnostics;
  bool interrupted = false;
};

struct MutationSummary {
  std::size_t noticed = 0, unnoticed = 0, refused = 0, equivalent = 0, not_run = 0;
  std::size_t unreached = 0, one_order = 0;
  // Of those that a scenario could notice.
  double percent() const;
};
MutationSummary summarize(const MutationReport& report);

std::string print_mutation(const MutationReport& report, const Style& style);
std::string print_mutation_json(const MutationReport& report);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_MUTATION_H_
