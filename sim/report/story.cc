#include "sim/report/story.h"

#include <fmt/format.h>

#include <set>

#include "sim/report/event_fields.h"
#include "sim/report/outcome_text.h"
#include "sim/report/story_steps.h"

namespace nptsim::report {

using machine::Event;
using machine::Outcome;
using machine::OutcomeKind;

namespace {

// What no run of this model can show, whatever the scenario (docs: the limits of the model).
constexpr const char* kNotModelled[] = {
    "Store buffers and memory ordering: every access is seen by all at once.",
    "Speculation, caches and prefetching: no access happens that the program does not make.",
    "Timing: there is no clock; RDTSC gives what the scenario says.",
    "Nested hypervisors.",
};

class StoryTeller {
 public:
  explicit StoryTeller(const StoryInput& input)
      : in_(input), style_(input.telling.style), result_(*input.result) {}

  std::string tell() {
    head();
    configuration();
    if (const std::string start = tell_start(in_); !start.empty()) {
      title("Start-up");
      out_ += "\n" + start;
    }
    title("What happens");
    out_ += tell_steps(in_);
    if (in_.events_left_out > 0) {
      text(fmt::format("(The story stops here: {} more events follow.)", in_.events_left_out));
    }
    if (in_.events.empty()) text("Nothing: the machine does not take a step.");
    ending();
    rules_used();
    limits();
    return std::move(out_);
  }

 private:
  void title(const std::string& words) { out_ += "\n" + style_.strong(words) + "\n"; }
  void text(const std::string& words, std::size_t indent = 2) {
    for (const std::string& line : wrap(printable(words), in_.telling.width - indent)) {
      out_ += line.empty() ? "\n" : std::string(indent, ' ') + line + "\n";
    }
  }

  void head();
  void configuration();
  void ending();
  void spin_proof(const Outcome& outcome);
  void rules_used();
  void limits();
  void rule_line(const Event& event, std::vector<std::vector<std::string>>& rows);

  const StoryInput& in_;
  const Style& style_;
  const PointResult& result_;
  std::string out_;
  std::set<std::pair<machine::Layer, std::string>> told_rules_;
};

void StoryTeller::head() {
  out_ += style_.strong(printable(result_.name)) + "\n";
  std::string where = result_.file;
  if (!result_.point.empty()) where += " [" + describe(result_.point) + "]";
  out_ += style_.faint(printable(where)) + "\n";
  for (const std::string& note : in_.notes) out_ += style_.warn(printable(note)) + "\n";
  if (!in_.about.empty()) {
    out_ += "\n";
    text(in_.about);
  }
  if (in_.sources.empty()) return;
  out_ += "\n";
  for (const std::string& source : in_.sources) text("Source: " + source);
}

void StoryTeller::configuration() {
  for (const ConfigSection& section : in_.configuration) {
    if (section.rows.empty()) continue;
    title(section.title);
    std::vector<std::vector<std::string>> rows;
    for (const ConfigRow& row : section.rows) {
      rows.push_back({printable(row.name), printable(row.value),
                      row.origin.empty() ? "" : "(" + printable(row.origin) + ")"});
    }
    for (const std::string& line : table(rows)) out_ += "  " + line + "\n";
  }
}

void StoryTeller::spin_proof(const Outcome& outcome) {
  if (outcome.kind != OutcomeKind::kSpins) return;
  std::string proof =
      "This repeats for ever: proved, because an equal machine came back. Registers, memory and "
      "its "
      "keys, tables, and every record of the kernel and the VMM are the same as before, and nobody "
      "else can still act.";
  if (outcome.survived_wrap) {
    proof +=
        " The round advances a counter; it was taken to just before the counter's wrap, and "
        "survived it.";
  }
  text(proof, 4);
  if (outcome.loop.empty()) return;
  text("One round:", 4);
  for (const std::string& line : outcome.loop) out_ += "      " + printable(line) + "\n";
}

void StoryTeller::ending() {
  title("Outcome");
  const machine::RunResult& run = *result_.run;
  for (std::size_t i = 0; i < run.vcpus.size(); ++i) {
    text(fmt::format("vcpu{} {}", i, describe(run.vcpus[i])));
    std::vector<std::string> values;
    for (const auto& [name, value] : values_read(run.vcpus[i])) {
      values.push_back(name + "=" + hex(value));
    }
    if (run.vcpus[i].kind == OutcomeKind::kCompletes && !values.empty()) {
      text("with " + join(values, " "), 4);
    }
    spin_proof(run.vcpus[i]);
  }
  if (run.vm.kind != OutcomeKind::kCompletes) text("The VM: " + describe(run.vm));
  text("Seen by: " + run.seen_by);
  const std::vector<std::string> harm(run.harm.begin(), run.harm.end());
  out_ += "  Harm: " + (harm.empty() ? std::string("none") : style_.bad(join(harm, ", "))) + "\n";
  if (result_.status == Status::kPass && !result_.xfail) {
    out_ += "  " + style_.good("As expected.") + "\n";
  } else if (!result_.why.empty()) {
    out_ += "  " + style_.warn(printable(result_.why)) + "\n";
  }
  for (const std::string& line : result_.differences) {
    out_ += "  " + style_.bad(printable(line)) + "\n";
  }
}

void StoryTeller::rule_line(const Event& event, std::vector<std::vector<std::string>>& rows) {
  if (event.rule.empty() || !told_rules_.insert({event.layer, event.rule}).second) return;
  const RuleNote* note =
      in_.telling.book != nullptr ? in_.telling.book->find(event.layer, event.rule) : nullptr;
  std::string source = text_field(event.fields, "source");
  std::string evidence = text_field(event.fields, "evidence");
  if (note != nullptr) {
    source = note->source;
    evidence = note->evidence;
  }
  rows.push_back({is_weak(evidence) ? "!" : " ", std::string(machine::name_of(event.layer)),
                  event.rule, evidence, printable(source)});
}

void StoryTeller::rules_used() {
  std::vector<std::vector<std::string>> rows;
  for (const Event& event : in_.start) rule_line(event, rows);
  for (const Event& event : in_.events) rule_line(event, rows);
  if (rows.empty()) return;
  title("Rules used");
  bool weak = false;
  for (const auto& row : rows) weak |= row[0] == "!";
  for (const std::string& line : table(rows)) {
    out_ += "  " + (line.starts_with('!') ? style_.warn(line) : line) + "\n";
  }
  if (weak) text("! is inferred from other rules or recalled, not read in a source.");
}

void StoryTeller::limits() {
  title("Not modelled");
  for (const char* line : kNotModelled) text(std::string("- ") + line);
}

}  // namespace

std::string tell_story(const StoryInput& input) {
  Told told;
  StoryInput own = input;
  own.telling.all = own.telling.walk.all = input.all;
  own.telling.told = input.all ? nullptr : &told;
  return StoryTeller(own).tell();
}

}  // namespace nptsim::report
