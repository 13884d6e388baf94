#include "sim/rules/solver.h"

#include <algorithm>

namespace nptsim::rules {
namespace {

constexpr std::uint32_t kAbsent = ~0u;

// The facts connected to those asked about by implications, without dead ends: a fact that nobody
// asks about and that only one other is tied to can always take a fitting value.
std::vector<FactId> facts_that_matter(const FactTies& ties, std::span<const FactId> asked) {
  const std::size_t count = ties.neighbours.size();
  std::vector<bool> in(count, false);
  std::vector<FactId> queue(asked.begin(), asked.end());
  for (const FactId fact : asked) in[fact] = true;
  for (std::size_t i = 0; i < queue.size(); ++i) {
    for (const FactId next : ties.neighbours[queue[i]]) {
      if (!in[next]) queue.push_back(next);
      in[next] = true;
    }
  }
  std::vector<std::size_t> tied(count, 0);
  std::vector<FactId> leaves;
  for (std::size_t i = asked.size(); i < queue.size(); ++i) {
    tied[queue[i]] = ties.neighbours[queue[i]].size();
    if (tied[queue[i]] <= 1) leaves.push_back(queue[i]);
  }
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    in[leaves[i]] = false;
    for (const FactId other : ties.neighbours[leaves[i]]) {
      if (in[other] && tied[other] > 1 && --tied[other] == 1) leaves.push_back(other);
    }
  }
  std::vector<FactId> result(asked.begin(), asked.end());
  for (std::size_t i = asked.size(); i < queue.size(); ++i) {
    if (in[queue[i]]) result.push_back(queue[i]);
  }
  return result;
}

}  // namespace

bool propagate(const std::vector<Constraint>& constraints, std::vector<Values>& box) {
  for (bool changed = true; changed;) {
    changed = false;
    for (const Constraint& c : constraints) {
      const Values fact = box[c.fact];
      if ((fact & c.value) == 0) continue;
      const Values narrowed = box[c.implied] & c.allowed;
      if (fact == c.value) {
        if (narrowed == box[c.implied]) continue;
        box[c.implied] = narrowed;
        if (narrowed == 0) return false;
        changed = true;
      } else if (narrowed == 0) {
        box[c.fact] = fact & ~c.value;
        changed = true;
      }
    }
  }
  return true;
}

FactTies::FactTies(const Resolved& resolved) : neighbours(resolved.facts.size()) {
  for (const Constraint& c : resolved.constraints) {
    neighbours[c.fact].push_back(c.implied);
    neighbours[c.implied].push_back(c.fact);
  }
  for (std::vector<FactId>& list : neighbours) {
    std::sort(list.begin(), list.end());
    list.erase(std::unique(list.begin(), list.end()), list.end());
  }
}

FactSpace::FactSpace(const Resolved& resolved, const FactTies& ties, std::span<const FactId> asked,
                     std::span<const Values> domains)
    : facts_(facts_that_matter(ties, asked)),
      local_(resolved.facts.size(), kAbsent),
      asked_(asked.size()) {
  for (std::uint32_t i = 0; i < facts_.size(); ++i) {
    local_[facts_[i]] = i;
    domain_.push_back(domains[facts_[i]]);
  }
  for (const Constraint& c : resolved.constraints) {
    const std::uint32_t fact = local_[c.fact];
    const std::uint32_t implied = local_[c.implied];
    if (fact == kAbsent || implied == kAbsent) continue;
    constraints_.push_back(
        {static_cast<FactId>(fact), c.value, static_cast<FactId>(implied), c.allowed});
  }
}

bool FactSpace::narrow(Box& box, const Conditions& where) const {
  for (const auto& [fact, allowed] : where) {
    const std::uint32_t local = local_[fact];
    if (local == kAbsent) {
      if (allowed == 0) return false;
      continue;
    }
    box[local] &= allowed;
  }
  return std::all_of(box.begin(), box.end(), [](Values values) { return values != 0; });
}

class Search {
 public:
  Search(const FactSpace& space, std::span<const FactSpace::LocalConditions> rows,
         std::size_t& budget)
      : space_(space), rows_(rows), budget_(budget) {}

  bool exhausted() const { return exhausted_; }
  const FactSpace::Box& found() const { return found_; }

  // Whether `box` has a situation that the rows from `first` on do not cover.
  bool open(FactSpace::Box& box, std::size_t first) {
    if (!spend()) return false;
    for (std::size_t i = first; i < rows_.size(); ++i) {
      const auto& row = rows_[i];
      if (disjoint(box, row)) continue;
      for (const auto& [fact, allowed] : row) {
        const Values outside = box[fact] & ~allowed;
        if (outside == 0) continue;
        FactSpace::Box rest = box;
        rest[fact] = outside;
        if (space_.propagate(rest) && open(rest, i + 1)) return true;
        if (exhausted_) return false;
        box[fact] &= allowed;
        if (!space_.propagate(box)) return false;
      }
      return false;  // what is left lies in the row
    }
    return solve(box);
  }

 private:
  bool spend() {
    if (budget_ == 0) exhausted_ = true;
    if (!exhausted_) --budget_;
    return !exhausted_;
  }

  static bool disjoint(const FactSpace::Box& box, const FactSpace::LocalConditions& row) {
    return std::any_of(row.begin(), row.end(), [&](const auto& condition) {
      return (box[condition.first] & condition.second) == 0;
    });
  }

  // One situation in the box, if the implications leave any.
  bool solve(FactSpace::Box& box) {
    if (!spend()) return false;
    const auto wide = std::find_if(box.begin(), box.end(),
                                   [](Values values) { return (values & (values - 1)) != 0; });
    if (wide == box.end()) {
      found_ = box;
      return true;
    }
    const auto at = wide - box.begin();
    for (Values left = *wide; left != 0; left &= left - 1) {
      FactSpace::Box one = box;
      one[static_cast<std::size_t>(at)] = left & -left;
      if (space_.propagate(one) && solve(one)) return true;
      if (exhausted_) return false;
    }
    return false;
  }

  const FactSpace& space_;
  std::span<const FactSpace::LocalConditions> rows_;
  std::size_t& budget_;
  bool exhausted_ = false;
  FactSpace::Box found_;
};

std::optional<Situation> FactSpace::uncovered(const Conditions& where,
                                              std::span<const Conditions> rows, std::size_t& budget,
                                              bool& exhausted) const {
  Box box = domain_;
  if (!narrow(box, where) || !propagate(box)) return std::nullopt;
  std::vector<LocalConditions> local_rows;
  for (const Conditions& row : rows) {
    LocalConditions local;
    bool empty = false;
    for (const auto& [fact, allowed] : row) {
      if (local_[fact] == kAbsent) {
        NPTSIM_BUG("a row tests a fact that its space does not have");
      }
      empty |= (domain_[local_[fact]] & allowed) == 0;
      local.emplace_back(local_[fact], allowed);
    }
    if (!empty) local_rows.push_back(std::move(local));
  }
  Search search(*this, local_rows, budget);
  const bool open = search.open(box, 0);
  exhausted |= search.exhausted();
  if (!open) return std::nullopt;
  Situation situation;
  for (std::size_t i = 0; i < asked_; ++i) {
    unsigned value = 0;
    while (((search.found()[i] >> value) & 1) == 0) ++value;
    situation.emplace_back(facts_[i], value);
  }
  return situation;
}

}  // namespace nptsim::rules
