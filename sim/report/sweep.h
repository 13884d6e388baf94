// The points of one scenario's matrix and what becomes of each.
#ifndef NPTSIM_SIM_REPORT_SWEEP_H_
#define NPTSIM_SIM_REPORT_SWEEP_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/report/result.h"

namespace nptsim::report {

struct SweepAxis {
  std::string key;                  // "cpu.c_bit"
  std::vector<std::string> values;  // in the order in which they were said
  bool operator==(const SweepAxis&) const = default;
};

// What a point comes to. Many points share one.
struct SweepCell {
  std::string outcome;  // "spins (fault)", "completes +rom-modified"; "invalid"
  std::string seen_by;  // empty if it did not run
  std::string why;      // of an invalid point, or of one without an answer
  bool operator==(const SweepCell&) const = default;
  auto operator<=>(const SweepCell&) const = default;
};

struct Sweep {
  std::string file, name;
  std::string hash;  // of the scenario with the axes: parts of different sweeps do not mix
  std::vector<SweepAxis> axes;  // the last one turns fastest
  std::uint64_t first = 0;      // the part's first point; with count == total() it is the whole
  std::vector<std::uint32_t> points;  // by index from `first`: a cell
  std::vector<SweepCell> cells;       // in the order in which points first come to them
  bool incomplete = false;            // some point has no answer

  std::uint64_t total() const;
  const SweepCell& at(std::uint64_t index) const { return cells[points[index - first]]; }
  PointValues point(std::uint64_t index) const;
  // The index of a point's value on an axis.
  std::size_t value_of(std::uint64_t index, std::size_t axis) const;
};

// Which axes some outcome depends on, with the values in their order; of a whole sweep.
std::vector<std::size_t> relevant_axes(const Sweep& sweep);

// --- parts, as a job array writes them ---

std::string print_part(const Sweep& part);
Result<Sweep, Diagnostics> read_part(const std::string& text, const std::string& file);
// The whole of parts in any order; refused when one is missing, twice there, or of another sweep.
Result<Sweep, Diagnostics> merge_parts(std::vector<Sweep> parts);

// --- the whole ---

// `columns`: the key of the axis that goes to the right; empty: the last one that matters.
std::string print_sweep(const Sweep& sweep, const std::string& columns);
std::string print_sweep_csv(const Sweep& sweep);
std::string print_sweep_json(const Sweep& sweep);
std::string print_sweep_svg(const Sweep& sweep, const std::string& columns);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_SWEEP_H_
