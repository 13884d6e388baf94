#include "sim/rules/stage_check.h"

#include <algorithm>
#include <bit>

#include "sim/rules/solver.h"

namespace nptsim::rules {
namespace {

constexpr std::size_t kMaxStageBits = 64;

class StageCheck {
 public:
  StageCheck(const Resolved& resolved, const FactTies& ties, std::span<const Values> domains,
             const ResolvedStage& stage, Diagnostics& out)
      : r_(resolved), stage_(stage), out_(out), budget_(resolved.limits.max_search) {
    std::vector<FactId> asked;
    for (const ResolvedRow& row : stage.rows) {
      Conditions conditions;
      for (const FactTest& test : row.when) {
        conditions.emplace_back(test.fact, test.allowed);
        if (std::find(asked.begin(), asked.end(), test.fact) == asked.end()) {
          asked.push_back(test.fact);
        }
      }
      rows_.push_back(std::move(conditions));
    }
    space_.emplace(resolved, ties, asked, domains);
    count_bits(asked);
  }

  void check() {
    bool exhausted = false;
    for (std::size_t i = 0; i < rows_.size() && !exhausted; ++i) check_reachable(i, exhausted);
    const auto open = exhausted ? std::nullopt : uncovered({}, rows_, exhausted);
    if (exhausted) {
      fail(stage_.stage->name.pos, "stage '" + name() + "' is too intricate to be checked",
           "split it, or test fewer facts in one row");
    } else if (open) {
      fail(stage_.stage->name.pos, "stage '" + name() + "' has no row for " + spell(*open),
           "add a row for it, or a last row without `when`");
    }
  }

 private:
  const std::string& name() const { return stage_.stage->name.text; }

  std::optional<Situation> uncovered(const Conditions& where, std::span<const Conditions> rows,
                                     bool& exhausted) {
    return space_->uncovered(where, rows, budget_, exhausted);
  }

  void check_reachable(std::size_t i, bool& exhausted) {
    const auto before = std::span(rows_).first(i);
    if (uncovered(rows_[i], before, exhausted) || exhausted) return;
    const Row& row = *stage_.rows[i].row;
    if (!uncovered(rows_[i], {}, exhausted)) {
      fail(row.origin.pos,
           "row '" + row.id.text + "' of stage '" + name() +
               "' can never hold: its conditions exclude each other",
           "");
      return;
    }
    // Only the rows that it takes: leave one out, and see whether the others still do.
    std::vector<std::size_t> needed;
    for (std::size_t j = 0; j < i; ++j) needed.push_back(j);
    for (std::size_t j = i; j-- > 0;) {
      std::vector<Conditions> others;
      std::vector<std::size_t> left;
      for (const std::size_t k : needed) {
        if (k == j) continue;
        others.push_back(rows_[k]);
        left.push_back(k);
      }
      if (!uncovered(rows_[i], others, exhausted) && !exhausted) needed = left;
      if (exhausted) break;
    }
    exhausted = false;
    std::vector<std::string> names;
    for (const std::size_t j : needed) {
      names.push_back("'" + stage_.rows[j].row->id.text + "' (" +
                      to_string(stage_.rows[j].row->origin.pos) + ")");
    }
    fail(row.origin.pos,
         "row '" + row.id.text + "' of stage '" + name() +
             "' can never be reached: " + list_of(names, "and") +
             (names.size() == 1 ? " takes" : " together take") + " all that it would match",
         "put it before, or remove it");
  }

  // What the compiled stage needs: a bit for each group of values that its rows tell apart.
  void count_bits(const std::vector<FactId>& asked) {
    std::size_t bits = 0;
    for (const FactId fact : asked) {
      std::vector<Values> groups = {all_values(r_.fact(fact).info.values.size())};
      for (const Conditions& row : rows_) {
        for (const auto& [tested, allowed] : row) {
          if (tested != fact) continue;
          std::vector<Values> split;
          for (const Values group : groups) {
            if ((group & allowed) != 0) split.push_back(group & allowed);
            if ((group & ~allowed) != 0) split.push_back(group & ~allowed);
          }
          groups = std::move(split);
        }
      }
      if (groups.size() > 1) bits += groups.size();
    }
    if (bits > kMaxStageBits) {
      fail(stage_.stage->name.pos,
           "stage '" + name() + "' tells " + std::to_string(bits) +
               " groups of values apart; at most 64 fit",
           "let one stage decide a part, and the other test its result");
    }
  }

  // "pfn: ok, guest: snp"
  std::string spell(const Situation& situation) const {
    if (situation.empty()) return "anything";
    std::string text;
    for (const auto& [fact, value] : situation) {
      if (!text.empty()) text += ", ";
      text += r_.fact_name(fact) + ": " + r_.fact(fact).info.values[value];
    }
    return text;
  }

  void fail(const SourcePos& pos, std::string found, std::string suggestion) {
    out_.push_back({pos, std::move(found), "", std::move(suggestion)});
  }

  const Resolved& r_;
  const ResolvedStage& stage_;
  Diagnostics& out_;
  std::vector<Conditions> rows_;
  std::optional<FactSpace> space_;
  std::size_t budget_;  // of all searches together: a hostile table must not take long
};

}  // namespace

void check_stages(const Resolved& resolved, std::span<const Values> domains, Diagnostics& out) {
  const FactTies ties(resolved);
  for (const ResolvedStage& stage : resolved.stages) {
    StageCheck(resolved, ties, domains, stage, out).check();
  }
}

}  // namespace nptsim::rules
