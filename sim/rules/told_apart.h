// Whether any row would notice that another word was answered.
#ifndef NPTSIM_SIM_RULES_TOLD_APART_H_
#define NPTSIM_SIM_RULES_TOLD_APART_H_

#include <set>
#include <string_view>
#include <tuple>

#include "sim/rules/flow.h"
#include "sim/rules/resolved.h"

namespace nptsim::rules {

class ToldApart {
 public:
  // The flow has run, with kAsCalled.
  ToldApart(const Resolved& resolved, const Flow& flow) : r_(resolved), flow_(flow) {}

  // Two words of a stage or procedure, whose fact this is. Whoever may enter a procedure from
  // outside is taken to tell all of its answers apart.
  bool operator()(FactId fact, std::string_view a, std::string_view b) const;

 private:
  struct Pair {
    FactId fact;
    std::string_view a, b;
    auto operator<=>(const Pair&) const = default;
  };
  using Seen = std::set<Pair>;

  bool told(const Pair& pair, Seen& seen) const;
  bool rows_tell(const std::vector<ResolvedRow>& rows, const Pair& pair) const;
  bool row_tells(const ResolvedRow& row, const Pair& pair) const;
  bool test_tells(const FactTest& test, const Pair& pair) const;
  bool may_be_latest(const ResolvedRow& row, FactId fact) const;
  bool hands_on(const std::vector<ResolvedRow>& rows, FactId fact) const;

  const Resolved& r_;
  const Flow& flow_;
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_TOLD_APART_H_
