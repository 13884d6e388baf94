#include "sim/cli/mutants.h"

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "sim/cli/console.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/workers.h"
#include "sim/rules/equivalence.h"

namespace nptsim::cli {
namespace {

using rules::ModelKind;

RuleKey key_of(ModelKind kind, const std::string& row, const SourcePos& pos) {
  return {kind, row, pos.file, pos.line};
}

RuleKey key_of(const RuleMutant& mutant) {
  return key_of(mutant.kind, mutant.mutation.row, mutant.mutation.pos);
}

void collect_keys(ModelKind kind, const std::vector<rules::Row>& rows, std::set<RuleKey>& keys) {
  for (const rules::Row& row : rows) {
    keys.insert(key_of(kind, row.id.text, row.origin.pos));
    collect_keys(kind, row.rows, keys);
  }
}

std::set<RuleKey> keys_of(const rules::Model& model) {
  std::set<RuleKey> keys;
  for (const rules::Stage& stage : model.stages) collect_keys(model.kind, stage.rows, keys);
  for (const rules::Procedure& one : model.procedures) collect_keys(model.kind, one.rows, keys);
  return keys;
}

// All rows of a model by table, those inside of loops too.
using Tables = std::map<std::string, std::vector<const rules::Row*>>;

void flatten(const std::vector<rules::Row>& rows, std::vector<const rules::Row*>& flat) {
  for (const rules::Row& row : rows) {
    flat.push_back(&row);
    flatten(row.rows, flat);
  }
}

Tables tables_of(const rules::Model& model) {
  Tables tables;
  for (const rules::Stage& stage : model.stages) flatten(stage.rows, tables[stage.name.text]);
  for (const rules::Procedure& one : model.procedures) flatten(one.rows, tables[one.name.text]);
  return tables;
}

// The tables that these lead to, themselves included, and which ioctls are made on the way.
struct Reach {
  std::set<std::string> tables, ioctls;
};
Reach reach_from(const rules::Model& model, std::vector<std::string> open) {
  const Tables tables = tables_of(model);
  Reach reach;
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    const auto found = tables.find(name);
    if (found == tables.end() || !reach.tables.insert(name).second) continue;
    for (const rules::Row* row : found->second) {
      if (row->go == rules::Go::kIoctl) {
        reach.ioctls.insert(row->target.text);
      } else if (row->go != rules::Go::kNowhere) {
        open.push_back(row->target.text);
      }
    }
  }
  return reach;
}

const rules::Program* program_of(const machine::Setup& setup, ModelKind kind) {
  switch (kind) {
    case ModelKind::kKernel:
      return setup.kernel.get();
    case ModelKind::kVmm:
      return setup.vmm.get();
    case ModelKind::kGuest:
      return setup.guest.get();
    default:
      return nullptr;
  }
}

const rules::RowInfo* row_of(const rules::Program& program, const std::string& id) {
  for (const rules::RowInfo& row : program.rows()) {
    if (row.id == id) return &row;
  }
  return nullptr;
}

}  // namespace

Baseline::Baseline(const std::vector<PointToRun>& points, const std::vector<std::string>& in,
                   models::Library& library, unsigned jobs) {
  std::vector<Seen> seen(points.size());
  Progress progress(points.size());
  work_in_parallel(
      points.size(), jobs, [&](std::size_t i) { seen[i] = look(points[i], library); },
      [&](std::size_t done) { progress.done(done); });
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (!seen[i].passes) continue;
    const std::size_t number = points_.size();
    points_.push_back(&points[i]);
    steps_.push_back(seen[i].steps);
    for (const RuleKey& row : seen[i].rows) by_row_[row].push_back(number);
    for (const auto& table : seen[i].tables) by_table_[table].push_back(number);
    std::vector<std::size_t> used;
    take_models(points[i], library, used);
    for (const std::size_t model : used) {
      for (const RuleKey& row : models_[model].rows) by_model_[row].push_back(number);
    }
    used_.push_back(std::move(used));
  }
  const auto sooner = [this](std::size_t a, std::size_t b) {
    return std::pair(steps_[a], a) < std::pair(steps_[b], b);
  };
  for (auto* lists : {&by_row_, &by_model_}) {
    for (auto& [key, list] : *lists) std::sort(list.begin(), list.end(), sooner);
  }
  for (auto& [key, list] : by_table_) std::sort(list.begin(), list.end(), sooner);
  find_mutants(in, library);
  find_start_tables();
}

