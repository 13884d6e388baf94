// Inside of run(): what facts are in one frame and one situation.
#ifndef NPTSIM_SIM_RULES_FACT_READER_H_
#define NPTSIM_SIM_RULES_FACT_READER_H_

#include <cstdint>
#include <string>

#include "sim/rules/listener.h"
#include "sim/rules/program.h"

namespace nptsim::rules {

inline constexpr unsigned kNoValue = ~0u;  // of a fact that no row has given yet

// --- a fact's place in a frame ---

inline unsigned load_fact(const FrameWords& frame, FactSlot at) {
  if (at.width == 0) return kNoValue;
  const std::uint64_t bits = frame.fact_word(at.word) >> at.shift & ((1ull << at.width) - 1);
  return bits == 0 ? kNoValue : static_cast<unsigned>(bits - 1);
}

inline void store_fact(FrameWords& frame, FactSlot at, unsigned value) {
  if (at.width == 0) return;
  const std::uint64_t mask = ((1ull << at.width) - 1) << at.shift;
  std::uint64_t& word = frame.fact_word(at.word);
  word = (word & ~mask) | static_cast<std::uint64_t>(value + 1) << at.shift;
}

inline FactSlot slot_of(const Code& code, ProcedureId procedure, FactId fact) {
  return code.slots[code.procedures[procedure].first_slot + code.facts[fact].frame_number];
}

// --- facts in a situation ---

class FactReader {
 public:
  // Without a frame no fact that frames hold has a value.
  FactReader(const Program& program, const FrameWords* frame, const Context& context)
      : program_(program), code_(program.code()), frame_(frame), context_(context) {}

  // Another frame of the same program.
  void look_at(const FrameWords& frame) { frame_ = &frame; }

  unsigned value_of(FactId fact) const {
    const FactCode& code = code_.facts[fact];
    switch (code.kind) {
      case FactKind::kComputed:
        return compute(fact, code);
      case FactKind::kParam:
      case FactKind::kCapability:
        return code.constant;
      default:
        return frame_ == nullptr ? kNoValue
                                 : load_fact(*frame_, slot_of(code_, frame_->procedure(), fact));
    }
  }

  // The same where the compiler knows who computes it.
  unsigned value_of(FactId fact, ComputeFn compute) const {
    return compute != nullptr ? checked(fact, compute(context_)) : value_of(fact);
  }

  FactSeen seen(FactId fact, unsigned value) const {
    const FactInfo& info = program_.facts()[fact];
    return {info.name, value == kNoValue ? std::string_view("-") : info.values[value]};
  }

  bool holds(const Test& test) const {
    if (test.kind == TestKind::kResult) return word_named(test) != test.inverted;
    return allowed(test, value_of(test));
  }

  // The same, and what was found.
  bool holds(const Test& test, FactSeen& by) const {
    if (test.kind == TestKind::kResult) {
      by = {"result", program_.word(frame_->answer_word())};
      return word_named(test) != test.inverted;
    }
    const unsigned value = value_of(test);
    by = seen(test.fact, value);
    return allowed(test, value);
  }

 private:
  unsigned compute(FactId fact, const FactCode& code) const {
    if (!code.needs_registers) return checked(fact, code.compute(context_));
    if (context_.sealed()) return code.unknown;
    const unsigned value = code.compute(context_);
    if (value == code.unknown) [[unlikely]]
      refuse(fact, value);
    return checked(fact, value);
  }

  unsigned checked(FactId fact, unsigned value) const {
    if (value >= code_.facts[fact].values) [[unlikely]]
      refuse(fact, value);
    return value;
  }

  [[noreturn, gnu::cold, gnu::noinline]] void refuse(FactId fact, unsigned value) const {
    NPTSIM_BUG("fact '" + program_.facts()[fact].name + "' computed value " +
               std::to_string(value));
  }

  unsigned value_of(const Test& test) const {
    if (test.kind == TestKind::kHeld) return load_fact(*frame_, test.slot);
    if (test.kind == TestKind::kSetting) return code_.facts[test.fact].constant;
    return value_of(test.fact, test.compute);
  }

  static bool allowed(const Test& test, unsigned value) {
    return value != kNoValue && (test.allowed >> value & 1) != 0;
  }

  bool word_named(const Test& test) const {
    const WordId word = frame_->answer_word();
    if (test.count == 1) return code_.test_words[test.first] == word;
    for (unsigned i = 0; i < test.count; ++i) {
      if (code_.test_words[test.first + i] == word) return true;
    }
    return false;
  }

  const Program& program_;
  const Code& code_;
  const FrameWords* frame_;
  const Context& context_;
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_FACT_READER_H_
