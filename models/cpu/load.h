// Reads models/cpu/NAME.yaml into what the processor needs to know of itself.
//
// A value is written plainly or with its origin: `maxphyaddr: 48`, or
// `maxphyaddr: { value: 48, source: "...", evidence: recorded }`.
#ifndef NPTSIM_MODELS_CPU_LOAD_H_
#define NPTSIM_MODELS_CPU_LOAD_H_

#include <string>
#include <string_view>
#include <vector>

#include "sim/arch/svm/cpu_profile.h"
#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/yaml/node.h"

namespace nptsim::models {

// One document. What it says may still contradict itself: svm::contradictions() tells.
Result<svm::CpuProfile, Diagnostics> read_cpu(const yaml::Node& document);

// Gives a field of the profile ("reduction", "gmet", "features.gmet") the value in `text`; what is
// wrong becomes a diagnostic at `pos`.
void set_cpu_field(svm::CpuProfile& profile, std::string_view field, std::string_view text,
                   const SourcePos& pos, Diagnostics& diagnostics);

// The fields that set_cpu_field() knows: those of the profile, then the features.
std::vector<std::string> cpu_field_names();
std::vector<std::string> cpu_feature_names();

}  // namespace nptsim::models

#endif  // NPTSIM_MODELS_CPU_LOAD_H_
