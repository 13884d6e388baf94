// What a script can do to the host's memory by hand: writes, copies, nested entries and RMP
// instructions on any page. A hostile hypervisor is made of these.
#ifndef NPTSIM_MODELS_VMM_BARE_RAW_HOST_H_
#define NPTSIM_MODELS_VMM_BARE_RAW_HOST_H_

#include "sim/rules/vocabulary.h"

namespace nptsim::bare {

void add_raw_host(rules::Vocabulary& vocabulary);

}  // namespace nptsim::bare

#endif  // NPTSIM_MODELS_VMM_BARE_RAW_HOST_H_
