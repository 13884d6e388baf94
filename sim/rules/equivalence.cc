#include "sim/rules/equivalence.h"

#include <map>
#include <utility>

#include "sim/rules/equivalent_row.h"
#include "sim/rules/equivalent_stage.h"
#include "sim/rules/flow.h"
#include "sim/rules/told_apart.h"

namespace nptsim::rules {

struct Equivalence::Parts {
  explicit Parts(Checked with_rules)
      : checked(std::move(with_rules)),
        r(checked.resolved()),
        flow(r, Flow::Assume::kAsCalled),
        told_apart(r, flow) {
    Diagnostics none;
    flow.run(none);
    for (const ResolvedProcedure& one : r.procedures) find_rows(one, one.rows);
  }

  void find_rows(const ResolvedProcedure& procedure, const std::vector<ResolvedRow>& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      places[list[i].row->id.text] = {&procedure, &list, i};
      find_rows(procedure, list[i].rows);
    }
  }

  EquivalentStage& stage(std::size_t number) {
    return stages.try_emplace(number, r, flow, told_apart, number).first->second;
  }

  Checked checked;
  const Resolved& r;
  Flow flow;
  ToldApart told_apart;
  std::map<std::string, RowPlaceIn> places;
  std::map<std::size_t, EquivalentStage> stages;  // those that were asked about
};

Equivalence::Equivalence(Checked checked) : parts_(std::make_unique<Parts>(std::move(checked))) {}
Equivalence::~Equivalence() = default;
Equivalence::Equivalence(Equivalence&&) noexcept = default;

void Equivalence::set_outsiders(const std::vector<const Equivalence*>& others) {
  std::vector<const ToldApart*> outsiders;
  for (const Equivalence* other : others) outsiders.push_back(&other->parts_->told_apart);
  parts_->told_apart.set_outsiders(std::move(outsiders));
}

std::string Equivalence::why(const Mutation& mutation) const {
  const auto is_it = [&](const ResolvedRow& row) {
    return row.row->id.text == mutation.row && row.row->origin.pos == mutation.pos;
  };
  if (const auto at = parts_->r.stage_by_name.find(mutation.table);
      at != parts_->r.stage_by_name.end()) {
    const std::vector<ResolvedRow>& rows = parts_->r.stages[at->second].rows;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (is_it(rows[i])) return parts_->stage(at->second).why(mutation, i);
    }
    return "";
  }
  const auto at = parts_->places.find(mutation.row);
  if (at == parts_->places.end() || !is_it((*at->second.list)[at->second.at])) return "";
  return EquivalentRow(parts_->r, parts_->flow, parts_->told_apart, at->second).why(mutation);
}

}  // namespace nptsim::rules
