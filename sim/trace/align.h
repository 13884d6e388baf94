// A recorded stream beside an expected one.
//
// A recording is a part: it may begin late and end early, and shows only the events that were
// switched on. An excerpt may leave out any event; a trace leaves out none between two that it has,
// unless it says that events were lost. Behind its end the model is not asked any more; a stream
// that spins goes round for ever.
#ifndef NPTSIM_SIM_TRACE_ALIGN_H_
#define NPTSIM_SIM_TRACE_ALIGN_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/trace/project.h"
#include "sim/trace/view.h"

namespace nptsim::trace {

struct AlignRules {
  bool excerpt = true;        // any event may be missing
  bool compare_code = false;  // the scenario claims where its code lies
  // Events, by index in the view, of which none is missing, from the first to the last. Empty: it
  // is not known which were looked for.
  std::vector<bool> watched = {};
};

// An expected line in words, and who made it so.
struct Told {
  std::string text;
  std::string rule;     // that made the event
  std::string decided;  // the last row of a table before it
};

// Where a recording and the model part. In words: what it was read from goes by.
struct Parting {
  std::uint64_t number = 0;  // of the recorded event in its stream, from 1
  std::string seen;
  std::optional<Told> expected;      // what the model has next; none: nothing more
  std::vector<std::string> differs;  // if it is of the same kind: in which fields
  std::vector<Told> accepted;        // what else it would have taken
};

struct AlignCounts {
  std::uint64_t events = 0;  // of the recording
  std::uint64_t agreed = 0;
  std::uint64_t untold = 0;  // of a kind that the model does not tell
  std::uint64_t rounds = 0;  // times round the model's spin
};

class Aligner {
 public:
  // `round`: where the spin's round begins; none: the stream ends.
  Aligner(const View& view, const Stream& expected, std::optional<std::size_t> round,
          AlignRules rules);

  // The next event of the recording. After the first that does not fit nothing is compared.
  void take(const Seen& seen, bool after_loss = false);

  // The recording is at its end, and so was the run: of what was watched nothing may be left.
  void finish();

  const AlignCounts& counts() const { return counts_; }
  const std::optional<Parting>& parting() const { return parting_; }
  // How far the model had come, in events.
  std::size_t reached() const { return positions_.empty() ? 0 : positions_.front(); }
  // The model's events that were agreed on, by index in the stream, each once.
  const std::vector<bool>& met() const { return met_; }

 private:
  bool is_untold(const Seen& seen);
  bool fits(const Expected& expected, const Seen& seen) const;
  bool may_be_missing(const Expected& expected, bool after_loss) const;
  template <class Use>
  void reach(std::size_t from, bool after_loss, Use&& use);
  void part(const Seen& seen, bool after_loss);
  Told tell(const Expected& expected) const;

  const View& view_;
  const Stream& expected_;
  std::optional<std::size_t> round_;
  AlignRules rules_;
  std::vector<std::size_t> positions_;  // where the model may stand: indices of what comes next
  std::vector<std::size_t> next_;
  std::vector<bool> switched_on_;  // by event: the trace has had one
  std::vector<bool> met_;
  std::optional<std::uint32_t> swallow_;
  AlignCounts counts_;
  std::optional<Parting> parting_;
};

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_ALIGN_H_
