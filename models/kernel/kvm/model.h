// Linux KVM on AMD: the facts and actions that the rows under rows/ name, and its own state.
#ifndef NPTSIM_MODELS_KERNEL_KVM_MODEL_H_
#define NPTSIM_MODELS_KERNEL_KVM_MODEL_H_

#include "sim/base/store.h"
#include "sim/machine/setup.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::kvm {

const rules::Vocabulary& vocabulary();

// Declares KVM's counters in a fresh store. Everything else is made by the rows of `create_vm`.
void prepare(Store& store, const machine::Setup& setup);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_MODEL_H_
