// From paths to the points that they hold.
#ifndef NPTSIM_SIM_CLI_POINTS_H_
#define NPTSIM_SIM_CLI_POINTS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "models/library.h"
#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/report/result.h"
#include "sim/scenario/matrix.h"
#include "sim/scenario/with_models.h"
#include "sim/yaml/files.h"

namespace nptsim::cli {

struct PointToRun {
  std::string file;  // as it is printed
  scenario::Point point;
  std::size_t document = 0;  // which of the file's
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

// A file's documents, read once; points of them can be had with different models.
struct Documents {
  std::string file;
  std::vector<scenario::Scenario> documents;
  Diagnostics diagnostics;
};
Documents load_documents(const std::string& file);
// The same for one of many files.
Documents load_documents(const std::string& file, yaml::Files& files);

LoadedFile points_of(const Documents& documents, models::Library& library);
LoadedFile load_points(const std::string& file, models::Library& library);
// The same of a text that is in no file; `name` is what diagnostics call it.
LoadedFile load_points_of(const std::string& text, const std::string& name,
                          models::Library& library);

// The file's point of that number, counted from 1; what is bad of the file if it has none.
Result<const PointToRun*, Diagnostics> find_point(const LoadedFile& file, std::uint64_t number);

// The points of one document with other models. What makes no sense there is no error of the
// scenario's: those points, or the whole document, are invalid.
LoadedFile points_with(const Documents& documents, std::size_t document,
                       const scenario::ModelsChange& change, models::Library& library);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_POINTS_H_
