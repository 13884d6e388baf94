#include "sim/cli/comparison.h"

#include <memory>
#include <set>
#include <utility>

#include "sim/cli/console.h"
#include "sim/cli/event_log.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/point_run.h"
#include "sim/cli/points.h"
#include "sim/cli/workers.h"

namespace nptsim::cli {
namespace {

using report::DiffCell;
using report::DiffReport;
using report::DiffRow;

// A row of the report and the points behind its cells; null: that one is invalid.
struct Slot {
  DiffRow row;
  std::vector<const PointToRun*> points;
};

report::PointValues without(const report::PointValues& picks, const std::set<std::string>& keys) {
  report::PointValues left;
  for (const auto& pick : picks) {
    if (!keys.contains(pick.first)) left.push_back(pick);
  }
  return left;
}

// One document with every model. Points belong together that have picked the same but for what the
// models decide.
class DocumentRows {
 public:
  DocumentRows(const Documents& documents, std::size_t document,
               const std::vector<scenario::ModelsChange>& changes, models::Library& library)
      : documents_(documents), document_(document), models_(changes.size()) {
    for (const scenario::ModelsChange& change : changes) {
      files_.push_back(points_with(documents, document, change, library));
      for (const auto& [key, name] : change.machine) decided_.insert(key);
    }
  }

  // The rows keep pointers into this object.
  std::vector<Slot> rows() {
    for (std::size_t model = 0; model < models_; ++model) {
      for (const PointToRun& point : files_[model].points) {
        slot(point.point.scenario.picks).points[model] = &point;
      }
      for (const report::InvalidPoint& point : files_[model].invalid) add_invalid(model, point);
    }
    return std::move(slots_);
  }

 private:
  Slot& slot(const report::PointValues& picks) {
    report::PointValues point = without(picks, decided_);
    for (Slot& known : slots_) {
      if (known.row.point == point) return known;
    }
    const std::string& name = documents_.documents[document_].name;
    Slot slot{{documents_.file, name, std::move(point), {}}, {}};
    slot.row.cells.resize(models_);
    slot.points.resize(models_, nullptr);
    slots_.push_back(std::move(slot));
    return slots_.back();
  }

  void add_invalid(std::size_t model, const report::InvalidPoint& point) {
    slot(point.point).row.cells[model].invalid = point.why;
  }

  const Documents& documents_;
  std::size_t document_;
  std::size_t models_;
  std::vector<LoadedFile> files_;
  std::set<std::string> decided_;
  std::vector<Slot> slots_;
};

class Comparison {
 public:
  Comparison(const Options& options, const std::vector<ModelStack>& stacks, const ModelNames& names,
             models::Library& library, Partings partings)
      : options_(options), stacks_(stacks), names_(names), library_(library), partings_(partings) {}

  DiffReport compare() {
    load();
    run_all();
    find_partings();
    collect();
    return std::move(report_);
  }

 private:
  struct File {
    Documents documents;
    std::vector<std::unique_ptr<DocumentRows>> rows;
    std::vector<Slot> slots;
    std::vector<report::InvalidPoint> not_applicable;
  };

  void load() {
    const std::vector<FoundFile> found = find_all(options_.paths);
    files_.resize(found.size());
    yaml::Files texts;
    work_in_parallel(found.size(), options_.jobs, [&](std::size_t i) {
      File& file = files_[i];
      file.documents = found[i].diagnostics.empty()
                           ? load_documents(found[i].file, texts)
                           : Documents{found[i].file, {}, found[i].diagnostics};
      for (std::size_t n = 0; n < file.documents.documents.size(); ++n) load_document(file, n);
    });
    for (File& file : files_) {
      for (Slot& slot : file.slots) slots_.push_back(&slot);
    }
  }

