#include "sim/rules/slots.h"

#include <bit>
#include <set>

namespace nptsim::rules {
namespace {

class Needed {
 public:
  Needed(const Resolved& resolved, const ResolvedProcedure& procedure) : r_(resolved) {
    facts_.insert(procedure.takes.begin(), procedure.takes.end());
    add_rows(procedure.rows);
  }
  const std::set<FactId>& facts() const { return facts_; }

 private:
  void add_tests(const std::vector<FactTest>& tests) {
    for (const FactTest& test : tests) {
      if (test.fact != kResultFact && r_.fact(test.fact).held_by_frames()) facts_.insert(test.fact);
    }
  }
  void add_rows(const std::vector<ResolvedRow>& rows) {
    for (const ResolvedRow& row : rows) {
      add_tests(row.when);
      add_tests(row.wait);
      add_tests(row.while_holds);
      if (row.row->go == Go::kDecide && decided_.insert(row.target).second) {
        for (const ResolvedRow& one : r_.stages[row.target].rows) add_tests(one.when);
      }
      if (row.row->go == Go::kCall) {
        const std::vector<FactId>& takes = r_.procedures[row.target].takes;
        facts_.insert(takes.begin(), takes.end());
      }
      add_rows(row.rows);
    }
  }

  const Resolved& r_;
  std::set<FactId> facts_;
  std::set<std::size_t> decided_;
};

}  // namespace

std::optional<std::map<FactId, FactSlot>> slots_of(const Resolved& resolved,
                                                   const ResolvedProcedure& procedure) {
  const Needed needed(resolved, procedure);
  std::map<FactId, FactSlot> slots;
  unsigned used[kFactWords] = {};
  for (const FactId fact : needed.facts()) {
    // Index + 1, so the largest is the number of values.
    const auto width =
        static_cast<unsigned>(std::bit_width(resolved.fact(fact).info.values.size()));
    unsigned word = 0;
    while (word < kFactWords && used[word] + width > 64) ++word;
    if (word == kFactWords) return std::nullopt;
    slots[fact] = {static_cast<std::uint8_t>(word), static_cast<std::uint8_t>(used[word]),
                   static_cast<std::uint8_t>(width)};
    used[word] += width;
  }
  return slots;
}

void check_slots(const Resolved& resolved, Diagnostics& out) {
  for (const ResolvedProcedure& procedure : resolved.procedures) {
    if (slots_of(resolved, procedure)) continue;
    out.push_back({procedure.procedure->name.pos,
                   "procedure '" + procedure.procedure->name.text +
                       "' asks for more facts than a frame holds (192 bits)",
                   "", "let procedures of its own decide a part"});
  }
}

}  // namespace nptsim::rules
