#include "sim/report/diff.h"

#include <fmt/format.h>

#include <algorithm>

#include "sim/report/outcome_text.h"
#include "sim/report/text.h"

namespace nptsim::report {
namespace {

using machine::Outcome;
using machine::OutcomeKind;

bool same_outcome(const Outcome& a, const Outcome& b) {
  return a.kind == b.kind && a.spin == b.spin && a.vector == b.vector &&
         a.error_code == b.error_code && a.reason_set == b.reason_set &&
         a.reason_code == b.reason_code && a.at == b.at && a.who == b.who && a.text == b.text &&
         a.process_alive == b.process_alive && values_read(a) == values_read(b);
}

bool same_run(const machine::RunResult& a, const machine::RunResult& b) {
  return a.harm == b.harm && a.seen_by == b.seen_by && same_outcome(a.vm, b.vm) &&
         std::equal(a.vcpus.begin(), a.vcpus.end(), b.vcpus.begin(), b.vcpus.end(), same_outcome);
}

bool same_result(const PointResult& a, const PointResult& b) {
  if (!a.run || !b.run) return a.run.has_value() == b.run.has_value();
  return same_run(*a.run, *b.run);
}

std::string short_outcome(const Outcome& outcome) {
  std::string text(machine::name_of(outcome.kind));
  if (outcome.kind == OutcomeKind::kSpins) {
    text += fmt::format(" ({})", machine::name_of(outcome.spin));
  }
  const bool ended_by =
      outcome.kind == OutcomeKind::kRefused || outcome.kind == OutcomeKind::kVmKilled;
  if (ended_by && !outcome.who.empty()) text += " by " + outcome.who;
  return text;
}

std::string values_text(const machine::RunResult& run) {
  std::string text;
  for (const Outcome& outcome : run.vcpus) {
    for (const auto& [name, value] : values_read(outcome)) text += " " + name + "=" + hex(value);
  }
  return text;
}

std::string cell_text(const DiffCell& cell) {
  return cell.result ? short_outcome(*cell.result) : "invalid";
}

// Where the table's words would be the same everywhere, the values that were read, or the texts.
std::vector<std::string> cell_texts(const DiffRow& row) {
  std::vector<std::string> texts;
  for (const DiffCell& cell : row.cells) texts.push_back(cell_text(cell));
  if (std::count(texts.begin(), texts.end(), texts.front()) !=
      static_cast<std::ptrdiff_t>(texts.size())) {
    return texts;
  }
  for (std::size_t i = 0; i < texts.size(); ++i) {
    const DiffCell& cell = row.cells[i];
    if (!cell.result || !cell.result->run) continue;
    const machine::RunResult& run = *cell.result->run;
    texts[i] += values_text(run);
    const std::string& said = run.vm.kind != OutcomeKind::kCompletes || run.vcpus.empty()
                                  ? run.vm.text
                                  : run.vcpus[0].text;
    if (!said.empty()) texts[i] += ": " + said;
  }
  return texts;
}

}  // namespace

bool DiffRow::invalid() const {
  return std::any_of(cells.begin(), cells.end(),
                     [](const DiffCell& cell) { return !cell.result.has_value(); });
}

bool DiffRow::changed() const {
  if (invalid()) return false;
  return std::any_of(cells.begin() + 1, cells.end(), [&](const DiffCell& cell) {
    return !same_result(*cells.front().result, *cell.result);
  });
}

DiffSummary summarize(const DiffReport& report) {
  DiffSummary summary;
  for (const DiffRow& row : report.rows) {
    const bool error =
        !row.invalid() && std::any_of(row.cells.begin(), row.cells.end(), [](const auto& cell) {
          return cell.result->trouble != Trouble::kNone;
        });
    ++(row.invalid()   ? summary.invalid
       : error         ? summary.errors
       : row.changed() ? summary.changed
                       : summary.same);
  }
  return summary;
}

std::string short_outcome(const PointResult& result) {
  if (!result.run) return "does not run";
  const machine::RunResult& run = *result.run;
  std::string text;
  if (run.vm.kind != OutcomeKind::kCompletes) {
    text = short_outcome(run.vm);
  } else {
    std::vector<std::string> words;
    for (const Outcome& outcome : run.vcpus) {
      const std::string word = short_outcome(outcome);
      if (words.empty() || words.back() != word) words.push_back(word);
    }
    text = join(words, ", ");
  }
  for (const std::string& flag : run.harm) text += " +" + flag;
  return text;
}

std::string DiffGroup::points() const {
  const std::string first = describe(rows.front()->point);
  if (rows.size() == 1) return first;
  return fmt::format("{} points, the first {}", rows.size(), first);
}

std::vector<DiffGroup> changed_groups(const DiffReport& report) {
  std::vector<DiffGroup> groups;
  for (const DiffRow& row : report.rows) {
    if (!row.changed()) continue;
    std::vector<std::string> cells = cell_texts(row);
    const auto known = std::find_if(groups.begin(), groups.end(), [&](const DiffGroup& group) {
      return group.first().file == row.file && group.first().name == row.name &&
             group.cells == cells;
    });
    if (known != groups.end()) {
      known->rows.push_back(&row);
    } else {
      groups.push_back({{&row}, std::move(cells)});
    }
  }
  return groups;
}

}  // namespace nptsim::report
