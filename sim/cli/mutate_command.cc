#include <algorithm>
#include <cstdint>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/cli/commands.h"
#include "sim/cli/console.h"
#include "sim/cli/forked_work.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/mutants.h"
#include "sim/cli/root.h"
#include "sim/cli/workers.h"
#include "sim/report/human.h"
#include "sim/report/mutation.h"

namespace nptsim::cli {
namespace {

using report::MutantEnd;
using report::MutationReport;

// A mutant that goes round for ever is noticed; it need not go round for long.
constexpr std::uint64_t kStepFactor = 4, kMoreSteps = 2'000;

const std::string_view kStepKind = rules::name_of(rules::MutationKind::kStep);

// Steele, Lea and Flood, "Fast splittable pseudorandom number generators": spreads the numbers.
std::uint64_t mixed(std::uint64_t value) {
  value += 0x9e3779b97f4a7c15;
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

class Mutating {
 public:
  Mutating(const Options& options, const Baseline& baseline, models::Library& library)
      : options_(options), baseline_(baseline), library_(library) {}

  void run(MutationReport& report) {
    choose(report);
    Progress progress(chosen_.size());
    std::size_t finished = 0;
    work_in_processes(
        chosen_.size(), options_.jobs, [this](std::size_t i) { return try_one(*chosen_[i]); },
        [&](std::size_t i, const ForkedAnswer& answer) {
          take(report.mutants[i], answer);
          progress.done(++finished);
        });
    report.points = baseline_.points().size();
    report.interrupted = interrupted();
  }

 private:
  bool wanted(const RuleMutant& mutant) const {
    const std::string place = without_root(mutant.mutation.pos.file, library_.root());
    const auto begins = [&](const std::string& prefix) {
      return mutant.mutation.row.starts_with(prefix) || place.starts_with(prefix) ||
             mutant.mutation.table == prefix || rules::name_of(mutant.kind) == prefix;
    };
    const auto& only = options_.only;
    const auto& kinds = options_.kinds;
    const std::string kind(rules::name_of(mutant.mutation.kind));
    return (only.empty() || std::any_of(only.begin(), only.end(), begins)) &&
           (kinds.empty() || std::find(kinds.begin(), kinds.end(), kind) != kinds.end());
  }

  void choose(MutationReport& report) {
    std::vector<std::pair<std::uint64_t, const RuleMutant*>> all;
    for (const RuleMutant& mutant : baseline_.mutants()) {
      if (wanted(mutant)) all.emplace_back(mixed(options_.seed * 0x10001 + all.size()), &mutant);
    }
    report.of = all.size();
    if (options_.sample != 0 && options_.sample < all.size()) {
      report.seed = options_.seed;
      std::vector<std::pair<std::uint64_t, const RuleMutant*>> sorted = all;
      std::sort(sorted.begin(), sorted.end());
      const std::uint64_t last = sorted[options_.sample - 1].first;
      std::erase_if(all, [last](const auto& one) { return one.first > last; });
    }
    for (const auto& [order, mutant] : all) {
      chosen_.push_back(mutant);
      report.mutants.push_back(described(*mutant));
    }
  }

  report::Mutant described(const RuleMutant& mutant) const {
    report::Mutant one;
    one.model = rules::name_of(mutant.kind);
    one.row = mutant.mutation.row;
    one.kind = rules::name_of(mutant.mutation.kind);
    one.text = mutant.mutation.text;
    SourcePos pos = mutant.mutation.pos;
    pos.file = without_root(pos.file, library_.root());
    one.place = to_string(pos);
    one.by = mutant.equivalent;
    one.reached = baseline_.reached(mutant);
    return one;
  }

  void take(report::Mutant& mutant, const ForkedAnswer& answer) const {
    mutant.end = answer.stopped ? MutantEnd::kStopped : static_cast<MutantEnd>(answer.end);
    if (mutant.end == MutantEnd::kUnnoticed && !mutant.reached) {
      mutant.end = MutantEnd::kUnreached;
    } else if (mutant.end == MutantEnd::kUnnoticed && mutant.kind == kStepKind) {
      mutant.end = MutantEnd::kOneOrder;
    } else if (mutant.end == MutantEnd::kNoticed) {
      const PointToRun& point = *baseline_.points()[answer.detail];
      mutant.by = point.file + ": " + point.point.scenario.name;
    }
  }

  // In a process of its own.
  ForkedAnswer try_one(const RuleMutant& mutant) {
    const auto answer = [](MutantEnd end, std::size_t point = 0) {
      return ForkedAnswer{static_cast<std::uint32_t>(end), static_cast<std::uint32_t>(point),
                          false};
    };
    if (!mutant.equivalent.empty()) return answer(MutantEnd::kEquivalent);
    library_.set_change(mutant.kind,
                        [&mutant](rules::Model& model) { rules::apply(mutant.mutation, model); });
    bool ran = false;
    std::map<std::string, bool> refused;
    for (const std::size_t point : baseline_.witnesses(mutant)) {
      if (interrupted()) return answer(MutantEnd::kNotRun);
      if (is_refused(mutant.kind, *baseline_.points()[point], refused)) continue;
      ran = true;
      if (notices(point)) return answer(MutantEnd::kNoticed, point);
    }
    library_.set_change(mutant.kind, {});
    return answer(ran ? MutantEnd::kUnnoticed : MutantEnd::kRefused);
  }

  bool is_refused(rules::ModelKind kind, const PointToRun& point,
                  std::map<std::string, bool>& known) {
    const scenario::Machine& machine = point.point.scenario.vm.machine;
    std::vector<rules::Spelled> overlays;
    std::string key = machine.kernel.value + "|" + machine.vmm.value + "|" + machine.guest.value;
    for (const scenario::Text& overlay : machine.apply) {
      overlays.push_back({overlay.value, overlay.pos});
      key += "+" + overlay.value;
    }
    const auto found = known.find(key);
    if (found != known.end()) return found->second;
    const bool guest = kind == rules::ModelKind::kGuest;
    const auto checked =
        guest ? library_.checked(kind, {machine.guest.value, {}}, {}, overlays)
              : library_.checked(rules::ModelKind::kKernel, {machine.kernel.value, {}},
                                 {machine.vmm.value, {}}, overlays);
    return known[key] = !checked.ok();
  }

  bool notices(std::size_t point) {
    PointRunOptions how;
    how.max_steps = baseline_.steps(point) * kStepFactor + kMoreSteps;
    how.hash = false;
    const PointRun run = run_point(*baseline_.points()[point], library_, how);
    return run.result.status != report::Status::kPass;
  }

  const Options& options_;
  const Baseline& baseline_;
  models::Library& library_;
  std::vector<const RuleMutant*> chosen_;
};

// All points of all files; what cannot be read is told.
std::vector<PointToRun> points_in(const Options& options, models::Library& library,
                                  Diagnostics& diagnostics) {
  const std::vector<FoundFile> found = find_all(options.paths);
  std::vector<LoadedFile> files(found.size());
  yaml::Files texts;
  work_in_parallel(found.size(), options.jobs, [&](std::size_t i) {
    files[i] = found[i].diagnostics.empty()
                   ? points_of(load_documents(found[i].file, texts), library)
                   : LoadedFile{found[i].file, {}, {}, found[i].diagnostics};
  });
  std::vector<PointToRun> points;
  for (LoadedFile& file : files) {
    append(diagnostics, file.diagnostics);
    for (PointToRun& point : file.points) points.push_back(std::move(point));
  }
  return points;
}

Diagnostics unknown_kinds(const Options& options) {
  const std::vector<std::string> names = rules::mutation_kind_names();
  Diagnostics diagnostics;
  for (const std::string& kind : options.kinds) {
    if (std::find(names.begin(), names.end(), kind) != names.end()) continue;
    diagnostics.push_back(unknown_word({}, "kind of mutant", kind, names));
  }
  return diagnostics;
}

Diagnostics unknown_models(const Options& options, const models::Library& library) {
  std::vector<std::string> names;
  for (const models::Listed& one : library.list()) {
    if (rules::model_kind_named(one.kind)) names.push_back(one.name);
  }
  Diagnostics diagnostics;
  for (const std::string& name : options.in) {
    if (std::find(names.begin(), names.end(), name) != names.end()) continue;
    diagnostics.push_back(unknown_word({}, "model", name, names));
  }
  return diagnostics;
}

ExitStatus mutation_status(const MutationReport& report) {
  const report::MutationSummary sum = report::summarize(report);
  ExitStatus status = ExitStatus::kAsExpected;
  if (sum.unnoticed > 0) status = ExitStatus::kDifferent;
  if (!report.diagnostics.empty()) status = worse(status, ExitStatus::kBadInput);
  if (report.interrupted) status = worse(status, ExitStatus::kInterrupted);
  return status;
}

}  // namespace

ExitStatus mutate_command(const Options& options) {
  const auto root = find_root();
  if (!root.ok()) return print_bad_input(root.error(), options);
  models::Library library(root.value());
  Diagnostics unknown = unknown_kinds(options);
  append(unknown, unknown_models(options, library));
  if (!unknown.empty()) return print_bad_input(unknown, options);
  catch_interrupts();
  MutationReport report;
  const std::vector<PointToRun> points = points_in(options, library, report.diagnostics);
  const Baseline baseline(points, options.in, library, options.jobs);
  if (!interrupted()) Mutating(options, baseline, library).run(report);
  report.interrupted |= interrupted();
  if (options.format == Format::kJson) {
    print(report::print_mutation_json(report));
  } else {
    print(report::print_mutation(report, style_of_output()));
    print_error(report::print_diagnostics(report.diagnostics, style_of_error()));
  }
  return mutation_status(report);
}

}  // namespace nptsim::cli
