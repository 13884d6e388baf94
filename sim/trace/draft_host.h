// Drafts of what is no guest's access to a page: the host's stores and RMP instructions, a device
// behind the IOMMU, a guest that asks for its end.
#ifndef NPTSIM_SIM_TRACE_DRAFT_HOST_H_
#define NPTSIM_SIM_TRACE_DRAFT_HOST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/trace/recording.h"
#include "sim/trace/view.h"

namespace nptsim::trace {

// What a recording or a log tells of these. Of each kind the first one is kept.
class HostStory {
 public:
  void take(const Recording& recording);
  void take(const Seen& seen, const EventShape& shape);

  // The rest of a scenario behind its `machine:`, one for each way in which it may have been.
  std::vector<std::string> bodies() const;

 private:
  struct Entry {  // of the RMP, for the page that it is about
    bool assigned = true, immutable = false, vmsa = false, validated = false, large = false;
    std::uint64_t gpa = 0, asid = 0;
  };
  struct Update {
    bool large = false;
    bool to_guest = true;
  };
  struct Device {
    std::uint64_t gpa = 0;
    bool write = true;
  };
  struct Termination {
    std::uint64_t set = 0, code = 0;
  };

  void host_write(std::vector<std::string>& out) const;
  void rmpupdate(std::vector<std::string>& out) const;
  void device(std::vector<std::string>& out) const;
  void termination(std::vector<std::string>& out) const;
  void unregistered(std::vector<std::string>& out) const;

  Entry entry_;
  bool update_to_guest_ = true;
  std::optional<std::uint64_t> fault_;  // error code of the host's #PF
  std::optional<Update> update_;
  std::optional<Device> device_;
  std::optional<Termination> termination_;
  std::optional<std::uint64_t> ghcb_;  // of a VMGEXIT of which nothing else is known
};

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_DRAFT_HOST_H_
