// Linux as a guest: the facts and actions that the rows under rows/ name. It keeps no state of its
// own: what its handler remembers is in its frame, in registers and in the guest's memory.
#ifndef NPTSIM_MODELS_GUEST_LINUX_MODEL_H_
#define NPTSIM_MODELS_GUEST_LINUX_MODEL_H_

#include "sim/rules/vocabulary.h"

namespace nptsim::linux_guest {

const rules::Vocabulary& vocabulary();

}  // namespace nptsim::linux_guest

#endif  // NPTSIM_MODELS_GUEST_LINUX_MODEL_H_
