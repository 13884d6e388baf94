// Numbers as people write them in scenarios and models.
#ifndef NPTSIM_SIM_YAML_NUMBER_H_
#define NPTSIM_SIM_YAML_NUMBER_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "sim/base/result.h"

namespace nptsim::yaml {

// What `parse_number` takes, for the `accepted` of a diagnostic.
inline constexpr char kNumberForms[] = "hex like 0xffc00000, decimal, or with K, M, G, T like 16M";

// 0x1f, 42, 16M, 0xffff_0000. K is 1024. Everything has to fit into 64 bits; a leading 0 before
// other decimal digits is refused, because it might be meant as octal. The error is a phrase like
// "does not fit into 64 bits", to stand after the number.
Result<std::uint64_t, std::string> parse_number(std::string_view text);

}  // namespace nptsim::yaml

#endif  // NPTSIM_SIM_YAML_NUMBER_H_
