// An observation as a recording in the project's form (traces/README.md).
#ifndef NPTSIM_SIM_RECORD_WRITE_H_
#define NPTSIM_SIM_RECORD_WRITE_H_

#include <string>
#include <utility>
#include <vector>

#include "sim/record/host.h"
#include "sim/record/observation.h"

namespace nptsim::record {

// Where an observation comes from. What is empty is not said.
struct Provenance {
  std::string id, title, date;
  std::string scenario;                                    // file, below the project's folder
  std::string hash;                                        // of the point that was run
  std::vector<std::pair<std::string, std::string>> point;  // what was picked from its matrix
  unsigned vcpus = 1;
};

std::string recording_text(const Observation& observation, const HostFacts& host,
                           const Provenance& provenance);

}  // namespace nptsim::record

#endif  // NPTSIM_SIM_RECORD_WRITE_H_
