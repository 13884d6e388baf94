#include "sim/cli/trace_check.h"

#include <filesystem>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "sim/cli/interrupt.h"
#include "sim/cli/point_run.h"
#include "sim/cli/points.h"
#include "sim/cli/recorded_point.h"
#include "sim/cli/root.h"
#include "sim/cli/trace_source.h"
#include "sim/trace/not_shared.h"
#include "sim/trace/read_view.h"

namespace nptsim::cli {
namespace {

namespace fs = std::filesystem;

constexpr char kGiven[] = "given";

std::vector<std::string> kernels_of(const models::Library& library) {
  std::vector<std::string> names;
  for (const models::Listed& listed : library.list()) {
    if (listed.kind == "kernel" && listed.family == "kvm") names.push_back(listed.name);
  }
  return names;
}

trace::StoryTeller tell(const TraceSource& source, const trace::View& view, Diagnostics& trouble) {
  trace::StoryTeller teller(view);
  if (source.recording() != nullptr) {
    teller.take(*source.recording());
    return teller;
  }
  const auto read = source.read(view, [&](const trace::Seen& seen, std::optional<unsigned> vcpu,
                                          bool, const std::string&) { teller.take(seen, vcpu); });
  if (!read.ok()) trouble = read.error();
  return teller;
}

// All candidates of one scenario, each with the view of its own kernel.
class Checking {
 public:
  Checking(models::Library& library, std::uint64_t max_steps, bool draft)
      : library_(library), max_steps_(max_steps), draft_(draft) {}

  Diagnostics run(const LoadedFile& file, const trace::Recording* recording);
  Diagnostics read(const TraceSource& source, trace::CheckedTrace& trace);
  void finish(const TraceSource& source, TraceCheck& check);

 private:
  struct One {
    const trace::View* view;
    std::unique_ptr<trace::Candidate> candidate;
    std::vector<std::pair<std::string, std::string>> picks;
    std::vector<trace::MemoryChange> memory;
  };
  Result<const trace::View*, Diagnostics> view_for(const std::string& kernel);
  Diagnostics run_one(const PointToRun& point, const trace::Recording* recording);

