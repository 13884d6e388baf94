#include <array>
#include <atomic>
#include <fstream>
#include <map>
#include <mutex>
#include <sstream>
#include <utility>
#include <vector>

#include "sim/cli/commands.h"
#include "sim/cli/console.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/point_run.h"
#include "sim/cli/points.h"
#include "sim/cli/root.h"
#include "sim/cli/sweep_axes.h"
#include "sim/cli/workers.h"
#include "sim/report/diff.h"
#include "sim/report/sweep.h"
#include "sim/scenario/build.h"
#include "sim/scenario/canonical.h"
#include "sim/scenario/large_matrix.h"

namespace nptsim::cli {
namespace {

using report::Sweep;
using report::SweepCell;

// So many points at a time: what is shared between threads is touched once for all of them.
constexpr std::uint64_t kBlock = 256;

// Numbers cells as they come. Which thread was first does not matter: they are numbered again.
class CellNumbers {
 public:
  std::uint32_t number_of(const SweepCell& cell) {
    const std::lock_guard lock(mutex_);
    const auto next = static_cast<std::uint32_t>(cells_.size());
    const auto [at, fresh] = numbers_.emplace(cell, next);
    if (fresh) cells_.push_back(cell);
    return at->second;
  }
  const std::vector<SweepCell>& cells() const { return cells_; }

 private:
  std::mutex mutex_;
  std::map<SweepCell, std::uint32_t> numbers_;
  std::vector<SweepCell> cells_;
};

// In the order of the points, whatever the threads did.
void number_by_points(Sweep& sweep) {
  constexpr std::uint32_t kNone = ~0u;
  std::vector<std::uint32_t> numbers(sweep.cells.size(), kNone);
  std::vector<SweepCell> cells;
  for (std::uint32_t& point : sweep.points) {
    if (numbers[point] == kNone) {
      numbers[point] = static_cast<std::uint32_t>(cells.size());
      cells.push_back(sweep.cells[point]);
    }
    point = numbers[point];
  }
  sweep.cells = std::move(cells);
}

class Sweeper {
 public:
  Sweeper(const Options& options, const std::string& file, const scenario::Scenario& document,
          models::Library& library)
      : options_(options), library_(library), matrix_(document) {
    sweep_.file = file;
    sweep_.name = document.name;
    for (const scenario::Setting& setting : document.set) {
      if (!setting.is_list) continue;
      sweep_.axes.push_back({setting.key.value, {}});
      for (const scenario::Text& value : setting.values) {
        sweep_.axes.back().values.push_back(value.value);
      }
    }
    sweep_.hash = scenario::scenario_hash(document);
  }

  Result<Sweep, Diagnostics> sweep(const Shard& shard) {
    sweep_.first = shard.begin(matrix_.size());
    const std::uint64_t count = shard.end(matrix_.size()) - sweep_.first;
    sweep_.points.resize(count);
    const std::uint64_t blocks = (count + kBlock - 1) / kBlock;
    Progress progress(count);
    work_in_parallel(
        blocks, options_.jobs, [&](std::size_t block) { run_block(block * kBlock); },
        [&](std::size_t done) { progress.done(std::min(done * kBlock, count)); });
    if (!diagnostics_.empty()) return diagnostics_;
    sweep_.cells = cells_.cells();
    sweep_.incomplete = incomplete_;
    if (!interrupted()) number_by_points(sweep_);
    return std::move(sweep_);
  }

 private:
  void run_block(std::uint64_t begin) {
    std::map<SweepCell, std::uint32_t> known;
    const std::uint64_t end = std::min<std::uint64_t>(begin + kBlock, sweep_.points.size());
    for (std::uint64_t i = begin; i < end && !failed_ && !interrupted(); ++i) {
      const SweepCell cell = run_one(sweep_.first + i);
      auto at = known.find(cell);
      if (at == known.end()) at = known.emplace(cell, cells_.number_of(cell)).first;
      sweep_.points[i] = at->second;
    }
  }