Baseline::Seen Baseline::look(const PointToRun& point, models::Library& library) {
  Seen seen;
  PointRunOptions how;
  how.max_steps = 20'000'000;
  how.coverage = true;
  how.hash = false;
  const PointRun run = run_point(point, library, how);
  seen.passes = run.setup && run.result.status == report::Status::kPass;
  if (!seen.passes) return seen;
  seen.steps = run.result.run->steps;
  run.coverage.for_each_reached([&](ModelKind kind, const std::string&, const std::string& id) {
    const rules::Program* program = program_of(*run.setup, kind);
    const rules::RowInfo* row = program == nullptr ? nullptr : row_of(*program, id);
    if (row == nullptr) return;
    seen.rows.insert(key_of(kind, id, row->origin.pos));
    seen.tables.insert({kind, row->table});
  });
  return seen;
}

void Baseline::take_models(const PointToRun& point, models::Library& library,
                           std::vector<std::size_t>& out) {
  const scenario::Machine& machine = point.point.scenario.vm.machine;
  std::vector<rules::Spelled> overlays;
  std::string overlay_names;
  for (const scenario::Text& overlay : machine.apply) {
    overlays.push_back({overlay.value, overlay.pos});
    overlay_names += "+" + overlay.value;
  }
  const std::array<std::pair<ModelKind, const scenario::Text*>, 3> used = {
      {{ModelKind::kKernel, &machine.kernel},
       {ModelKind::kVmm, &machine.vmm},
       {ModelKind::kGuest, &machine.guest}}};
  for (const auto& [kind, name] : used) {
    const auto number = numbers_.find({kind, name->value, overlay_names});
    if (number != numbers_.end()) {
      out.push_back(number->second);
      continue;
    }
    auto model = library.model(kind, {name->value, name->pos}, overlays);
    if (!model.ok()) continue;  // `guest: none` has no rules
    std::set<RuleKey> rows = keys_of(model.value());
    numbers_[{kind, name->value, overlay_names}] = models_.size();
    out.push_back(models_.size());
    const scenario::Text& peer = kind == ModelKind::kKernel ? machine.vmm : machine.kernel;
    models_.push_back({kind,
                       {name->value, name->pos},
                       {peer.value, peer.pos},
                       overlays,
                       std::move(model).value(),
                       std::move(rows)});
  }
}

// Before a run begins the VMM starts, with the kernel's help, and the nested tables are warmed
// (sim/scenario/build.cc, build_nested.cc). Coverage does not count that.
void Baseline::find_start_tables() {
  std::vector<std::string> kernel_entries = {"prefault"};
  for (const UsedModel& used : models_) {
    if (used.kind != ModelKind::kVmm) continue;
    const Reach reach = reach_from(used.model, {"start"});
    for (const std::string& table : reach.tables) start_tables_.insert({ModelKind::kVmm, table});
    kernel_entries.insert(kernel_entries.end(), reach.ioctls.begin(), reach.ioctls.end());
  }
  for (const UsedModel& used : models_) {
    if (used.kind != ModelKind::kKernel) continue;
    for (const std::string& table : reach_from(used.model, kernel_entries).tables) {
      start_tables_.insert({ModelKind::kKernel, table});
    }
  }
}

void Baseline::find_mutants(const std::vector<std::string>& in, models::Library& library) {
  for (UsedModel& used : models_) {
    const auto is_in = [&](const std::string& name) {
      return in.empty() || std::find(in.begin(), in.end(), name) != in.end();
    };
    used.changes = is_in(used.model.name);
    used.asked = is_in(used.model.name.substr(0, used.model.name.find('+')));
    if (!used.changes) continue;
    for (rules::Mutation& mutation : rules::mutations_of(used.model)) {
      const RuleKey key = key_of(used.kind, mutation.row, mutation.pos);
      const auto [at, fresh] =
          mutant_numbers_.emplace(std::tuple(key, mutation.kind, mutation.which), mutants_.size());
      if (fresh) mutants_.push_back({used.kind, std::move(mutation), "", {}, {}});
    }
  }
  prove_equivalences(in.empty(), library);
  for (RuleMutant& mutant : mutants_) {
    for (std::size_t i = 0; i < models_.size(); ++i) {
      if (may_differ(mutant, i)) mutant.equivalent.clear();
    }
  }
  std::stable_sort(mutants_.begin(), mutants_.end(), [](const RuleMutant& a, const RuleMutant& b) {
    const auto order = [](const RuleMutant& one) {
      return std::tuple(one.kind, one.mutation.pos.file, one.mutation.pos.line, one.mutation.kind,
                        one.mutation.which);
    };
    return order(a) < order(b);
  });
}

