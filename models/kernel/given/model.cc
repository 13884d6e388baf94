#include "models/kernel/given/model.h"

#include "models/kernel/given/answers.h"

namespace nptsim::given {

const rules::Vocabulary& vocabulary() {
  static const rules::Vocabulary kVocabulary = [] {
    rules::Vocabulary v;
    add_answers(v);
    add_exits(v);
    add_mapping(v);
    add_emulation(v);
    return v;
  }();
  return kVocabulary;
}

}  // namespace nptsim::given
