// Reads a file whole, if it is an ordinary file of a sensible size.
#ifndef NPTSIM_SIM_YAML_SOURCE_FILE_H_
#define NPTSIM_SIM_YAML_SOURCE_FILE_H_

#include <cstddef>
#include <string>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"

namespace nptsim::yaml {

Result<std::string, Diagnostic> read_source_file(const std::string& path, std::size_t max_bytes);

// "a file of at most 4 MiB".
std::string file_size_rule(std::size_t max_bytes);

}  // namespace nptsim::yaml

#endif  // NPTSIM_SIM_YAML_SOURCE_FILE_H_
