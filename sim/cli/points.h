// From paths to the points that they hold.
#ifndef NPTSIM_SIM_CLI_POINTS_H_
#define NPTSIM_SIM_CLI_POINTS_H_

#include <cstddef>
#include <string>
#include <vector>

#include "models/library.h"
#include "sim/base/diagnostic.h"
#include "sim/report/result.h"
#include "sim/scenario/matrix.h"

namespace nptsim::cli {

struct PointToRun {
  std::string file;  // as it is printed
  scenario::Point point;
};

struct LoadedFile {
  std::string file;
  std::vector<PointToRun> points;
  std::vector<report::InvalidPoint> invalid;
  Diagnostics diagnostics;  // what of the file is bad; the points are of the rest
};

// What a path stands for: files, or why there are none. Every path on its own, so that one that is
// not there does not stop the others.
struct FoundFile {
  std::string file;
  Diagnostics diagnostics;  // not empty: there is no such file
};
std::vector<FoundFile> find_all(const std::vector<std::string>& paths);

LoadedFile load_points(const std::string& file, models::Library& library);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_POINTS_H_
