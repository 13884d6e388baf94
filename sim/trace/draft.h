// A first scenario from a recording, for a person to finish or for `check` to try: what was
// touched, and as what; candidates (lists of `set:`) for what the recording does not say.
#ifndef NPTSIM_SIM_TRACE_DRAFT_H_
#define NPTSIM_SIM_TRACE_DRAFT_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/trace/draft_host.h"
#include "sim/trace/recording.h"
#include "sim/trace/text_trace.h"
#include "sim/trace/view.h"

namespace nptsim::trace {

// A page that the guest touched first here.
struct Touch {
  std::uint64_t gpa = 0;
  std::uint64_t error = 0;  // of the #NPF
  unsigned vcpu = 0;
  bool memory_fault = false;  // it left as KVM_EXIT_MEMORY_FAULT
  std::string then;           // what the kernel did, in the words of start.answers; empty: not seen
};

// What a draft is made of.
struct Story {
  std::string title, source, about;
  std::string vm_type;  // empty: guessed from the touches
  Platform platform;
  std::vector<Touch> touches;                  // in order
  std::optional<std::uint64_t> ghcb_requests;  // VMGEXITs seen: none is no SEV-ES guest's trace
  std::string outcome_class;
  // Read-only slots that user space asked for: where, and how large.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> read_only;
  std::uint64_t events = 0;
  HostStory host;         // what is no guest's access
  bool any_page = false;  // the access is said, and not where
};

// Listens to any source of events and remembers what a draft needs, in bounded memory.
class StoryTeller {
 public:
  explicit StoryTeller(const View& view);
  void take(const Seen& seen, std::optional<unsigned> vcpu);
  void take(const Recording& recording);
  const Story& story() const { return story_; }
  const std::string& not_modelled() const { return not_modelled_; }

 private:
  std::optional<unsigned> vcpu_for(std::optional<unsigned> recorded);
  void touch(std::uint64_t gpa, std::uint64_t error, unsigned vcpu);
  void answer(const Seen& seen, const EventShape& shape);

  const View& view_;
  Story story_;
  std::string not_modelled_;
  std::map<unsigned, unsigned> vcpus_;  // by recorded stream
  unsigned last_ = 0;                   // whose the event before was
};

// A draft, as the text of a scenario file; or why there can be none: nobody models it, or the
// recording says too little.
struct Drafted {
  std::string text;
  std::string why_not;
};
Drafted draft(const StoryTeller& teller, const std::vector<std::string>& kernels);

// The newest of `kernels` (older ones first) that is not newer than the kernel a recording names
// ("6.11.4", "5.13-era"); none if it names none.
std::optional<std::string> kernel_named(const std::string& text,
                                        const std::vector<std::string>& kernels);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_DRAFT_H_