// Who enters a model's procedures is known where only some models meet.
void Baseline::prove_equivalences(bool all, models::Library& library) {
  std::map<std::size_t, rules::Equivalence> known;
  for (std::size_t i = 0; i < models_.size() && !interrupted(); ++i) {
    const UsedModel& used = models_[i];
    if (!used.changes) continue;
    const auto checked = library.checked(used.kind, used.name, used.peer, used.overlays);
    if (!checked.ok()) continue;
    const auto one = known.try_emplace(i, checked.value()).first;
    if (!all) continue;
    take_equivalents(i, one->second);
    known.clear();
  }
  for (auto& [model, one] : known) {
    std::vector<const rules::Equivalence*> others;
    for (const auto& [other, equivalence] : known) {
      const std::set<ModelKind> kinds = {models_[model].kind, models_[other].kind};
      if (kinds == std::set{ModelKind::kKernel, ModelKind::kVmm}) others.push_back(&equivalence);
    }
    one.set_outsiders(others);
  }
  for (const auto& [model, one] : known) take_equivalents(model, one);
}

void Baseline::take_equivalents(std::size_t model, const rules::Equivalence& equivalence) {
  const UsedModel& used = models_[model];
  for (const rules::Mutation& mutation : rules::mutations_of(used.model)) {
    const RuleKey key = key_of(used.kind, mutation.row, mutation.pos);
    const auto number = mutant_numbers_.find({key, mutation.kind, mutation.which});
    if (number == mutant_numbers_.end()) continue;
    RuleMutant& mutant = mutants_[number->second];
    if (!mutation.next.empty()) mutant.neighbours.insert(mutation.next);
    const std::string why = equivalence.why(mutation);
    if (why.empty()) continue;
    mutant.equivalent = why;
    mutant.same_in.insert(model);
  }
}

bool Baseline::reached(const RuleMutant& mutant) const {
  if (!by_row_.contains(key_of(mutant))) return false;
  if (mutant.neighbours.empty()) return true;
  return std::any_of(by_row_.begin(), by_row_.end(), [&](const auto& row) {
    return row.first.kind == mutant.kind && mutant.neighbours.contains(row.first.row);
  });
}

// Whether the change is made in this version, and nothing is proved of it.
bool Baseline::may_differ(const RuleMutant& mutant, std::size_t model) const {
  const UsedModel& used = models_[model];
  return used.changes && used.kind == mutant.kind && used.rows.contains(key_of(mutant)) &&
         !mutant.same_in.contains(model);
}

bool Baseline::may_notice(const RuleMutant& mutant, std::size_t point) const {
  const std::vector<std::size_t>& used = used_[point];
  const auto asked = [&](std::size_t model) { return models_[model].asked; };
  const auto differs = [&](std::size_t model) {
    const UsedModel& one = models_[model];
    const bool with_overlay = one.asked && !one.changes;
    return (with_overlay && one.kind == mutant.kind && one.rows.contains(key_of(mutant))) ||
           may_differ(mutant, model);
  };
  return std::all_of(used.begin(), used.end(), asked) &&
         std::any_of(used.begin(), used.end(), differs);
}

std::vector<std::size_t> Baseline::witnesses(const RuleMutant& mutant) const {
  std::vector<std::size_t> all;
  std::set<std::size_t> known;
  const auto add = [&](const std::vector<std::size_t>& points) {
    for (const std::size_t point : points) {
      if (may_notice(mutant, point) && known.insert(point).second) all.push_back(point);
    }
  };
  if (const auto found = by_row_.find(key_of(mutant)); found != by_row_.end()) add(found->second);
  const rules::MutationKind kind = mutant.mutation.kind;
  const bool about_holding = kind == rules::MutationKind::kDropCondition ||
                             kind == rules::MutationKind::kInvertCondition ||
                             kind == rules::MutationKind::kOrder;
  const auto table = by_table_.find({mutant.kind, mutant.mutation.table});
  if (about_holding && table != by_table_.end()) add(table->second);
  // Only points whose model has the row: a table of another version may have the same name.
  const auto owners = by_model_.find(key_of(mutant));
  const bool at_start = start_tables_.contains({mutant.kind, mutant.mutation.table});
  if (at_start && owners != by_model_.end()) add(owners->second);
  return all;
}

}  // namespace nptsim::cli
