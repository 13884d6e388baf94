#include "sim/rules/resolve.h"

#include <algorithm>

namespace nptsim::rules {
namespace {

bool check_sizes(const Resolved& r, Diagnostics& out) {
  const auto refuse = [&](const SourcePos& pos, std::string found, std::size_t limit) {
    out.push_back({pos, std::move(found), "at most " + std::to_string(limit), ""});
    return false;
  };
  const std::size_t tables = r.model.stages.size() + r.model.procedures.size();
  if (tables > r.limits.max_tables) {
    return refuse(r.model.pos, std::to_string(tables) + " stages and procedures",
                  r.limits.max_tables);
  }
  std::size_t rows = 0;
  for (const Stage& stage : r.model.stages) {
    rows += stage.rows.size();
    if (stage.rows.size() > r.limits.max_rows_of_stage) {
      return refuse(
          stage.name.pos,
          "stage '" + stage.name.text + "' has " + std::to_string(stage.rows.size()) + " rows",
          r.limits.max_rows_of_stage);
    }
  }
  for (const Procedure& procedure : r.model.procedures) rows += count_rows(procedure.rows);
  if (rows > r.limits.max_rows) {
    return refuse(r.model.pos, "the model has " + std::to_string(rows) + " rows",
                  r.limits.max_rows);
  }
  return true;
}

}  // namespace

std::optional<std::size_t> index_of(const std::vector<std::string>& list, std::string_view word) {
  const auto found = std::find(list.begin(), list.end(), word);
  if (found == list.end()) return std::nullopt;
  return static_cast<std::size_t>(found - list.begin());
}

std::string_view name_of(FactKind kind) {
  switch (kind) {
    case FactKind::kComputed:
      return "fact";
    case FactKind::kGiven:
      return "fact that actions give";
    case FactKind::kStage:
      return "stage";
    case FactKind::kCall:
      return "procedure";
    case FactKind::kField:
      return "field of an answer";
    case FactKind::kParam:
      return "param";
    case FactKind::kCapability:
      return "capability";
  }
  NPTSIM_BUG("a fact of no kind");
}

unsigned Resolved::value_index(FactId id, std::string_view value) const {
  const auto found = index_of(facts[id].info.values, value);
  NPTSIM_CHECK(found.has_value());
  return static_cast<unsigned>(*found);
}

const std::string& Resolved::fact_name(FactId id) const {
  static const std::string kResult = "result";
  return id == kResultFact ? kResult : facts[id].info.name;
}

FactId Resolved::fact_of_call(Go go, std::size_t target) const {
  switch (go) {
    case Go::kDecide:
      return stages[target].result_fact;
    case Go::kCall:
      return procedures[target].call_fact;
    case Go::kExit:
      return exit_facts[target];
    case Go::kIoctl:
      return ioctl_facts[target];
    case Go::kNowhere:
      break;
  }
  return kNoFact;
}

std::string spell_values(const ResolvedFact& fact, Values values) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < fact.info.values.size() && i < kMaxFactValues; ++i) {
    if ((values >> i) & 1) words.push_back(fact.info.values[i]);
  }
  return words.empty() ? "nothing" : list_of(words);
}

bool resolve(Resolved& resolved, Diagnostics& out) {
  const std::size_t before = out.size();
  if (!check_sizes(resolved, out)) return false;
  resolve_facts(resolved, out);
  if (out.size() != before) return false;
  resolve_rows(resolved, out);
  return out.size() == before;
}

}  // namespace nptsim::rules
