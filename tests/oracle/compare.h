// A recording against the model: what may be compared, and how recorders are known to deviate.
#ifndef NPTSIM_TESTS_ORACLE_COMPARE_H_
#define NPTSIM_TESTS_ORACLE_COMPARE_H_

#include <map>
#include <string>
#include <vector>

#include "tests/oracle/machine.h"
#include "tests/oracle/row.h"

namespace nptsim::oracle {

// A way in which a recorder is known to differ from the architecture. It is applied to the recorded
// row, by the row's own columns alone; what the model answered plays no part.
struct Deviation {
  std::string_view name;
  std::string_view meaning;
  bool (*applies)(Recorder recorder, const Row& row);
  // Sets the recorded values right; null: the row is not compared at all.
  void (*correct)(Row& row);
};
const std::vector<Deviation>& deviations();

struct Verdict {
  std::string deviations;  // names joined by "+", or "agree"
  bool compared = true;
  std::vector<std::string> differences;  // "info1: recorded 0x..., model 0x..."
};
Verdict compare(Recorder recorder, const Row& row, const Observed& observed);

// All rows of a file.
struct Tally {
  struct Count {
    unsigned rows = 0, matches = 0, not_compared = 0;
  };
  Count all;
  std::map<std::string, Count> by_deviation;
  std::vector<std::string> first_differences;  // at most kFirst for each class

  static constexpr unsigned kFirst = 5;
  bool good() const { return all.matches + all.not_compared == all.rows; }
};
Tally replay(const File& file);
std::string report(const File& file, const Tally& tally);

}  // namespace nptsim::oracle

#endif  // NPTSIM_TESTS_ORACLE_COMPARE_H_
