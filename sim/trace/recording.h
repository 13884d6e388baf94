// A recording in the project's own form: one YAML document, facts with their provenance
// (traces/README.md defines it).
#ifndef NPTSIM_SIM_TRACE_RECORDING_H_
#define NPTSIM_SIM_TRACE_RECORDING_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
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
  std::string not_modelled;  // why no scenario can run it; empty: one can
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
