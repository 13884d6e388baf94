// What a change of models does to scenarios: the same points with several models side by side.
#ifndef NPTSIM_SIM_REPORT_DIFF_H_
#define NPTSIM_SIM_REPORT_DIFF_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "sim/report/parting.h"
#include "sim/report/result.h"

namespace nptsim::report {

struct DiffOverlay {
  std::string name, text, source;
};
struct DiffModel {
  std::string label;  // as it was said: "kvm-6.8+readonly-no-mmio"
  std::vector<DiffOverlay> overlays;
};

// One point with one model.
struct DiffCell {
  std::optional<PointResult> result;  // none: it was not run
  std::string invalid;                // why not
  std::optional<Parting> parting;     // from the first model, where the outcome is another
};

struct DiffRow {
  std::string file, name;
  PointValues point;
  std::vector<DiffCell> cells;  // by model

  bool invalid() const;  // with one model at least
  bool changed() const;  // some outcome or harm is another than the first model's
};

struct DiffReport {
  std::vector<DiffModel> models;  // the first is the one that the others are compared with
  std::vector<DiffRow> rows;      // in the order of files, documents and points
  std::vector<InvalidPoint> not_applicable;  // documents that an overlay has nothing to say about
  Diagnostics diagnostics;
  bool interrupted = false;
};

struct DiffSummary {
  std::size_t same = 0, changed = 0, errors = 0, invalid = 0;
};
DiffSummary summarize(const DiffReport& report);

// "spins (fault)", "vm-killed by qemu, +rom-modified": what fits into a table.
std::string short_outcome(const PointResult& result);

// Rows of one document whose cells say the same, told as one.
struct DiffGroup {
  std::vector<const DiffRow*> rows;  // not empty
  std::vector<std::string> cells;    // by model

  const DiffRow& first() const { return *rows.front(); }
  std::string points() const;  // "vm=sev-es kernel=kvm-6.8", "12 points, the first ..."
};
// Of the rows that changed.
std::vector<DiffGroup> changed_groups(const DiffReport& report);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_DIFF_H_
