// A verdict for people and for programs.
#ifndef NPTSIM_SIM_TRACE_VERDICT_TEXT_H_
#define NPTSIM_SIM_TRACE_VERDICT_TEXT_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "sim/report/json.h"
#include "sim/trace/text_trace.h"
#include "sim/trace/verdict.h"

namespace nptsim::trace {

// All that is said of one trace.
struct CheckedTrace {
  std::string file;
  std::string title;                   // of a recording; may be empty
  std::string scenario;                // the file, or "a draft"
  std::vector<Verdict> verdicts;       // one for each candidate; none: it did not come to that
  std::string not_modelled;            // then: why
  std::vector<std::string> not_known;  // recorded events that no view has: "name at line 3"
  std::optional<TraceCounts> lines;    // of a text
  std::vector<std::string> missing;    // what the recording itself says that it does not know
  std::string source;
};

const Verdict* best_of(const CheckedTrace& trace);
Agreement agreement_of(const CheckedTrace& trace);

std::string verdict_text(const CheckedTrace& trace);
report::Json verdict_json(const CheckedTrace& trace);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_VERDICT_TEXT_H_
