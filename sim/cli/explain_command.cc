#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "sim/cli/commands.h"
#include "sim/cli/configuration.h"
#include "sim/cli/console.h"
#include "sim/cli/event_log.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/point_run.h"
#include "sim/cli/points.h"
#include "sim/cli/root.h"
#include "sim/report/event_text.h"
#include "sim/report/events_json.h"
#include "sim/report/rule_book.h"
#include "sim/report/story.h"

namespace nptsim::cli {
namespace {

// More lines than this are printed while the run goes on.
constexpr std::size_t kMostBuffered = std::size_t{1} << 20;

// Prints each event as soon as enough have come together.
class LinePrinter final : public machine::EventSink {
 public:
  explicit LinePrinter(std::string (*line_of)(const machine::Event&)) : line_of_(line_of) {}
  void add(const std::string& text) { lines_ += text; }
  void take(machine::Event event) override {
    lines_ += line_of_(event);
    if (lines_.size() >= kMostBuffered) flush();
  }
  void flush() {
    print(lines_);
    lines_.clear();
  }

 private:
  std::string (*line_of_)(const machine::Event&);
  std::string lines_;
};

std::string summary_line(const machine::Event& event) {
  return report::event_summary(event) + "\n";
}

std::string title_of(const PointToRun& point) {
  const std::string picks = report::describe(point.point.scenario.picks);
  return point.point.scenario.name + (picks.empty() ? "" : " [" + picks + "]");
}

std::vector<std::string> notes_on(const LoadedFile& file, const PointToRun& chosen) {
  constexpr std::size_t kMostListed = 12;
  std::vector<std::string> notes;
  if (file.points.size() == 1) return notes;
  const auto number = static_cast<std::size_t>(&chosen - file.points.data()) + 1;
  notes.push_back(
      fmt::format("Point {} of {}; --point N tells another one:", number, file.points.size()));
  for (std::size_t i = 0; i < file.points.size() && i < kMostListed; ++i) {
    notes.push_back(
        fmt::format("  {}{} {}", i + 1, i + 1 == number ? " *" : "  ", title_of(file.points[i])));
  }
  if (file.points.size() > kMostListed) {
    notes.push_back(fmt::format("  and {} more", file.points.size() - kMostListed));
  }
  return notes;
}

std::map<std::string, report::ProgramLines> programs_of(const machine::Setup& setup) {
  std::map<std::string, report::ProgramLines> programs;
  for (std::size_t vcpu = 0; vcpu < setup.programs.size(); ++vcpu) {
    report::ProgramLines& lines = programs[fmt::format("vcpu{}", vcpu)];
    for (const machine::CodeLine& line : setup.programs[vcpu].lines) {
      lines[line.address] = line.text;
    }
  }
  return programs;
}

void tell(const LoadedFile& file, const PointToRun& point, const PointRun& run,
          const KeptEvents& kept, const Options& options, models::Library& library) {
  const machine::Setup& setup = *run.setup;
  const report::RuleBook book(setup);
  report::StoryInput story;
  story.result = &run.result;
  story.about = point.point.scenario.about;
  story.sources = point.point.scenario.sources;
  story.notes = notes_on(file, point);
  story.configuration = configuration_of(point.point.scenario, setup, library);
  story.programs = programs_of(setup);
  if (setup.kernel) story.layer_names[machine::Layer::kKernel] = setup.kernel->name();
  if (setup.vmm) story.layer_names[machine::Layer::kVmm] = setup.vmm->name();
  if (setup.guest) story.layer_names[machine::Layer::kGuest] = setup.guest->name();
  const std::span<const machine::Event> events(kept.events);
  const std::size_t started = std::min<std::size_t>(run.start_events, events.size());
  story.start = events.first(started);
  story.events = events.subspan(started);
  story.events_left_out = kept.left_out;
  story.all = options.all;
  story.telling.style = style_of_output();
  story.telling.book = &book;
  if (setup.keyed()) story.telling.walk.guest_c_bit = setup.cpu.c_bit;
  if (setup.cpu.host_c_mask() != 0) story.telling.walk.nested_c_bit = setup.cpu.c_bit;
  print(report::tell_story(story));
}

ExitStatus end_of(const PointRun& run, const Options& options) {
  if (run.result.run && run.diagnostics.empty()) return status_of(run.result);
  return print_bad_input(run.diagnostics, options);
}

ExitStatus print_lines(const PointToRun& point, models::Library& library, PointRunOptions how,
                       const Options& options) {
  const bool json = options.format == Format::kJson;
  LinePrinter printer(json ? report::event_line : summary_line);
  if (json) printer.add(report::events_header(not_run(point).hash));
  how.listener = &printer;
  const PointRun run = run_point(point, library, how);
  if (run.result.run) {
    for (machine::Event& event : report::closing_events(*run.result.run, run.last_event + 1)) {
      printer.take(std::move(event));
    }
    printer.flush();
  }
  return end_of(run, options);
}

ExitStatus print_story(const LoadedFile& file, const PointToRun& point, models::Library& library,
                       PointRunOptions how, const Options& options) {
  Keeper keeper;
  how.listener = &keeper;
  const PointRun run = run_point(point, library, how);
  if (run.result.run) tell(file, point, run, keeper.kept(), options, library);
  return end_of(run, options);
}

}  // namespace

ExitStatus explain_command(const Options& options) {
  const auto root = find_root();
  if (!root.ok()) return print_bad_input(root.error(), options);
  catch_interrupts();
  models::Library library(root.value());
  const LoadedFile file = load_points(options.paths.front(), library);
  const auto point = find_point(file, options.point.value_or(1));
  if (!point.ok()) return print_bad_input(point.error(), options);
  PointRunOptions how;
  how.max_steps = options.max_steps;
  if (options.events || options.format == Format::kJson) {
    return print_lines(*point.value(), library, how, options);
  }
  return print_story(file, *point.value(), library, how, options);
}

}  // namespace nptsim::cli
