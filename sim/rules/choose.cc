#include "sim/rules/choose.h"

#include <array>
#include <bit>

namespace nptsim::rules {
namespace {

constexpr std::size_t kMaxStageFacts = 32;
constexpr std::size_t kMaxStageRows = 256;

unsigned lowest(std::uint32_t set) { return static_cast<unsigned>(std::countr_zero(set)); }

struct Silence {
  void found(unsigned, FactId, unsigned) {}
  void passed(const StageRow&, std::uint32_t) {}
};

class Ear {
 public:
  Ear(const Program& program, const StageCode& stage, const FactReader& facts)
      : program_(program), code_(program.code()), stage_(stage), facts_(facts) {
    for (std::uint32_t left = stage.constant_facts; left != 0; left &= left - 1) {
      values_[lowest(left)] = facts.value_of(fact_at(lowest(left)).fact);
    }
  }

  void found(unsigned number, FactId fact, unsigned value) {
    values_[number] = value;
    consulted_[consulted_count_++] = facts_.seen(fact, value);
  }

  // Kept with the first of the row's facts that ruled it out.
  void passed(const StageRow& row, std::uint32_t known) {
    if (passed_count_ == kMaxStageRows) return;
    for (std::uint32_t left = row.facts & known; left != 0; left &= left - 1) {
      const StageFact& fact = fact_at(lowest(left));
      const unsigned value = values_[lowest(left)];
      if (value == kNoValue || (code_.value_bits[fact.first_bit + value] & row.forbidden) == 0) {
        continue;
      }
      passed_[passed_count_++] = {&program_.rows()[row.row], facts_.seen(fact.fact, value)};
      return;
    }
  }

  void say(StageId stage, const RowInfo& decider, const StageRow& chosen, Listener& listener) {
    add_settings(chosen);
    listener.decided({program_, decider, program_.stage_names()[stage], program_.rows()[chosen.row],
                      std::span(consulted_).first(consulted_count_),
                      std::span(passed_).first(passed_count_), chosen.answer});
  }

 private:
  const StageFact& fact_at(unsigned number) const {
    return code_.stage_facts[stage_.first_fact + number];
  }

  // Settings count as consulted when the row that held, or one passed over, tests them.
  void add_settings(const StageRow& chosen) {
    std::uint32_t asked = 0;
    const StageRow* const rows = code_.stage_rows.data() + stage_.first_row;
    for (const StageRow* row = rows; row <= &chosen; ++row) asked |= row->facts;
    for (std::uint32_t left = asked & stage_.constant_facts; left != 0; left &= left - 1) {
      const unsigned number = lowest(left);
      consulted_[consulted_count_++] = facts_.seen(fact_at(number).fact, values_[number]);
    }
  }

  const Program& program_;
  const Code& code_;
  const StageCode& stage_;
  const FactReader& facts_;
  std::array<unsigned, kMaxStageFacts> values_{};
  std::array<FactSeen, kMaxStageFacts> consulted_;
  std::array<RowPassed, kMaxStageRows> passed_;
  std::size_t consulted_count_ = 0;
  std::size_t passed_count_ = 0;
};

template <class Hear>
const StageRow& choose_row(const Program& program, StageId id, const FactReader& reader,
                           Hear& hear) {
  const Code& code = program.code();
  const StageCode& stage = code.stages[id];
  const StageFact* const facts = code.stage_facts.data() + stage.first_fact;
  std::uint64_t bits = stage.constant_bits;
  std::uint32_t known = stage.constant_facts;
  const StageRow* const end = code.stage_rows.data() + stage.first_row + stage.rows;
  for (const StageRow* row = end - stage.rows; row != end; ++row) {
    bool out = (bits & row->forbidden) != 0;
    for (std::uint32_t missing = row->facts & ~known; !out && missing != 0;
         missing &= missing - 1) {
      const unsigned number = lowest(missing);
      const unsigned value = reader.value_of(facts[number].fact, facts[number].compute);
      known |= 1u << number;
      if (value != kNoValue) bits |= code.value_bits[facts[number].first_bit + value];
      out = (bits & row->forbidden) != 0;
      hear.found(number, facts[number].fact, value);
    }
    if (!out) return *row;
    hear.passed(*row, known);
  }
  NPTSIM_BUG("stage '" + program.stage_names()[id] +
             "' has no row for this situation: the facts contradict what they imply");
}

}  // namespace

const StageRow& choose(const Program& program, StageId stage, const FactReader& facts) {
  Silence silence;
  return choose_row(program, stage, facts, silence);
}

const StageRow& choose_aloud(const Program& program, StageId stage, const FactReader& facts,
                             const RowInfo& decider, Listener& listener) {
  if (!listener.wants_reasons()) {
    const StageRow& row = choose(program, stage, facts);
    listener.decided({program,
                      decider,
                      program.stage_names()[stage],
                      program.rows()[row.row],
                      {},
                      {},
                      row.answer});
    return row;
  }
  Ear ear(program, program.code().stages[stage], facts);
  const StageRow& row = choose_row(program, stage, facts, ear);
  ear.say(stage, decider, row, listener);
  return row;
}

}  // namespace nptsim::rules
