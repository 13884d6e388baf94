#include "sim/rules/catalogue.h"

#include "sim/rules/resolved.h"

namespace nptsim::rules {
namespace {

std::vector<std::string> values_in(const ResolvedFact& fact, Values set) {
  std::vector<std::string> values;
  for (std::size_t i = 0; i < fact.info.values.size() && i < kMaxFactValues; ++i) {
    if ((set >> i) & 1) values.push_back(fact.info.values[i]);
  }
  return values;
}

FactEntry fact_entry(const Resolved& r, FactId id) {
  const ResolvedFact& fact = r.fact(id);
  FactEntry entry;
  entry.name = fact.info.name;
  entry.kind = fact.info.kind;
  entry.values = fact.info.values;
  entry.needs = fact.info.needs;
  entry.fixed = fact.info.fixed;
  if (fact.definition != nullptr) {
    entry.text = fact.definition->text;
    entry.source = fact.definition->source;
  } else if (fact.param != nullptr) {
    entry.text = fact.param->text;
  }
  for (const Constraint& c : r.constraints) {
    if (c.fact != id) continue;
    entry.implies.push_back({values_in(fact, c.value)[0], r.fact_name(c.implied),
                             values_in(r.fact(c.implied), c.allowed)});
  }
  return entry;
}

void collect_ids(const std::vector<ResolvedRow>& rows, std::vector<std::string>& ids) {
  for (const ResolvedRow& row : rows) {
    ids.push_back(row.row->id.text);
    collect_ids(row.rows, ids);
  }
}

}  // namespace

Catalogue catalogue(const Checked& checked) {
  const Resolved& r = checked.resolved();
  Catalogue all;
  for (FactId id = 0; id < r.facts.size(); ++id) {
    if (r.fact(id).nameable) all.facts.push_back(fact_entry(r, id));
  }
  for (const ActionDef& action : r.vocabulary.actions()) {
    all.actions.push_back({action.name, action.args, action.gives, action.writes,
                           action.sealed == nullptr, action.text});
  }
  for (std::size_t i = 0; i < r.stages.size(); ++i) {
    const Stage& stage = *r.stages[i].stage;
    TableEntry entry{stage.name.text, true, false, r.stage_answers[i], {}, stage.name.pos};
    collect_ids(r.stages[i].rows, entry.rows);
    all.tables.push_back(std::move(entry));
  }
  for (std::size_t i = 0; i < r.procedures.size(); ++i) {
    const ResolvedProcedure& procedure = r.procedures[i];
    TableEntry entry{procedure.procedure->name.text, false, procedure.exported,
                     r.procedure_answers[i],         {},    procedure.procedure->name.pos};
    collect_ids(procedure.rows, entry.rows);
    all.tables.push_back(std::move(entry));
  }
  return all;
}

}  // namespace nptsim::rules
