#include <optional>
#include <utility>
#include <vector>

#include "sim/cli/commands.h"
#include "sim/cli/console.h"
#include "sim/cli/golden_files.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/lint_models.h"
#include "sim/cli/point_run.h"
#include "sim/cli/points.h"
#include "sim/cli/root.h"
#include "sim/cli/workers.h"
#include "sim/scenario/build.h"

namespace nptsim::cli {
namespace {

using report::PointResult;
using report::Status;

// A file that cannot be read counts as one error.
PointResult bad_file(const std::string& file, const Diagnostics& diagnostics) {
  PointResult result;
  result.file = file;
  result.status = Status::kError;
  result.trouble = report::Trouble::kBadInput;
  result.why = diagnostics.empty() ? "" : diagnostics.front().found;
  return result;
}

// Loads, runs or only builds, and puts everything into a report in the order of the input, whatever
// the number of threads.
class Batch {
 public:
  Batch(const Options& options, models::Library& library) : options_(options), library_(library) {}

  report::Report run();

 private:
  struct Slot {  // a point, and what became of it; empty if it was never begun
    const LoadedFile* file = nullptr;
    const PointToRun* point = nullptr;
    std::optional<PointRun> run;
  };

  void load(const std::vector<FoundFile>& found);
  void run_points();
  PointRun run_one(const Slot& slot);
  void collect(report::Report& report);
  void look_at_golden_files(report::Report& report);

  const Options& options_;
  models::Library& library_;
  yaml::Files texts_;
  std::vector<LoadedFile> files_;
  std::vector<Slot> slots_;
  bool interrupted_ = false;
};

void Batch::load(const std::vector<FoundFile>& found) {
  files_.resize(found.size());
  work_in_parallel(found.size(), options_.jobs, [&](std::size_t i) {
    const FoundFile& file = found[i];
    files_[i] = file.diagnostics.empty() ? points_of(load_documents(file.file, texts_), library_)
                                         : LoadedFile{file.file, {}, {}, file.diagnostics};
  });
  for (const LoadedFile& file : files_) {
    for (const PointToRun& point : file.points) slots_.push_back({&file, &point, {}});
  }
}

PointRun Batch::run_one(const Slot& slot) {
  PointRunOptions options;
  options.max_steps = options_.max_steps;
  options.coverage = options_.coverage;
  options.milestones = options_.promote || has_golden(slot.file->file);
  options.hash = options_.format == Format::kJson;
  if (options_.verb == Verb::kRun) return run_point(*slot.point, library_, options);
  PointRun out;
  out.result = not_run(*slot.point);
  const auto built = scenario::build(slot.point->point.scenario, library_);
  if (built.ok()) return out;
  out.diagnostics = built.error();
  out.result.status = Status::kError;
  out.result.trouble = report::Trouble::kBadInput;
  if (!out.diagnostics.empty()) out.result.why = out.diagnostics.front().found;
  return out;
}

void Batch::run_points() {
  Progress progress(slots_.size());
  work_in_parallel(
      slots_.size(), options_.jobs, [&](std::size_t i) { slots_[i].run = run_one(slots_[i]); },
      [&](std::size_t done) { progress.done(done); });
}

void Batch::collect(report::Report& report) {
  CoverageCount coverage;
  auto slot = slots_.begin();
  for (const LoadedFile& file : files_) {
    if (!file.diagnostics.empty()) report.results.push_back(bad_file(file.file, file.diagnostics));
    append(report.diagnostics, file.diagnostics);
    report.invalid.insert(report.invalid.end(), file.invalid.begin(), file.invalid.end());
    for (; slot != slots_.end() && slot->file == &file; ++slot) {
      const bool finished = slot->run && slot->run->result.trouble != report::Trouble::kInterrupted;
      interrupted_ |= !finished;
      if (!finished) continue;
      append(report.diagnostics, slot->run->diagnostics);
      coverage.add(slot->run->coverage);
      report.results.push_back(std::move(slot->run->result));
    }
  }
  report.interrupted = interrupted_ || interrupted();
  if (options_.coverage) report.coverage = coverage.report();
}

// Not after an interrupt: half of the points are no golden file, and nothing to compare with one.
void Batch::look_at_golden_files(report::Report& report) {
  if (report.interrupted || options_.verb != Verb::kRun) return;
  for (const LoadedFile& file : files_) {
    if (!file.diagnostics.empty()) continue;
    if (options_.promote) {
      promote(file.file, report);
    } else {
      compare_with_golden_file(file.file, report);
    }
  }
}

report::Report Batch::run() {
  report::Report report;
  report.verb = options_.verb == Verb::kRun ? "run" : "lint";
  load(find_all(options_.paths));
  run_points();
  collect(report);
  look_at_golden_files(report);
  return report;
}

// Behind what was found in the scenarios.
void lint_rules(const Options& options, models::Library& library, report::Report& report) {
  const auto add = [&report](std::vector<PointResult> results) {
    for (PointResult& result : results) report.results.push_back(std::move(result));
  };
  if (options.models) add(lint_models(library));
  if (options.tell_apart && !interrupted()) add(lint_versions(options, library));
  report.interrupted |= interrupted();
}

ExitStatus run_batch(const Options& options) {
  const auto root = find_root();
  if (!root.ok()) return print_bad_input(root.error(), options);
  catch_interrupts();
  // Never taken apart: the process ends when its work is done.
  static models::Library& library = *new models::Library(root.value());
  report::Report report = Batch(options, library).run();
  lint_rules(options, library, report);
  print_report(report, options.format);
  return status_of(report);
}

}  // namespace

ExitStatus run_command(const Options& options) { return run_batch(options); }
ExitStatus lint_command(const Options& options) { return run_batch(options); }

}  // namespace nptsim::cli
