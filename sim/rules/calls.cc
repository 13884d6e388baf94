#include "sim/rules/calls.h"

namespace nptsim::rules {
namespace {

// A value that came as a word: the answer of a call, or a field of it.
void keep_word(const Code& code, FrameWords& frame, FactSlot slot, FactId fact, WordId word) {
  if (slot.width == 0) return;  // nobody asks
  const std::vector<WordId>& words = code.fact_words[fact];
  for (std::size_t value = 0; value < words.size(); ++value) {
    if (words[value] == word) return store_fact(frame, slot, static_cast<unsigned>(value));
  }
}

}  // namespace

void hand_over(const Code& code, const Op& op, const FrameWords& caller, FrameWords& callee) {
  const CallCode& call = code.calls[op.b];
  if (!call.hands_over) return;
  for (std::uint32_t i = 0; i < call.passings; ++i) {
    const Passing& passing = code.passings[call.first_passing + i];
    callee.local(passing.to) = value_of(passing.from, caller);
  }
  if (op.kind != OpKind::kCall) return;  // another program's facts are its own
  for (const FactId fact : code.procedures[op.a].takes) {
    const unsigned value = load_fact(caller, slot_of(code, caller.procedure(), fact));
    if (value != kNoValue) store_fact(callee, slot_of(code, op.a, fact), value);
  }
}

void keep_answer_words(const Code& code, const CallCode& call, FrameWords& caller) {
  const Answer answer = caller.answer();
  keep_word(code, caller, call.result_slot, call.result_fact, answer.word);
  for (const Answer::Field& field : answer.fields) {
    if (field.name == kNoWord) break;
    for (const FieldCode& known : code.fields) {
      if (known.name != field.name) continue;
      keep_word(code, caller, slot_of(code, caller.procedure(), known.fact), known.fact,
                field.value);
    }
  }
}

}  // namespace nptsim::rules