  models::Library& library_;
  std::uint64_t max_steps_;
  bool draft_;
  std::map<std::string, std::unique_ptr<trace::View>> views_;  // by kernel
  std::vector<One> candidates_;
};

Result<const trace::View*, Diagnostics> Checking::view_for(const std::string& kernel) {
  std::unique_ptr<trace::View>& view = views_[kernel];
  if (view == nullptr) {
    // Of a kernel that nobody names any version's lines may come.
    auto loaded = trace::load_view({library_.root(), kernel == kGiven ? "" : kernel});
    if (!loaded.ok()) return loaded.error();
    view = std::make_unique<trace::View>(std::move(loaded).value());
  }
  return view.get();
}

// Names that the view does not have watch nothing.
std::vector<bool> watched_events(const trace::Recording* recording, const trace::View& view) {
  if (recording == nullptr || recording->watched.empty()) return {};
  std::vector<bool> watched(view.events().size(), false);
  for (const std::string& name : recording->watched) {
    if (const auto which = view.find(name)) watched[*which] = true;
  }
  return watched;
}

Diagnostics Checking::run_one(const PointToRun& point, const trace::Recording* recording) {
  const scenario::Scenario& scenario = point.point.scenario;
  const std::string& asked = scenario.vm.machine.kernel.value;
  const auto kernel = library_.canonical_name(rules::ModelKind::kKernel, asked).value_or(asked);
  const auto view = view_for(kernel);
  if (!view.ok()) return view.error();
  trace::AlignRules rules;
  rules.excerpt = recording != nullptr && recording->watched.empty();
  rules.watched = watched_events(recording, *view.value());
  rules.compare_code = !draft_ && scenario.vm.place.contains("code");
  One one{view.value(),
          std::make_unique<trace::Candidate>(*view.value(), rules),
          point.point.scenario.picks,
          {}};
  PointRunOptions options;
  options.max_steps = max_steps_;
  options.listener = &one.candidate->listener();
  options.memory_changes = recording != nullptr && recording->memory.has_value();
  PointRun run = run_point(point, library_, options);
  if (!run.diagnostics.empty()) return run.diagnostics;
  if (run.result.run) one.candidate->begin(std::move(*run.result.run));
  one.memory = std::move(run.memory_changes);
  candidates_.push_back(std::move(one));
  return {};
}

// A candidate that cannot be built is no candidate; if none can be, that is the trouble.
Diagnostics Checking::run(const LoadedFile& file, const trace::Recording* recording) {
  Diagnostics trouble = file.diagnostics;
  for (const PointToRun& point : file.points) {
    if (interrupted()) break;
    const Diagnostics one = run_one(point, recording);
    if (trouble.empty()) trouble = one;
  }
  return candidates_.empty() ? trouble : Diagnostics();
}

Diagnostics Checking::read(const TraceSource& source, trace::CheckedTrace& trace) {
  // The views differ in the shape of lines and in what they cut, not in which events there are.
  const auto read = source.read(*candidates_.front().view,
                                [&](const trace::Seen& seen, std::optional<unsigned> vcpu,
                                    bool after_loss, const std::string& place) {
                                  for (One& one : candidates_)
                                    one.candidate->take(seen, vcpu, after_loss, place);
                                });
  if (!read.ok()) return read.error();
  trace.lines = read.value().lines;
  trace.not_known = read.value().not_known;
  return {};
}

void Checking::finish(const TraceSource& source, TraceCheck& check) {
  const trace::Recording* recording = source.recording();
  for (const One& one : candidates_) {
    if (recording != nullptr) one.candidate->finish(*recording, one.memory);
    check.trace.verdicts.push_back(
        one.candidate->end(recording != nullptr ? recording->outcome_class : ""));
    check.trace.verdicts.back().assumed = one.picks;
  }
  const One& best = candidates_[trace::best_of(check.trace.verdicts)];
  const bool other_way =
      recording != nullptr && recording->kvm && recording->kvm->paging != "nested";
  check.rules = best.candidate->rules_met(other_way);
  if (recording != nullptr) {
    check.trace.not_modelled = trace::not_shared(*recording, *trace::best_of(check.trace));
  }
}

std::string nested_event(const trace::Recording& recording, const trace::View& view) {
  for (const trace::RecordedEvent& event : recording.events) {
    const auto which = view.find(event.name);
    if (which && view.events()[*which].nested) return event.name;
  }
  return "";
}

// What can be said without any run.
std::string not_modelled(const TraceSource& source, const trace::View& view) {
  const trace::Recording* recording = source.recording();
  if (recording == nullptr) return "";
  if (!recording->not_modelled.empty()) return recording->not_modelled;
  if (recording->vm_type == "nested") return "nested hypervisors are not modelled";
  const std::string nested = nested_event(*recording, view);
  return nested.empty() ? "" : nested + ": nested hypervisors are not modelled";
}

}  // namespace

std::string scenario_beside(const std::string& path, const std::string& root) {
  const fs::path file =
      fs::path(root) / "scenarios" / "recorded" / (fs::path(path).stem().string() + ".yaml");
  std::error_code error;
  return fs::exists(file, error) ? file.string() : "";
}

Result<trace::Drafted, Diagnostics> draft_of(const std::string& path, models::Library& library) {
  const auto source = TraceSource::open(path);
  if (!source.ok()) return source.error();
  const auto view = trace::load_view({library.root(), ""});
  if (!view.ok()) return view.error();
  Diagnostics trouble;
  const trace::StoryTeller teller = tell(source.value(), view.value(), trouble);
  if (!trouble.empty()) return trouble;
  return trace::draft(teller, kernels_of(library));
}

Result<TraceCheck, Diagnostics> check_trace(const std::string& path, const std::string& scenario,
                                            models::Library& library, std::uint64_t max_steps) {
  const auto opened = TraceSource::open(path);
  if (!opened.ok()) return opened.error();
  const TraceSource& source = opened.value();
  const auto newest = trace::load_view({library.root(), ""});
  if (!newest.ok()) return newest.error();
  TraceCheck check;
  check.trace.file = path;
  if (const trace::Recording* recording = source.recording()) {
    check.trace.title = recording->title;
    check.trace.source = recording->source;
    check.trace.missing = recording->missing;
  }
  check.trace.not_modelled = not_modelled(source, newest.value());
  if (!check.trace.not_modelled.empty()) return check;

  LoadedFile file;
  std::string beside = scenario.empty() ? scenario_beside(path, library.root()) : scenario;
  const bool was_run = source.recording() != nullptr && source.recording()->scenario.has_value();
  if (was_run && scenario.empty()) {
    beside = library.root() + "/" + source.recording()->scenario->file;
  }
  if (beside.empty()) {
    const auto drafted = draft_of(path, library);
    if (!drafted.ok()) return drafted.error();
    check.trace.not_modelled = drafted.value().why_not;
    if (!check.trace.not_modelled.empty()) return check;
    check.trace.scenario = "a draft (nptsim import prints it)";
    file = load_points_of(drafted.value().text, "draft", library);
  } else {
    check.trace.scenario = without_root(beside, library.root());
    file = was_run ? recorded_point(*source.recording(), beside, kernels_of(library), library)
                   : load_points(beside, library);
  }
  Checking checking(library, max_steps, beside.empty());
  Diagnostics trouble = checking.run(file, source.recording());
  if (trouble.empty()) trouble = checking.read(source, check.trace);
  if (!trouble.empty()) return trouble;
  checking.finish(source, check);
  const bool parts = trace::agreement_of(check.trace) == trace::Agreement::kParts;
  if (beside.empty() && parts) {
    check.trace.not_modelled =
        "no candidate of the draft is what was recorded: a scenario has to be written by hand";
  }
  return check;
}

}  // namespace nptsim::cli
