#include "sim/cli/coverage_count.h"

namespace nptsim::cli {
namespace {

// Calls `use` for each program that a machine has.
template <class Use>
void for_each_program(const machine::Setup& setup, Use use) {
  for (const auto* program : {setup.kernel.get(), setup.vmm.get(), setup.guest.get()}) {
    if (program != nullptr) use(*program);
  }
}

rules::ModelKind kind_of(machine::Layer layer) {
  switch (layer) {
    case machine::Layer::kVmm:
      return rules::ModelKind::kVmm;
    case machine::Layer::kGuest:
      return rules::ModelKind::kGuest;
    default:
      return rules::ModelKind::kKernel;
  }
}

}  // namespace

CoverageCount::Model& CoverageCount::model_of(const rules::Program& program) {
  const auto [found, is_new] =
      models_.try_emplace({static_cast<unsigned>(program.kind()), program.name()});
  if (is_new) {
    for (const rules::RowInfo& row : program.rows()) found->second.rows.push_back(row.id);
  }
  return found->second;
}

void CoverageCount::add(const machine::Setup& setup, const rules::Coverage& coverage) {
  for_each_program(setup, [&](const rules::Program& program) {
    Model& model = model_of(program);
    for (const std::string& row : model.rows) {
      if (const std::uint64_t times = coverage.count(row); times > 0) model.times[row] += times;
    }
  });
}

void CoverageCount::add_start(const machine::Setup& setup, const machine::Event& event) {
  if (event.rule.empty()) return;
  for_each_program(setup, [&](const rules::Program& program) {
    if (program.kind() == kind_of(event.layer)) ++model_of(program).times[event.rule];
  });
}

void CoverageCount::add(const CoverageCount& other) {
  for (const auto& [key, model] : other.models_) {
    Model& own = models_.try_emplace(key, Model{model.rows, {}}).first->second;
    for (const auto& [row, times] : model.times) own.times[row] += times;
  }
}

std::vector<report::ModelCoverage> CoverageCount::report() const {
  std::vector<report::ModelCoverage> models;
  for (const auto& [key, model] : models_) {
    report::ModelCoverage one;
    one.model =
        std::string(rules::name_of(static_cast<rules::ModelKind>(key.first))) + " " + key.second;
    for (const std::string& row : model.rows) {
      const auto found = model.times.find(row);
      one.rows.push_back({row, found == model.times.end() ? 0 : found->second});
    }
    models.push_back(std::move(one));
  }
  return models;
}

}  // namespace nptsim::cli
