// The answer that holds at the exit under way.
#ifndef NPTSIM_MODELS_KERNEL_GIVEN_ANSWERS_H_
#define NPTSIM_MODELS_KERNEL_GIVEN_ANSWERS_H_

#include "models/kernel/given/state.h"
#include "sim/machine/view.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::given {

// Behind find_answer, where it found one.
ConstRecord answer_of(const machine::View& view);

void add_answers(rules::Vocabulary& vocabulary);
void add_exits(rules::Vocabulary& vocabulary);
void add_mapping(rules::Vocabulary& vocabulary);
void add_emulation(rules::Vocabulary& vocabulary);

}  // namespace nptsim::given

#endif  // NPTSIM_MODELS_KERNEL_GIVEN_ANSWERS_H_
