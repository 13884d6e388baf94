#include "sim/cli/evidence_table.h"

#include <map>
#include <string>
#include <vector>

#include "sim/cli/console.h"
#include "sim/cli/interrupt.h"
#include "sim/cli/points.h"
#include "sim/cli/trace_check.h"
#include "sim/trace/recording.h"

namespace nptsim::cli {
namespace {

void add_models(models::Library& library, trace::EvidenceTable& table, Diagnostics& trouble) {
  const std::map<std::string, rules::ModelKind> kinds = {{"kernel", rules::ModelKind::kKernel},
                                                         {"vmm", rules::ModelKind::kVmm},
                                                         {"guest", rules::ModelKind::kGuest}};
  for (const models::Listed& listed : library.list()) {
    const auto kind = kinds.find(listed.kind);
    // `none` is a guest without rules.
    if (kind == kinds.end() || listed.family.empty() || listed.file.empty()) continue;
    const auto model = library.model(kind->second, {listed.name, {}});
    if (!model.ok()) {
      append(trouble, model.error());
      continue;
    }
    table.add_model(listed.kind, listed.family, model.value());
  }
}

void add_recordings(models::Library& library, std::uint64_t max_steps, trace::EvidenceTable& table,
                    Diagnostics& trouble) {
  const std::vector<FoundFile> files = find_all({library.root() + "/traces"});
  Progress progress(files.size());
  std::size_t done = 0;
  for (const FoundFile& file : files) {
    progress.done(++done);
    if (file.file.ends_with("/trace-format.yaml") || interrupted()) continue;
    const auto recording = trace::load_recording(file.file);
    if (!recording.ok()) {
      append(trouble, recording.error());
      continue;
    }
    const auto check = check_trace(file.file, "", library, max_steps);
    if (!check.ok()) {
      append(trouble, check.error());
      continue;
    }
    if (trace::agreement_of(check.value().trace) != trace::Agreement::kAgrees) continue;
    for (const std::string& rule : check.value().rules) {
      table.exercised(rule, recording.value().id);
    }
  }
}

}  // namespace

trace::EvidenceTable evidence_table(models::Library& library, std::uint64_t max_steps,
                                    Diagnostics& trouble) {
  trace::EvidenceTable table;
  table.add_hardware();
  add_models(library, table, trouble);
  add_recordings(library, max_steps, table, trouble);
  return table;
}

}  // namespace nptsim::cli
