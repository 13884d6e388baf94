// Models and overlays from YAML.
//
// A version file pulls in what it extends (`extends: kvm-6.11`, a file beside it) and the row files
// of its model (`include: [rows/fault.yaml]`, from the model's folder: the one above `versions/`).
#ifndef NPTSIM_SIM_RULES_READ_MODEL_H_
#define NPTSIM_SIM_RULES_READ_MODEL_H_

#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/rules/model.h"
#include "sim/yaml/files.h"

namespace nptsim::rules {

// Where files come from: the disk, or a table in a test.
using LoadFile = std::function<Result<yaml::Documents, Diagnostics>(const std::string& path)>;
LoadFile load_from_disk();

// The layers of a model file: what it extends first, then what it includes, then itself.
Result<std::vector<Layer>, Diagnostics> read_model(const std::string& path, const LoadFile& load);

Result<Overlay, Diagnostics> read_overlay(const std::string& path, const LoadFile& load);

// The parts of an overlay that concern the kind of this model, above the `layers` that it has (at
// least one).
void add_overlay(std::vector<Layer>& layers, const Overlay& overlay);

// The model at `path` with the parts of these overlays that concern its kind, merged.
Result<Model, Diagnostics> load_model(const std::string& path, std::span<const Overlay> overlays,
                                      const LoadFile& load);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_READ_MODEL_H_
