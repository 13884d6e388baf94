// Compares what happened with what a scenario claims.
#ifndef NPTSIM_SIM_SCENARIO_JUDGE_H_
#define NPTSIM_SIM_SCENARIO_JUDGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/machine/outcome.h"
#include "sim/scenario/expect.h"
#include "sim/scenario/scenario.h"

namespace nptsim::scenario {

struct Difference {
  SourcePos pos;           // of the claim; line 0 when nothing was claimed
  std::string sentence;    // what was expected and what happened
  // Nobody is wrong: a bound was reached, or no source settles the case.
  bool incomplete = false;

  bool operator==(const Difference&) const = default;
};

// Everything that differs. An outcome `unspecified` that is expected passes; `undecided` never
// does; a harm flag that is not named is a difference. Claims on events need `result.events`.
std::vector<Difference> judge(const Expectation& expectation, const machine::RunResult& result);

enum class Status : std::uint8_t { kPass, kFail, kIncomplete };

struct Verdict {
  Status status = Status::kPass;
  std::vector<Difference> differences;
  std::string why;         // kIncomplete, or an xfail: in one sentence; else empty
};

// The verdict on one point, `when:` and `xfail:` considered: a known disagreement passes, and
// passing unexpectedly is a failure.
Verdict judge_point(const Scenario& point, const machine::RunResult& result);

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_JUDGE_H_
