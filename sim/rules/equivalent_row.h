// Changes of a procedure's rows that make no difference to what is done behind them.
#ifndef NPTSIM_SIM_RULES_EQUIVALENT_ROW_H_
#define NPTSIM_SIM_RULES_EQUIVALENT_ROW_H_

#include <cstddef>
#include <string>
#include <vector>

#include "sim/rules/flow.h"
#include "sim/rules/mutate.h"
#include "sim/rules/told_apart.h"

namespace nptsim::rules {

// A row, and the list that it is in: a procedure's, or a loop's.
struct RowPlaceIn {
  const ResolvedProcedure* procedure = nullptr;
  const std::vector<ResolvedRow>* list = nullptr;
  std::size_t at = 0;
};

class EquivalentRow {
 public:
  EquivalentRow(const Resolved& resolved, const Flow& flow, const ToldApart& told_apart,
                const RowPlaceIn& place);

  std::string why(const Mutation& mutation) const;

 private:
  const ResolvedRow& row() const { return (*place_.list)[place_.at]; }
  std::string why_condition(const Mutation& mutation) const;
  std::string why_order() const;
  std::string why_answer() const;
  std::string why_not_there() const;

  bool both_end_alike(const ResolvedRow& next) const;
  bool exclude_each_other(const ResolvedRow& next) const;
  bool latest_is(const ResolvedAnswer& answer) const;
  enum class Meets : std::uint8_t { kNever, kSurely, kUnknown };
  Meets meets(const ResolvedRow& later, const std::vector<FactTest>& known) const;
  // Whether control, when it passes the row over and these tests hold, ends with an answer like the
  // row's before anything else is done.
  bool ends_like_row(const std::vector<FactTest>& known) const;

  const Resolved& r_;
  const Flow& flow_;
  const ToldApart& told_apart_;
  RowPlaceIn place_;
  const Flow::State* before_;
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_EQUIVALENT_ROW_H_
