// One run told step by step, for somebody who has ten minutes.
#ifndef NPTSIM_SIM_REPORT_STORY_H_
#define NPTSIM_SIM_REPORT_STORY_H_

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "sim/machine/event.h"
#include "sim/machine/outcome.h"
#include "sim/report/event_text.h"
#include "sim/report/result.h"

namespace nptsim::report {

// A value of the effective configuration, and where it comes from.
struct ConfigRow {
  std::string name;
  std::string value;
  std::string origin;  // "default of kvm-7.0", "file:12:5"
};
struct ConfigSection {
  std::string title;
  std::vector<ConfigRow> rows;
};

// What stands at an address of a vCPU's program.
using ProgramLines = std::map<std::uint64_t, std::string>;

struct StoryInput {
  const PointResult* result = nullptr;  // with its run
  std::string about;
  std::vector<std::string> sources;
  std::vector<std::string> notes;  // above the story: which of several points this is
  std::vector<ConfigSection> configuration;
  std::map<std::string, ProgramLines> programs;       // by actor
  std::map<machine::Layer, std::string> layer_names;  // "kvm-7.0" for the kernel
  std::span<const machine::Event> start;              // the VMM's start-up
  std::span<const machine::Event> events;             // of the run
  std::uint64_t events_left_out = 0;                  // happened after these, not kept
  bool all = false;                                   // nothing condensed
  TellingStyle telling;
};

std::string tell_story(const StoryInput& input);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_STORY_H_