  SweepCell run_one(std::uint64_t index) {
    auto point = matrix_.at(index, [this](const scenario::Scenario& one) {
      return scenario::contradiction(one, library_);
    });
    if (!point.ok()) return refuse(point.error());
    if (!point.value().invalid.empty()) return {"invalid", "", point.value().invalid};
    PointRunOptions how;
    how.max_steps = options_.max_steps;
    how.hash = false;
    const PointRun run = run_point({"", std::move(point).value(), 0}, library_, how);
    if (!run.diagnostics.empty()) return {"invalid", "", run.diagnostics.front().found};
    if (run.result.trouble == report::Trouble::kIncomplete) incomplete_ = true;
    return {report::short_outcome(run.result), run.result.run->seen_by, run.result.why};
  }

  SweepCell refuse(const Diagnostics& why) {
    const std::lock_guard lock(mutex_);
    if (!failed_.exchange(true)) diagnostics_ = why;
    return {};
  }

  const Options& options_;
  models::Library& library_;
  scenario::LargeMatrix matrix_;
  CellNumbers cells_;
  Sweep sweep_;
  std::mutex mutex_;
  std::atomic<bool> failed_ = false, incomplete_ = false;
  Diagnostics diagnostics_;
};

Result<scenario::Scenario, Diagnostics> document_of(const Options& options) {
  const Documents documents = load_documents(options.paths.front());
  if (!documents.diagnostics.empty()) return documents.diagnostics;
  const std::uint64_t number = options.point.value_or(1);
  if (number < 1 || number > documents.documents.size()) {
    return Diagnostics{{{documents.file, 0, 0},
                        "there is no document " + std::to_string(number),
                        "1 to " + std::to_string(documents.documents.size()),
                        ""}};
  }
  std::vector<scenario::Setting> axes;
  for (const std::string& text : options.set) {
    auto axis = parse_axis(text);
    if (!axis.ok()) return axis.error();
    axes.push_back(std::move(axis).value());
  }
  return with_axes(documents.documents[number - 1], axes);
}

ExitStatus print_whole(const Sweep& sweep, const Options& options) {
  switch (options.format) {
    case Format::kCsv:
      print(report::print_sweep_csv(sweep));
      break;
    case Format::kJson:
      print(report::print_sweep_json(sweep));
      break;
    case Format::kSvg:
      print(report::print_sweep_svg(sweep, options.columns));
      break;
    default:
      print(report::print_sweep(sweep, options.columns));
      break;
  }
  return sweep.incomplete ? ExitStatus::kIncomplete : ExitStatus::kAsExpected;
}

Result<Sweep, Diagnostics> read_part_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  if (!file) return Diagnostics{{{path, 0, 0}, "cannot be read", "", ""}};
  return report::read_part(std::move(text).str(), path);
}

}  // namespace

ExitStatus sweep_command(const Options& options) {
  const auto root = find_root();
  if (!root.ok()) return print_bad_input(root.error(), options);
  catch_interrupts();
  Shard shard;
  if (!options.shard.empty()) {
    const auto parsed = parse_shard(options.shard);
    if (!parsed) {
      return print_bad_input(
          {{{}, "'" + options.shard + "' is no part", "NUMBER/PARTS, as 1/4 to 4/4", ""}}, options);
    }
    shard = *parsed;
  }
  const auto document = document_of(options);
  if (!document.ok()) return print_bad_input(document.error(), options);
  models::Library library(root.value());
  Sweeper sweeper(options, options.paths.front(), document.value(), library);
  const auto sweep = sweeper.sweep(shard);
  if (!sweep.ok()) return print_bad_input(sweep.error(), options);
  if (interrupted()) {
    print_error("nptsim: interrupted; a part of a sweep is nothing\n");
    return ExitStatus::kInterrupted;
  }
  if (options.shard.empty()) return print_whole(sweep.value(), options);
  print(report::print_part(sweep.value()));
  return sweep.value().incomplete ? ExitStatus::kIncomplete : ExitStatus::kAsExpected;
}

ExitStatus merge_command(const Options& options) {
  std::vector<Sweep> parts;
  for (const std::string& path : options.paths) {
    auto part = read_part_file(path);
    if (!part.ok()) return print_bad_input(part.error(), options);
    parts.push_back(std::move(part).value());
  }
  const auto whole = report::merge_parts(std::move(parts));
  if (!whole.ok()) return print_bad_input(whole.error(), options);
  return print_whole(whole.value(), options);
}

}  // namespace nptsim::cli
