// The numbered steps of a story.
#ifndef NPTSIM_SIM_REPORT_STORY_STEPS_H_
#define NPTSIM_SIM_REPORT_STORY_STEPS_H_

#include <string>

#include "sim/report/story.h"

namespace nptsim::report {

// The VMM's start-up, as one section; empty if there was none.
std::string tell_start(const StoryInput& input);

std::string tell_steps(const StoryInput& input);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_STORY_STEPS_H_
