// Looks at the raw bytes before the YAML library may: that one takes control characters for the end
// of the file, keeps all tokens of a bracketed list in memory until the bracket closes, and
// recurses into nested ones.
#ifndef NPTSIM_SIM_YAML_PRESCAN_H_
#define NPTSIM_SIM_YAML_PRESCAN_H_

#include <string>
#include <string_view>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/yaml/load.h"

namespace nptsim::yaml {

// The text without byte order mark and with "\n" for line ends, or what is wrong with its bytes.
Result<std::string, Diagnostic> prescan(std::string_view text, const std::string& file_name,
                                        const Limits& limits);

}  // namespace nptsim::yaml

#endif  // NPTSIM_SIM_YAML_PRESCAN_H_
