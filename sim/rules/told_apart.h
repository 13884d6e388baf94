// Whether any row would notice that another word was answered.
#ifndef NPTSIM_SIM_RULES_TOLD_APART_H_
#define NPTSIM_SIM_RULES_TOLD_APART_H_

#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/rules/flow.h"
#include "sim/rules/resolved.h"

namespace nptsim::rules {

class ToldApart {
 public:
  // The flow has run, with kAsCalled.
  ToldApart(const Resolved& resolved, const Flow& flow) : r_(resolved), flow_(flow) {}

  // Two words of a stage or procedure, whose fact this is.
  bool operator()(FactId fact, std::string_view a, std::string_view b) const;

  // The other models that may enter this one's procedures. Until it is known who they are, whoever
  // enters is taken to tell all answers apart. (The machine enters some, and looks at no answer:
  // sim/machine/machine.cc pop_answer.)
  void set_outsiders(std::vector<const ToldApart*> outsiders) { outsiders_ = std::move(outsiders); }
  // Whether rows of this model tell two answers of another one's procedure apart.
  bool from_outside(std::string_view procedure, std::string_view a, std::string_view b) const;

 private:
  struct Pair {
    FactId fact;
    std::string_view a, b;
    auto operator<=>(const Pair&) const = default;
  };
  using Seen = std::set<Pair>;

  bool told(const Pair& pair, Seen& seen) const;
  bool own_rows_tell(const Pair& pair, Seen& seen) const;
  bool outsiders_tell(const Pair& pair) const;
  bool rows_tell(const std::vector<ResolvedRow>& rows, const Pair& pair) const;
  bool row_tells(const ResolvedRow& row, const Pair& pair) const;
  bool test_tells(const FactTest& test, const Pair& pair) const;
  bool may_be_latest(const ResolvedRow& row, FactId fact) const;
  bool hands_on(const std::vector<ResolvedRow>& rows, FactId fact) const;

  const Resolved& r_;
  const Flow& flow_;
  std::optional<std::vector<const ToldApart*>> outsiders_;
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_TOLD_APART_H_
