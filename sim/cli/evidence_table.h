// Who says so: every rule of every model, and which of the project's recordings show it at work.
#ifndef NPTSIM_SIM_CLI_EVIDENCE_TABLE_H_
#define NPTSIM_SIM_CLI_EVIDENCE_TABLE_H_

#include <cstdint>

#include "models/library.h"
#include "sim/base/diagnostic.h"
#include "sim/trace/evidence.h"

namespace nptsim::cli {

// Runs each recording of traces/ beside its scenario. Only where they agree a rule was seen.
trace::EvidenceTable evidence_table(models::Library& library, std::uint64_t max_steps,
                                    Diagnostics& trouble);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_EVIDENCE_TABLE_H_
