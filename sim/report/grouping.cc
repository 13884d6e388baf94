#include "sim/report/grouping.h"

#include <algorithm>
#include <cstddef>

#include "sim/report/event_fields.h"
#include "sim/report/text.h"

namespace nptsim::report {

using machine::Event;
using machine::Layer;

namespace {

bool is_guest_side(const Event& event) {
  return event.layer == Layer::kGuest || event.layer == Layer::kCpu;
}

std::vector<EventSection> sections_of(std::span<const Event> events) {
  std::vector<EventSection> sections;
  for (std::size_t i = 0; i < events.size(); ++i) {
    const bool begins = i == 0 || !events[i].cause || events[i].by != events[i - 1].by;
    if (begins) {
      sections.push_back({i, i, is_guest_side(events[i])});
    }
    sections.back().end = i + 1;
  }
  return sections;
}

bool exits(std::span<const Event> events, const EventSection& section) {
  return std::any_of(
      events.begin() + static_cast<std::ptrdiff_t>(section.begin),
      events.begin() + static_cast<std::ptrdiff_t>(section.end),
      [](const Event& event) { return event.kind == "npf" || event.kind == "exit"; });
}

}  // namespace

std::vector<StoryStep> group_events(std::span<const Event> events) {
  std::vector<StoryStep> steps;
  bool host_spoke = false;
  for (const EventSection& section : sections_of(events)) {
    const Event& first = events[section.begin];
    const bool goes_on = !steps.empty() && steps.back().by == first.by && !exits(events, section) &&
                         !(section.in_guest && host_spoke);
    if (!goes_on) {
      steps.push_back({first.by, {}});
      host_spoke = false;
    }
    host_spoke |= !is_guest_side(events[section.end - 1]);
    steps.back().sections.push_back(section);
  }
  return steps;
}

std::string signature_of(std::span<const Event> events, const EventSection& section) {
  std::string signature;
  for (const Event& event : events.subspan(section.begin, section.end - section.begin)) {
    signature += event.by + "\n" + std::string(machine::name_of(event.layer)) + "\n" + event.kind +
                 "\n" + event.rule + "\n";
    if (event.kind == "walk") {
      signature += text_field(event.fields, "access") + text_field(event.fields, "failure") + "\n";
      // A loop comes back to the same instructions, whatever addresses it goes through.
      if (text_field(event.fields, "access") == "fetch") {
        signature += hex(number_field(event.fields, "gva").value_or(0));
      }
    } else if (event.kind == "decide") {
      signature += text_field(event.fields, "then");
    } else if (event.kind == "npf") {
      signature += join(words_field(event.fields, "error"), " ");
    } else if (event.kind == "text") {
      signature += text_field(event.fields, "text");
    }
    signature += "\n";
  }
  return signature;
}

std::string signature_of(std::span<const Event> events, const StoryStep& step) {
  std::string signature;
  for (const EventSection& section : step.sections) signature += signature_of(events, section);
  return signature;
}

}  // namespace nptsim::report
