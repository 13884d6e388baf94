#include "sim/report/story_steps.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
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
// Fewer events are told again rather than referred to.
constexpr std::size_t kWorthReferring = 6;

// Says how, not what: the same each time that the same rules decide.
bool is_rule_event(const Event& event) {
  return event.kind == "decide" || event.kind == "do" || event.kind == "call" ||
         event.kind == "return";
}

class StepTeller {
 public:
  StepTeller(const StoryInput& input, std::span<const Event> events, std::string& out)
      : input_(input), events_(events), style_(input.telling.style), out_(out) {}

  void tell(std::size_t number, const StoryStep& step);
  void tell_sections(std::span<const EventSection> sections);
  void note_repeats(std::size_t period, std::size_t first, std::size_t times, bool in_step);

 private:
  void line(std::size_t indent, const std::string& text) {
    out_ += std::string(indent, ' ') + text + "\n";
  }
  bool refer_to_earlier(std::size_t number, std::span<const EventSection> sections);
  void tell_section(const EventSection& section);
  void layer_line(const Event& event);
  void attempt_line(const EventSection& section);
  std::optional<std::string> instruction_at(const Event& fetch) const;

  const StoryInput& input_;
  std::span<const Event> events_;
  const Style& style_;
  std::string& out_;
  std::optional<Layer> layer_;                    // whose line was printed last
  std::map<std::string, std::string> current_;    // by actor: the instruction it is at
  std::map<std::string, std::size_t> host_told_;  // what the host did -> the step that told it
  std::size_t depth_ = 0;
};

void StepTeller::tell(std::size_t number, const StoryStep& step) {
  out_ += "\n" + style_.strong(fmt::format("{}. {}", number, step.by)) + "\n";
  layer_.reset();
  depth_ = 0;
  const std::span<const EventSection> all(step.sections);
  const auto host = std::find_if(all.begin(), all.end(),
                                 [](const EventSection& section) { return !section.in_guest; });
  const auto guest_sections = static_cast<std::size_t>(host - all.begin());
  tell_sections(all.first(guest_sections));
  if (guest_sections == all.size() || refer_to_earlier(number, all.subspan(guest_sections))) return;
  tell_sections(all.subspan(guest_sections));
}

void StepTeller::tell_sections(std::span<const EventSection> sections) {
  if (input_.all) {
    for (const EventSection& section : sections) tell_section(section);
    return;
  }
  std::vector<std::string> signatures;
  for (const EventSection& section : sections) {
    signatures.push_back(signature_of(events_, section));
  }
  for (const Fold& fold : fold_repeats(signatures)) {
    for (std::size_t i = 0; i < fold.period; ++i) tell_section(sections[fold.begin + i]);
    if (fold.times > 1) note_repeats(fold.period, 0, fold.times, true);
  }
}

// The host often does the same again, about another address: then one line says so.
bool StepTeller::refer_to_earlier(std::size_t number, std::span<const EventSection> sections) {
  if (input_.all || sections.back().end - sections.front().begin < kWorthReferring) return false;
  std::string signature;
  for (const EventSection& section : sections) signature += signature_of(events_, section);
  const auto [found, is_new] = host_told_.try_emplace(signature, number);
  if (is_new) return false;
  const Event& first = events_[sections.front().begin];
  layer_line(first);
  line(5, fmt::format("the same decisions as in step {}", found->second));
  for (std::size_t i = sections.front().begin; i < sections.back().end; ++i) {
    if (is_rule_event(events_[i])) continue;
    for (const std::string& text : tell_event(events_[i], input_.telling)) line(5, text);
  }
  return true;
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
    // Results on their way out of procedures are machinery; the outermost one is the answer.
    const bool is_inner = event.kind == "return" && depth_ > 0;
    if (is_inner) --depth_;
    const std::size_t indent = 5 + 2 * std::min(depth_, kDeepest);
    TellingStyle how = input_.telling;
    how.width = how.width > indent + 30 ? how.width - indent : 30;
    if (!is_inner || input_.all) {
      for (const std::string& text : tell_event(event, how)) line(indent, text);
    }
    if (event.kind == "call") ++depth_;
  }
}

}  // namespace

std::string tell_start(const StoryInput& input) {
  if (input.start.empty()) return "";
  std::string out;
  StepTeller teller(input, input.start, out);
  for (const StoryStep& step : group_events(input.start)) {
    teller.tell_sections(step.sections);
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
