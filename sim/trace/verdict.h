// What came out of laying a recording beside the model.
#ifndef NPTSIM_SIM_TRACE_VERDICT_H_
#define NPTSIM_SIM_TRACE_VERDICT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "sim/machine/outcome.h"
#include "sim/trace/align.h"
#include "sim/trace/project.h"
#include "sim/trace/recording.h"
#include "sim/trace/text_trace.h"
#include "sim/trace/view.h"

namespace nptsim::trace {

enum class Agreement : std::uint8_t { kAgrees, kParts, kNotModelled };
std::string_view name_of(Agreement agreement);

// One recorded vCPU.
struct StreamVerdict {
  unsigned recorded = 0;  // its number in the recording
  unsigned model = 0;     // and in the scenario
  bool named = true;      // the recording says whose events these are
  bool cut = false;       // the scenario's schedule ended the VM before this one ran
  AlignCounts counts;
  std::optional<Parting> parting;
  std::string place;  // of the event where they part: "file:12:3", "line 8"
};

struct Verdict {
  Agreement agreement = Agreement::kAgrees;
  std::string why;                                           // not of kAgrees: one sentence
  std::vector<std::pair<std::string, std::string>> assumed;  // what was picked, of which candidates
  std::vector<StreamVerdict> streams;
  std::string outcome_said, outcome_run;  // the recording's class, the model's outcomes
  bool outcome_differs = false;
  std::vector<std::string> ending_differs;  // registers, memory: a sentence each
  std::uint64_t agreed = 0;
};

// One candidate: a run, and the recording as it goes by.
class Candidate {
 public:
  Candidate(const View& view, AlignRules rules) : view_(view), rules_(rules), projection_(view) {}

  machine::EventSink& listener() { return projection_; }
  // Behind the run. No event comes before that.
  void begin(machine::RunResult run);
  void take(const Seen& seen, std::optional<unsigned> vcpu, bool after_loss,
            const std::string& place);
  // Behind the last event of a recording that is whole; `memory`: what the model changed.
  void finish(const Recording& recording, const std::vector<MemoryChange>& memory);
  Verdict end(const std::string& outcome_class) const;
  // The rules that made the model's events which the recording showed, and those that decided from
  // the first of these to the last: "kernel pfn.ok".
  // `made_only`: without the latter, where the recorded machine comes to its events in another way.
  std::set<std::string> rules_met(bool made_only) const;

 private:
  struct Lane {
    StreamVerdict verdict;
    std::unique_ptr<Aligner> aligner;  // none: cut
  };
  Lane* lane_of(std::optional<unsigned> vcpu, const Seen* seen);
  std::size_t vcpu_for(unsigned recorded, const Seen* seen) const;
  bool never_ran(std::size_t vcpu) const;

  const View& view_;
  AlignRules rules_;
  Projection projection_;
  machine::RunResult run_;
  std::vector<Lane> lanes_;
  std::vector<std::string> ending_differs_;
  std::size_t last_ = 0;       // the lane of the event before
  std::uint64_t no_lane_ = 0;  // events of more vCPUs than the scenario has
};

// The best of several: one that agrees, else the one that came furthest.
std::size_t best_of(const std::vector<Verdict>& verdicts);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_VERDICT_H_
