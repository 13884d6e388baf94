// Where nptsim's own files are: the folder with `models` in it.
#ifndef NPTSIM_SIM_CLI_ROOT_H_
#define NPTSIM_SIM_CLI_ROOT_H_

#include <string>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"

namespace nptsim::cli {

// NPTSIM_ROOT if the launcher has set it; else the nearest such folder above the binary, else above
// the working folder.
Result<std::string, Diagnostics> find_root();

// Paths below the root as they are in the project, others as they are: what is printed does not
// depend on where the project lies.
std::string without_root(const std::string& path, const std::string& root);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_ROOT_H_
