#include "sim/report/story_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "sim/report/event_fields.h"
#include "sim/report/folding.h"
#include "sim/report/grouping.h"
#include "sim/report/text.h"

namespace nptsim::report {

using machine::Event;
using machine::Layer;

namespace {

// Beyond this a deeper call is not indented further.
constexpr std::size_t kDeepest = 6;

class StepTeller {
 public:
  StepTeller(const StoryInput& input, std::span<const Event> events, std::string& out)
      : input_(input), events_(events), style_(input.telling.style), out_(out) {}

  void tell(std::size_t number, const StoryStep& step);
  void tell_section(const EventSection& section);
  void note_repeats(std::size_t period, std::size_t first, std::size_t times, bool in_step);

 private:
  void line(std::size_t indent, const std::string& text) {
    out_ += std::string(indent, ' ') + text + "\n";
  }
  void layer_line(const Event& event);
  void attempt_line(const EventSection& section);
  std::optional<std::string> instruction_at(const Event& fetch) const;

  const StoryInput& input_;
  std::span<const Event> events_;
  const Style& style_;
  std::string& out_;
  std::optional<Layer> layer_;                  // whose line was printed last
  std::map<std::string, std::string> current_;  // by actor: the instruction it is at
  std::size_t depth_ = 0;
};

void StepTeller::tell(std::size_t number, const StoryStep& step) {
  out_ += "\n" + style_.strong(fmt::format("{}. {}", number, step.by)) + "\n";
  layer_.reset();
  depth_ = 0;
  std::vector<std::string> signatures;
  for (const EventSection& section : step.sections) {
    signatures.push_back(signature_of(events_, section));
  }
  if (input_.all) {
    for (const EventSection& section : step.sections) tell_section(section);
    return;
  }
  for (const Fold& fold : fold_repeats(signatures)) {
    for (std::size_t i = 0; i < fold.period; ++i) tell_section(step.sections[fold.begin + i]);
    if (fold.times > 1) note_repeats(fold.period, 0, fold.times, true);
  }
}

void StepTeller::note_repeats(std::size_t period, std::size_t first, std::size_t times,
                              bool in_step) {
  const std::size_t more = times - 1;
  const std::string how_often = more == 1 ? "once more" : fmt::format("{} more times", more);
  if (in_step) {
    line(3, style_.warn(period == 1 ? fmt::format("(the same {})", how_often)
                                    : fmt::format("(these {} the same {})", period, how_often)));
    return;
  }
  const std::string which = period == 1 ? fmt::format("Step {}", first)
                                        : fmt::format("Steps {} to {}", first, first + period - 1);
  const std::string verb = period == 1 ? "happens" : "happen";
  out_ += "\n" +
          style_.warn(fmt::format("{} {} {}: steps {} to {} are the same.", which, verb, how_often,
                                  first + period, first + period * times - 1)) +
          "\n";
}

std::optional<std::string> StepTeller::instruction_at(const Event& fetch) const {
  const auto program = input_.programs.find(fetch.by);
  const auto gva = number_field(fetch.fields, "gva");
  if (program == input_.programs.end() || !gva) return std::nullopt;
  const auto found = program->second.find(*gva);
  if (found == program->second.end()) return std::nullopt;
  return found->second;
}

// Names the layer whose rules speak from here on, when it is another one than before.
void StepTeller::layer_line(const Event& event) {
  if (layer_ == event.layer) return;
  layer_ = event.layer;
  if (event.layer == Layer::kCpu) return;
  std::string text(machine::name_of(event.layer));
  const auto name = input_.layer_names.find(event.layer);
  if (name != input_.layer_names.end() && !name->second.empty()) text += " " + name->second;
  line(3, style_.strong(text));
}

// The instruction of a section that begins in the processor.
void StepTeller::attempt_line(const EventSection& section) {
  const Event& first = events_[section.begin];
  if (first.layer != Layer::kCpu) return;
  if (first.kind == "walk" && text_field(first.fields, "access") == "fetch") {
    const std::uint64_t at = number_field(first.fields, "gva").value_or(0);
    const auto text = instruction_at(first);
    current_[first.by] = text ? *text : "";
    line(3, (text ? style_.strong(printable(*text)) : "an instruction") +
                style_.faint("   at " + hex(at)));
  } else if (!current_[first.by].empty()) {
    line(3, style_.strong(printable(current_[first.by])));
  }
}

void StepTeller::tell_section(const EventSection& section) {
  attempt_line(section);
  for (std::size_t i = section.begin; i < section.end; ++i) {
    const Event& event = events_[i];
    layer_line(event);
    if (event.kind == "return" && depth_ > 0) --depth_;
    const std::size_t indent = 5 + 2 * std::min(depth_, kDeepest);
    TellingStyle how = input_.telling;
    how.width = how.width > indent + 30 ? how.width - indent : 30;
    for (const std::string& text : tell_event(event, how)) line(indent, text);
    if (event.kind == "call") ++depth_;
  }
}

}  // namespace

std::string tell_start(const StoryInput& input) {
  if (input.start.empty()) return "";
  std::string out;
  StepTeller teller(input, input.start, out);
  for (const StoryStep& step : group_events(input.start)) {
    for (const EventSection& section : step.sections) teller.tell_section(section);
  }
  return out;
}

std::string tell_steps(const StoryInput& input) {
  std::string out;
  const std::vector<StoryStep> steps = group_events(input.events);
  StepTeller teller(input, input.events, out);
  if (input.all) {
    for (std::size_t i = 0; i < steps.size(); ++i) teller.tell(i + 1, steps[i]);
    return out;
  }
  std::vector<std::string> signatures;
  for (const StoryStep& step : steps) signatures.push_back(signature_of(input.events, step));
  for (const Fold& fold : fold_repeats(signatures)) {
    for (std::size_t i = 0; i < fold.period; ++i) {
      teller.tell(fold.begin + i + 1, steps[fold.begin + i]);
    }
    if (fold.times > 1) teller.note_repeats(fold.period, fold.begin + 1, fold.times, false);
  }
  return out;
}

}  // namespace nptsim::report