  void load_document(File& file, std::size_t number) {
    const scenario::Scenario& document = file.documents.documents[number];
    std::vector<scenario::ModelsChange> changes;
    for (const ModelStack& stack : stacks_) {
      auto change = change_for(document, stack, names_);
      if (!change.ok()) {
        file.not_applicable.push_back({file.documents.file, document.name, {}, change.error()});
        return;
      }
      changes.push_back(std::move(change).value());
    }
    file.rows.push_back(std::make_unique<DocumentRows>(file.documents, number, changes, library_));
    for (Slot& slot : file.rows.back()->rows()) file.slots.push_back(std::move(slot));
  }

  PointRun run_one(const PointToRun& point, machine::EventSink* listener = nullptr) {
    PointRunOptions options;
    options.max_steps = options_.max_steps;
    options.listener = listener;
    return run_point(point, library_, options);
  }

  // The VMM's start-up is told as well: what was decided there (a slot's flags) shows much later.
  PointRun run_from_start(const PointToRun& point, Keeper& keeper) {
    PointToRun from_start = point;
    from_start.point.scenario.vm.start.begin = scenario::Begin::kVmmStart;
    return run_one(from_start, &keeper);
  }

  void run_all() {
    const std::size_t models = stacks_.size();
    Progress progress(slots_.size() * models);
    work_in_parallel(
        slots_.size() * models, options_.jobs,
        [&](std::size_t i) { run_cell(*slots_[i / models], i % models); },
        [&](std::size_t done) { progress.done(done); });
  }

  void run_cell(Slot& slot, std::size_t model) {
    if (slot.points[model] == nullptr) return;
    PointRun run = run_one(*slot.points[model]);
    DiffCell& cell = slot.row.cells[model];
    if (run.diagnostics.empty()) {
      cell.result = std::move(run.result);
    } else {
      cell.invalid = run.diagnostics.front().found;
    }
  }

  void find_partings() {
    work_in_parallel(slots_.size(), options_.jobs, [&](std::size_t i) {
      Slot& slot = *slots_[i];
      if (slot.row.invalid() || interrupted()) return;
      if (partings_ == Partings::kOfChanged && !slot.row.changed()) return;
      Keeper before;
      const PointRun first = run_from_start(*slot.points[0], before);
      if (first.setup == nullptr) return;  // it cannot be built there: nothing began
      const report::RuleBook book(*first.setup);
      for (std::size_t model = 1; model < stacks_.size(); ++model) {
        Keeper after;
        const PointRun other = run_from_start(*slot.points[model], after);
        if (other.setup == nullptr) continue;
        slot.row.cells[model].parting = report::part(
            before.kept().events, book, after.kept().events, report::RuleBook(*other.setup));
      }
    });
  }

  void collect() {
    for (const ModelStack& stack : stacks_) {
      report::DiffModel model{stack.label, {}};
      for (const OverlayName& one : stack.overlays) {
        model.overlays.push_back({one.name, one.text, one.source});
      }
      report_.models.push_back(std::move(model));
    }
    report_.interrupted = interrupted();
    for (File& file : files_) {
      report_.diagnostics.insert(report_.diagnostics.end(), file.documents.diagnostics.begin(),
                                 file.documents.diagnostics.end());
      report_.not_applicable.insert(report_.not_applicable.end(), file.not_applicable.begin(),
                                    file.not_applicable.end());
      if (report_.interrupted) continue;  // half of a comparison is none
      for (Slot& slot : file.slots) report_.rows.push_back(std::move(slot.row));
    }
  }

  const Options& options_;
  const std::vector<ModelStack>& stacks_;
  const ModelNames& names_;
  models::Library& library_;
  Partings partings_;
  std::vector<File> files_;
  std::vector<Slot*> slots_;
  DiffReport report_;
};

}  // namespace

DiffReport compare_models(const Options& options, const std::vector<ModelStack>& stacks,
                          const ModelNames& names, models::Library& library, Partings partings) {
  return Comparison(options, stacks, names, library, partings).compare();
}

}  // namespace nptsim::cli
