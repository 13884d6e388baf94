// OVMF as a guest: the facts and actions that the rows under rows/ name. It keeps no state of its
// own: what its handlers remember is in their frames, in registers and in the guest's memory.
#ifndef NPTSIM_MODELS_GUEST_OVMF_MODEL_H_
#define NPTSIM_MODELS_GUEST_OVMF_MODEL_H_

#include "sim/rules/vocabulary.h"

namespace nptsim::ovmf {

const rules::Vocabulary& vocabulary();

}  // namespace nptsim::ovmf

#endif  // NPTSIM_MODELS_GUEST_OVMF_MODEL_H_
