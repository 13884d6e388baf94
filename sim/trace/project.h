// The model's events as somebody who records would have seen them.
#ifndef NPTSIM_SIM_TRACE_PROJECT_H_
#define NPTSIM_SIM_TRACE_PROJECT_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sim/machine/event.h"
#include "sim/trace/view.h"

namespace nptsim::trace {

// A line that the model expects, and who made it so.
struct Expected {
  Seen seen;
  std::uint64_t n = 0;               // of the model's event
  std::string rule;                  // that made the event
  std::string layer;                 // whose rule that is: "cpu", "kernel", ...
  std::vector<std::string> decided;  // the rows of tables since the line before it
  bool own = false;                  // of the vCPU itself, not of somebody beside it
};
using Stream = std::vector<Expected>;

// Hears a run and keeps what the view shows of it, one stream for each vCPU. What the VMM or the
// host did stands in each of them, where it happened.
class Projection final : public machine::EventSink {
 public:
  explicit Projection(const View& view);

  void take(machine::Event event) override;
  bool wants(std::string_view kind) const override;

  // Behind the run: a vCPU that never ran has what the others did.
  void end(std::size_t vcpus);
  const std::vector<Stream>& streams() const { return streams_; }

 private:
  struct Way {
    std::uint32_t event;
    const Origin* origin;
  };
  void begin(std::size_t vcpu);
  Expected expect(const Way& way, const machine::Event& event);
  Value value_of(const Giving& giving, const machine::Event& event);
  void keep(const Expected& expected, std::optional<std::size_t> vcpu);

  const View& view_;
  std::unordered_map<std::string, std::vector<Way>> ways_;  // by kind
  std::vector<Way> at_start_;
  std::deque<std::string> texts_;
  std::map<std::string, std::vector<std::string>> decided_;  // by actor: "kernel pfn.ok"
  Stream common_;                                            // before there was any vCPU
  std::vector<Stream> streams_;
};

// Where the round begins that the last events of a stream repeat; none if they repeat nothing.
std::optional<std::size_t> round_of(const Stream& stream);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_PROJECT_H_
