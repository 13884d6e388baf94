// What somebody who records would see of a machine: which events there are, what their lines look
// like in one version of a kernel, which fields it cuts, and which of the model's events each is.
//
// The data is beside the models (models/*/*/trace-format.yaml) and, for the events of the
// recording's own form, in traces/trace-format.yaml.
#ifndef NPTSIM_SIM_TRACE_VIEW_H_
#define NPTSIM_SIM_TRACE_VIEW_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "sim/trace/line_pattern.h"
#include "sim/trace/seen.h"

namespace nptsim::trace {

// How a field of a line follows from an event of the model.
struct Giving {
  std::uint8_t field = 0;  // of the line
  std::string from;        // of the model's event; empty: always `constant`
  std::string constant;
  std::map<std::string, std::string> words;  // what a value of the model's is in the line
};

// Which events of the model are this line.
struct Origin {
  std::string kind;  // "npf", "do", ...
  // Fields that must have these values; "*" is any.
  std::vector<std::pair<std::string, std::string>> where;
  std::vector<Giving> gives;
  bool at_start = false;  // once for each vCPU before anything happens, instead of by an event
};

struct EventShape {
  std::string name;
  std::string system;  // "kvm", "kvmmmu", "log", ...
  std::string source;
  std::vector<std::string> fields;
  std::vector<LinePattern> lines;    // all that are tried, the version's own first
  std::vector<std::uint64_t> masks;  // by field: the bits that the version prints
  std::vector<std::vector<std::uint64_t>> line_masks;  // the same of each line
  std::vector<std::uint64_t> narrowest;  // that all versions print, if it may be any of them
  std::vector<bool> hex;                 // by field: printed without 0x
  std::map<std::string, std::uint8_t, std::less<>> called;  // by what lines and records call them
  std::vector<std::uint8_t> code;  // fields that are addresses of the guest's code
  std::vector<Origin> origins;     // none: the model does not tell such events
  std::vector<std::pair<std::uint8_t, std::string>> untold;  // lines with this value: the same
  std::string followed_by;  // what comes with an untold one, and is as untold
  bool nested = false;      // only a nested hypervisor causes it
  bool log = false;         // a line of a log: its shape may stand anywhere
  // In binary traces: what the kernel calls a field, and which numbers are which words.
  std::map<std::uint8_t, std::string> record_names;
  std::map<std::uint8_t, std::map<std::uint64_t, std::string>> record_words;
  std::map<std::uint8_t, std::map<std::string, std::string>> other_words;  // what others call them
  std::optional<std::uint8_t> vcpu;  // the field that names the vCPU

  std::optional<std::uint8_t> field(std::string_view field_name) const;
  bool is_text(std::uint8_t field) const;
  // The bits of a field that can be compared with what was seen.
  std::uint64_t mask(std::size_t field, const Seen& seen) const;
  // A value in the words of the view: "0x400", "NPF" and "EXIT_NPF" are "npf".
  void use_own_words(Seen& seen) const;
};

class View {
 public:
  View() = default;
  View(View&&) = default;  // the index points into the events, which stay where they are
  View& operator=(View&&) = default;

  const std::vector<EventShape>& events() const { return events_; }
  std::vector<EventShape>& events() { return events_; }
  std::optional<std::uint32_t> find(std::string_view name) const;
  // After events were added.
  void index();

  // "kvm_page_fault gpa 0x1000, error_code 0x4": the fields that are there.
  std::string describe(const Seen& seen) const;

 private:
  std::vector<EventShape> events_;
  std::unordered_map<std::string_view, std::uint32_t> by_name_;
};

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_VIEW_H_
