#include "sim/cli/point_run.h"

#include <algorithm>
#include <utility>

#include "sim/cli/event_log.h"
#include "sim/cli/interrupt.h"
#include "sim/machine/run.h"
#include "sim/report/milestones.h"
#include "sim/scenario/build.h"
#include "sim/scenario/canonical.h"
#include "sim/scenario/judge.h"
#include "sim/scenario/match_event.h"
#include "sim/trace/memory_change.h"

namespace nptsim::cli {
namespace {

using report::Status;
using report::Trouble;

// The events that this point's claims are about: only these are kept for the judge.
class ClaimedKinds {
 public:
  explicit ClaimedKinds(const scenario::Scenario& point) {
    const scenario::Expectation* claims = scenario::expectation_for(point);
    if (claims == nullptr) return;
    add(claims->events);
    if (claims->only) add(*claims->only);
    add(claims->none);
    for (const scenario::EventCount& count : claims->count) patterns_.push_back(&count.pattern);
  }

  bool any() const { return !patterns_.empty(); }
  // By the kind alone: whether such an event can be one of them.
  bool may_have(std::string_view kind) const {
    return std::any_of(patterns_.begin(), patterns_.end(), [&](const auto* pattern) {
      return scenario::may_be_same_kind(*pattern, kind);
    });
  }
  bool has(const machine::Event& event) const {
    return std::any_of(patterns_.begin(), patterns_.end(),
                       [&](const auto* pattern) { return scenario::same_kind(*pattern, event); });
  }

 private:
  void add(const std::vector<scenario::EventPattern>& patterns) {
    for (const scenario::EventPattern& pattern : patterns) patterns_.push_back(&pattern);
  }
  std::vector<const scenario::EventPattern*> patterns_;
};

std::string sentence_of(const scenario::Difference& difference) {
  const std::string place = to_string(difference.pos);
  return place.empty() || difference.pos.line == 0 ? difference.sentence
                                                   : place + ": " + difference.sentence;
}

void set_error(report::PointResult& result, Trouble trouble, std::string why) {
  result.status = Status::kError;
  result.trouble = trouble;
  result.why = std::move(why);
}

// Instructions outside of the model are bad input: nothing is known of what they would have done.
void refuse_instructions(const PointToRun& point, const machine::RunResult& run, PointRun& out) {
  for (const std::string& sentence : run.input_errors) {
    out.diagnostics.push_back({point.point.scenario.pos, sentence, "", ""});
  }
  set_error(out.result, Trouble::kBadInput, run.input_errors.front());
}

void judge_run(const PointToRun& point, const machine::RunResult& run, PointRun& out) {
  if (!run.input_errors.empty()) return refuse_instructions(point, run, out);
  const scenario::Scenario& scenario = point.point.scenario;
  const scenario::Verdict verdict = scenario::judge_point(scenario, run);
  report::PointResult& result = out.result;
  const bool known = scenario.xfail.has_value();
  for (const scenario::Difference& difference : verdict.differences) {
    result.differences.push_back(sentence_of(difference));
  }
  for (const std::string& check : run.failed_checks) {
    result.differences.push_back("`" + check + "` does not hold");
  }
  switch (verdict.status) {
    case scenario::Status::kPass:
      result.status = Status::kPass;
      break;
    case scenario::Status::kFail:
      result.status = Status::kFail;
      break;
    case scenario::Status::kIncomplete:
      set_error(result, Trouble::kIncomplete, verdict.why);
      return;
  }
  result.why = verdict.why;
  if (!run.failed_checks.empty()) {
    result.status = known ? Status::kPass : Status::kFail;
    if (known && result.why.empty()) result.why = "a known disagreement: " + scenario.xfail->value;
  }
  result.xfail = known && result.status == Status::kPass;
}

}  // namespace

report::PointResult not_run(const PointToRun& point, bool hash) {
  report::PointResult result;
  result.file = point.file;
  result.name = point.point.scenario.name;
  result.point = point.point.scenario.picks;
  if (hash) result.hash = scenario::scenario_hash(point.point.scenario);
  return result;
}

PointRun run_point(const PointToRun& point, models::Library& library,
                   const PointRunOptions& options) {
  PointRun out;
  out.result = not_run(point, options.hash);
  const ClaimedKinds claims(point.point.scenario);
  report::Milestones milestones;
  std::vector<machine::Event> claimed, start;
  bool starting = true;
  const bool wants_all = options.milestones || options.listener != nullptr;
  const auto wants = [&](std::string_view kind) {
    return wants_all || (options.coverage && starting) || claims.may_have(kind);
  };
  OneSequence events(wants, [&](machine::Event event) {
    if (options.milestones) milestones.take(event);
    if (options.coverage && starting) start.push_back(event);
    if (claims.has(event)) claimed.push_back(event);
    if (options.listener != nullptr) options.listener->take(std::move(event));
  });
  machine::EventSink* sink = wants_all || claims.any() ? &events : nullptr;

  auto built = scenario::build(point.point.scenario, library, options.coverage ? &events : sink);
  if (!built.ok()) {
    out.diagnostics = built.error();
    set_error(out.result, Trouble::kBadInput,
              out.diagnostics.empty() ? "it cannot be built" : out.diagnostics.front().found);
    return out;
  }
  starting = false;
  out.start_events = events.last();
  out.setup = built.value().setup;
  events.begin_phase();

  rules::Coverage coverage;
  machine::RunOptions run_options;
  run_options.max_steps = options.max_steps;
  run_options.sink = sink;
  run_options.coverage = options.coverage ? &coverage : nullptr;
  run_options.interrupted = interrupt_flag();
  std::optional<machine::Machine> before;
  if (options.memory_changes) before.emplace(*built.value().machine);
  machine::RunResult run = machine::run(*built.value().machine, run_options);
  if (before) {
    out.memory_changes = trace::changes_between(*out.setup, trace::pages_of(*before),
                                                trace::pages_of(*built.value().machine));
  }
  out.last_event = events.last();
  if (interrupted()) {
    set_error(out.result, Trouble::kInterrupted, "interrupted");
    out.result.run = std::move(run);
    return out;
  }
  if (options.coverage) {
    out.coverage.add(*out.setup, coverage);
    for (const machine::Event& event : start) out.coverage.add_start(*out.setup, event);
  }
  run.events = std::move(claimed);
  judge_run(point, run, out);
  run.events.clear();
  out.result.run = std::move(run);
  out.result.milestones = milestones.take_lines();
  return out;
}

ExitStatus status_of(const report::PointResult& result) {
  switch (result.status) {
    case Status::kPass:
      return ExitStatus::kAsExpected;
    case Status::kFail:
      return ExitStatus::kDifferent;
    case Status::kError:
      break;
  }
  switch (result.trouble) {
    case Trouble::kIncomplete:
      return ExitStatus::kIncomplete;
    case Trouble::kInterrupted:
      return ExitStatus::kInterrupted;
    default:
      return ExitStatus::kBadInput;
  }
}

ExitStatus status_of(const report::Report& report) {
  ExitStatus status = ExitStatus::kAsExpected;
  for (const report::PointResult& result : report.results)
    status = worse(status, status_of(result));
  if (!report.diagnostics.empty()) status = worse(status, ExitStatus::kBadInput);
  if (report.interrupted) status = worse(status, ExitStatus::kInterrupted);
  return status;
}

}  // namespace nptsim::cli
