// COCONUT-SVSM, the service at VMPL0 of an SNP guest, as far as it is a guest itself: its #VC
// handler, how it accepts memory, and how it ends. It keeps no state of its own.
#ifndef NPTSIM_MODELS_GUEST_SVSM_MODEL_H_
#define NPTSIM_MODELS_GUEST_SVSM_MODEL_H_

#include "sim/rules/vocabulary.h"

namespace nptsim::svsm {

const rules::Vocabulary& vocabulary();

}  // namespace nptsim::svsm

#endif  // NPTSIM_MODELS_GUEST_SVSM_MODEL_H_
