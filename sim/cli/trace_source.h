// What a person names as a trace: a recording of the project's form, text, or a trace.dat.
#ifndef NPTSIM_SIM_CLI_TRACE_SOURCE_H_
#define NPTSIM_SIM_CLI_TRACE_SOURCE_H_

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/trace/recording.h"
#include "sim/trace/text_trace.h"
#include "sim/trace/view.h"

namespace nptsim::cli {

class TraceSource {
 public:
  static Result<TraceSource, Diagnostics> open(const std::string& path);

  // Null for text and trace.dat.
  const trace::Recording* recording() const { return recording_ ? &*recording_ : nullptr; }
  const std::string& path() const { return path_; }

  // Hands every event on, with its place for a person.
  using Take = std::function<void(const trace::Seen&, std::optional<unsigned> vcpu, bool after_loss,
                                  const std::string& place)>;
  struct Read {
    std::optional<trace::TraceCounts> lines;  // of a text
    std::vector<std::string> not_known;       // of a recording: "name (line 3)"
  };
  Result<Read, Diagnostics> read(const trace::View& view, const Take& take) const;

 private:
  std::string path_;
  std::optional<trace::Recording> recording_;
};

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_TRACE_SOURCE_H_
