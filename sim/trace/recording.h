// A recording in the project's own form: one YAML document, facts with their provenance
// (traces/README.md defines it).
#ifndef NPTSIM_SIM_TRACE_RECORDING_H_
#define NPTSIM_SIM_TRACE_RECORDING_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/trace/ending.h"
#include "sim/trace/view.h"
#include "sim/yaml/node.h"

namespace nptsim::trace {

// An entry of `events:`, as it is written.
struct RecordedEvent {
  std::string name;
  std::vector<unsigned> vcpus;  // empty: not said
  std::uint64_t repeat = 1;
  std::vector<std::pair<std::string, std::string>> fields;
  std::string note;
  SourcePos pos;
};

struct Platform {
  std::optional<std::string> cpu, kernel, qemu, guest_kernel, firmware;
  std::optional<std::uint64_t> maxphyaddr, cbit, reduction;
};

// `initial.access`: what the guest (or host) did.
struct FirstAccess {
  std::string kind;  // "read", "write", "fetch", "write to ..."
  std::optional<std::uint64_t> gpa;
  std::optional<bool> cbit;
  std::optional<unsigned> cpl;
};

// `scenario:`: what was run, by whoever runs scenarios for real.
struct RecordedScenario {
  std::string file;  // below the project's folder
  std::string hash;  // of the point (sim/scenario/canonical.h)
  std::vector<std::pair<std::string, std::string>> point;  // what was picked from its matrix
  SourcePos pos;
};

// `kvm:`: what is known of the KVM that was recorded.
struct RecordedKvm {
  std::string paging;  // nested, shadow, none
  std::map<std::string, std::uint64_t> capabilities;
};

struct Recording {
  std::string id, title, kind, confidence;
  std::string source;  // "kernel mailing list, 2020-07-08, https://..."
  Platform platform;
  std::string vm_type;
  std::optional<FirstAccess> access;
  yaml::Node initial;
  std::vector<RecordedEvent> events;
  std::string outcome_class, outcome_detail, predict;
  std::vector<std::string> missing;
  std::optional<RecordedScenario> scenario;
  std::optional<RecordedKvm> kvm;
  // Kinds of events that are all in it: what it has not of these did not happen. Empty: an excerpt.
  std::vector<std::string> watched;
  std::vector<RecordedEnding> endings;
  std::optional<std::vector<MemoryChange>> memory;  // none: not recorded
  std::string not_modelled;                         // why no scenario can run it; empty: one can
  SourcePos pos;
};

// One document is one recording.
Result<Recording, Diagnostics> load_recording(const std::string& path);
Result<Recording, Diagnostics> read_recording(std::string_view text, const std::string& file_name);

// An entry through a view: one for each vCPU that it names. Its text lives as long as the
// recording. None when the view knows no such event.
std::optional<Seen> see(const RecordedEvent& event, const View& view);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_RECORDING_H_
