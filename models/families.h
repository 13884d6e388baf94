// Which C++ code belongs to which family of models: the only list of it.
#ifndef NPTSIM_MODELS_FAMILIES_H_
#define NPTSIM_MODELS_FAMILIES_H_

#include <string_view>

#include "models/library.h"
#include "sim/rules/model.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::models {

// The guest without modelled code; it has no file and no rules.
inline constexpr char kNoGuest[] = "none";

struct Family {
  rules::ModelKind kind;
  std::string_view name;  // also the folder: models/KIND/NAME
  const rules::Vocabulary& (*vocabulary)();
  Prepare prepare = nullptr;
};

// Null if no code goes by that name.
const Family* family_of(rules::ModelKind kind, std::string_view name);

}  // namespace nptsim::models

#endif  // NPTSIM_MODELS_FAMILIES_H_
