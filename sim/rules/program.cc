#include "sim/rules/program.h"

#include <algorithm>

namespace nptsim::rules {

std::optional<ProcedureId> Program::find_procedure(std::string_view name) const {
  for (std::size_t i = 0; i < code_.procedures.size(); ++i) {
    if (code_.procedures[i].name == name) return static_cast<ProcedureId>(i);
  }
  return std::nullopt;
}

std::optional<StageId> Program::find_stage(std::string_view name) const {
  const auto found = std::find(stage_names_.begin(), stage_names_.end(), name);
  if (found == stage_names_.end()) return std::nullopt;
  return static_cast<StageId>(found - stage_names_.begin());
}

std::optional<std::string_view> Program::setting(std::string_view name) const {
  const std::span<const FactInfo> infos = facts();
  for (std::size_t i = 0; i < infos.size(); ++i) {
    const FactKind kind = infos[i].kind;
    const bool is_setting = kind == FactKind::kParam || kind == FactKind::kCapability;
    if (is_setting && infos[i].name == name) return infos[i].values[code_.facts[i].constant];
  }
  return std::nullopt;
}

const std::string& Program::word(WordId word) const {
  return words_[word < words_.size() ? word : kNoWord];
}

}  // namespace nptsim::rules
