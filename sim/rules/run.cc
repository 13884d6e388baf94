#include "sim/rules/run.h"

#include <array>
#include <bit>
#include <string>

namespace nptsim::rules {
namespace {

constexpr unsigned kNoValue = ~0u;  // of a fact that no row has given yet
constexpr std::size_t kMaxStageFacts = 32;
constexpr std::size_t kMaxStageRows = 256;

}  // namespace

// What run() does with a program, its frame and its context.
struct Inside {
  const Program& p;
  FrameWords* frame;
  const Context& context;

  // --- facts ---

  const FactSlot& slot(FactId fact) const {
    return p.slots_[p.procedures_[frame->procedure()].first_slot + p.facts_[fact].frame_number];
  }

  static unsigned load(const FrameWords& frame, FactSlot at) {
    if (at.width == 0) return kNoValue;
    const std::uint64_t bits = frame.fact_word(at.word) >> at.shift & ((1ull << at.width) - 1);
    return bits == 0 ? kNoValue : static_cast<unsigned>(bits - 1);
  }

  static void store(FrameWords& frame, FactSlot at, unsigned value) {
    if (at.width == 0) return;
    const std::uint64_t mask = ((1ull << at.width) - 1) << at.shift;
    std::uint64_t& word = frame.fact_word(at.word);
    word = (word & ~mask) | static_cast<std::uint64_t>(value + 1) << at.shift;
  }

  unsigned compute(FactId fact, const FactCode& code) const {
    if (code.needs_registers && context.sealed()) return code.unknown;
    const unsigned value = code.compute(context);
    if (value >= code.values || (code.needs_registers && value == code.unknown)) [[unlikely]] {
      NPTSIM_BUG("fact '" + p.fact_infos_[fact].name + "' computed value " + std::to_string(value));
    }
    return value;
  }

  unsigned value_of(FactId fact) const {
    const FactCode& code = p.facts_[fact];
    switch (code.kind) {
      case FactKind::kComputed:
        return compute(fact, code);
      case FactKind::kParam:
      case FactKind::kCapability:
        return code.constant;
      default:
        return frame == nullptr ? kNoValue : load(*frame, slot(fact));
    }
  }

  FactSeen seen(FactId fact, unsigned value) const {
    const FactInfo& info = p.fact_infos_[fact];
    return {info.name, value == kNoValue ? std::string_view("-") : info.values[value]};
  }

  bool word_named(const Test& test) const {
    const WordId word = frame->answer().word;
    for (unsigned i = 0; i < test.count; ++i) {
      if (p.test_words_[test.first + i] == word) return true;
    }
    return false;
  }

  // Whether the test holds; `by` is filled in for a listener.
  bool holds(const Test& test, FactSeen* by) const {
    if (test.fact == Test::kResult) {
      if (by != nullptr) *by = {"result", p.words_[frame->answer().word]};
      return word_named(test) != test.inverted;
    }
    const unsigned value = value_of(test.fact);
    if (by != nullptr) *by = seen(test.fact, value);
    return value != kNoValue && (test.allowed >> value & 1) != 0;
  }

  // --- stages ---

  struct Heard {  // for a listener
    std::array<unsigned, kMaxStageFacts> values;
    std::array<FactSeen, kMaxStageFacts> consulted;
    std::array<RowPassed, kMaxStageRows> passed;
    std::size_t consulted_count = 0;
    std::size_t passed_count = 0;
  };

  template <bool kHear>
  const StageRow& choose(StageId id, Heard* heard) const {
    const StageCode& stage = p.stages_[id];
    const StageRow* const rows = p.stage_rows_.data() + stage.first_row;
    const StageFact* const facts = p.stage_facts_.data() + stage.first_fact;
    std::uint64_t bits = stage.constant_bits;
    std::uint32_t known = stage.constant_facts;
    if constexpr (kHear) hear_constants(stage, *heard);
    for (std::uint32_t i = 0; i < stage.rows; ++i) {
      const StageRow& row = rows[i];
      bool out = (bits & row.forbidden) != 0;
      for (std::uint32_t missing = row.facts & ~known; !out && missing != 0;
           missing &= missing - 1) {
        const unsigned number = static_cast<unsigned>(std::countr_zero(missing));
        const unsigned value = value_of(facts[number].fact);
        known |= 1u << number;
        if (value != kNoValue) bits |= p.value_bits_[facts[number].first_bit + value];
        out = (bits & row.forbidden) != 0;
        if constexpr (kHear) {
          heard->values[number] = value;
          heard->consulted[heard->consulted_count++] = seen(facts[number].fact, value);
        }
      }
      if (!out) return row;
      if constexpr (kHear) hear_passed(stage, row, known, *heard);
    }
    NPTSIM_BUG("stage '" + p.stage_names_[id] +
               "' has no row for this situation: the facts contradict what they imply");
  }

  void hear_constants(const StageCode& stage, Heard& heard) const {
    for (std::uint32_t left = stage.constant_facts; left != 0; left &= left - 1) {
      const unsigned number = static_cast<unsigned>(std::countr_zero(left));
      heard.values[number] = value_of(p.stage_facts_[stage.first_fact + number].fact);
    }
  }

  // The first of the row's facts that ruled it out.
  void hear_passed(const StageCode& stage, const StageRow& row, std::uint32_t known,
                   Heard& heard) const {
    if (heard.passed_count == kMaxStageRows) return;
    for (std::uint32_t left = row.facts & known; left != 0; left &= left - 1) {
      const unsigned number = static_cast<unsigned>(std::countr_zero(left));
      const StageFact& fact = p.stage_facts_[stage.first_fact + number];
      const unsigned value = heard.values[number];
      if (value == kNoValue || (p.value_bits_[fact.first_bit + value] & row.forbidden) == 0)
        continue;
      heard.passed[heard.passed_count++] = {&p.rows_[row.row], seen(fact.fact, value)};
      return;
    }
  }

  // Settings count as consulted when the row that held, or one passed over, tests them.
  void hear_settings(const StageCode& stage, const StageRow& chosen, Heard& heard) const {
    std::uint32_t asked = 0;
    const StageRow* const rows = p.stage_rows_.data() + stage.first_row;
    for (const StageRow* row = rows; row <= &chosen; ++row) asked |= row->facts;
    for (std::uint32_t left = asked & stage.constant_facts; left != 0; left &= left - 1) {
      const unsigned number = static_cast<unsigned>(std::countr_zero(left));
      heard.consulted[heard.consulted_count++] =
          seen(p.stage_facts_[stage.first_fact + number].fact, heard.values[number]);
    }
  }

  const StageRow& choose_aloud(const Op& op, Listener& listener) const {
    Heard heard;
    const StageRow& row = choose<true>(op.a, &heard);
    hear_settings(p.stages_[op.a], row, heard);
    listener.decided({p, p.rows_[op.row], p.stage_names_[op.a], p.rows_[row.row],
                      std::span(heard.consulted).first(heard.consulted_count),
                      std::span(heard.passed).first(heard.passed_count), row.answer});
    return row;
  }

  void keep_answer(const StageRow& row) const {
    frame->set_answer(row.answer);
    for (std::uint32_t i = 0; i < row.stored; ++i) {
      const StoredFact& stored = p.stored_[row.first_stored + i];
      store(*frame, slot(stored.fact), stored.value);
    }
  }

  // A value that came as a word: the answer of a call, or a field of it.
  void keep_word(FactId fact, WordId word) const {
    const std::vector<WordId>& words = p.fact_words_[fact];
    for (std::size_t value = 0; value < words.size(); ++value) {
      if (words[value] == word) return store(*frame, slot(fact), static_cast<unsigned>(value));
    }
  }

  void keep_call_answer(FactId fact, const Answer& answer) const {
    frame->set_answer(answer);
    keep_word(fact, answer.word);
    for (const Answer::Field& field : answer.fields) {
      if (field.name == kNoWord) break;
      for (const Program::FieldCode& known : p.fields_) {
        if (known.name == field.name) keep_word(known.fact, field.value);
      }
    }
  }

  // --- the loop ---

  bool all_hold(const Op& op, FactSeen* by) const {
    for (unsigned i = 0; i < op.count; ++i) {
      if (!holds(p.tests_[op.a + i], by)) return false;
    }
    return true;
  }

  Args args_of(const ActionUseCode& use) const {
    return Args(std::span(p.args_).subspan(use.first_arg, use.args), frame);
  }

  // False when the action could not finish.
  template <bool kListen>
  bool act(const Op& op, Context& changing, Listener* listener) const {
    const ActionUseCode& use = p.uses_[op.a];
    const ActionDef& action = p.actions_[use.definition];
    const ActionFn act = context.sealed() ? action.sealed : action.open;
    if (act == nullptr) [[unlikely]] {
      NPTSIM_BUG("a sealed guest reached the action '" + action.name + "'");
    }
    const Args args = args_of(use);
    const ActionResult result = act(changing, args);
    if constexpr (kListen) listener->did({p, p.rows_[op.row], action, args, result});
    if (result.is_stopped()) return false;
    for (unsigned i = 0; i < use.give_count; ++i) {
      const FactId fact = use.gives[i];
      if (!result.has_given(i) || result.given(i) >= p.facts_[fact].values) [[unlikely]] {
        NPTSIM_BUG("action '" + action.name + "' did not give a value of '" +
                   p.fact_infos_[fact].name + "'");
      }
      store(*frame, slot(fact), result.given(i));
    }
    return true;
  }

  // Decides; the frame then stands after the decision, or at the first action of the row that held.
  template <bool kListen>
  void decide(const Op& op, Listener* listener) const {
    const StageRow& row = kListen ? choose_aloud(op, *listener) : choose<false>(op.a, nullptr);
    const auto next = static_cast<std::uint16_t>(frame->pc() + 1);
    if (row.first_op != 0) {
      frame->set_stage_return(next);
      frame->set_pc(row.first_op);
    } else {
      keep_answer(row);
      frame->set_pc(next);
    }
  }

  template <bool kListen>
  RunResult leave(const Op& op, const Answer& answer, Listener* listener) const {
    if constexpr (kListen) {
      listener->returned({p, p.rows_[op.row], p.procedures_[frame->procedure()].name, answer});
    }
    RunResult result;
    result.stop = Stop::kReturn;
    result.moved = true;
    result.answer = answer;
    return result;
  }

  template <bool kListen>
  RunResult call(const Op& op, Listener* listener) const {
    RunResult result;
    result.moved = true;
    result.target = op.a;
    Go how = Go::kCall;
    result.stop = Stop::kCall;
    const std::string* name = nullptr;
    if (op.kind == OpKind::kExit) {
      how = Go::kExit;
      result.stop = Stop::kExit;
      name = &p.exits_[op.a];
    } else if (op.kind == OpKind::kIoctl) {
      how = Go::kIoctl;
      result.stop = Stop::kIoctl;
      name = &p.ioctls_[op.a];
    } else {
      name = &p.procedures_[op.a].name;
    }
    frame->set_pc(static_cast<std::uint16_t>(frame->pc() + 1));
    if constexpr (kListen) listener->called({p, p.rows_[op.row], how, *name});
    return result;
  }

  template <bool kListen>
  RunResult run(Context& changing, Listener* listener, bool fresh) const {
    bool moved = false;
    const auto stop = [&](Stop why) {
      RunResult result;
      result.stop = why;
      result.moved = moved;
      return result;
    };
    for (;;) {
      const Op& op = p.ops_[frame->pc()];
      const auto next = static_cast<std::uint16_t>(frame->pc() + 1);
      if constexpr (kListen) {
        if (op.begins) listener->entered(p, p.rows_[op.row]);
      }
      switch (op.kind) {
        case OpKind::kGuard: {
          FactSeen by;
          if (all_hold(op, kListen ? &by : nullptr)) {
            frame->set_pc(next);
            continue;
          }
          if constexpr (kListen) listener->skipped(p, {&p.rows_[op.row], by});
          frame->set_pc(op.b);
          continue;
        }
        case OpKind::kStep:
          frame->set_pc(next);
          if (!fresh || moved) return stop(Stop::kStepEnd);
          fresh = false;
          continue;
        case OpKind::kWait: {
          FactSeen by;
          if (!all_hold(op, kListen ? &by : nullptr)) {
            if constexpr (kListen) listener->waits(p, p.rows_[op.row], by);
            return stop(Stop::kWaits);
          }
          frame->set_pc(next);
          break;
        }
        case OpKind::kDo:
          if (!act<kListen>(op, changing, listener)) return stop(Stop::kStopped);
          frame->set_pc(next);
          break;
        case OpKind::kDecide:
          decide<kListen>(op, listener);
          break;
        case OpKind::kStageDone:
          keep_answer(p.stage_rows_[op.a]);
          frame->set_pc(frame->stage_return());
          frame->set_stage_return(0);
          break;
        case OpKind::kCall:
        case OpKind::kExit:
        case OpKind::kIoctl:
          return call<kListen>(op, listener);
        case OpKind::kReturn:
          return leave<kListen>(op, p.answers_[op.a], listener);
        case OpKind::kReturnResult:
          return leave<kListen>(op, frame->answer(), listener);
        case OpKind::kLoopBegin:
          if (op.a != 0) frame->cursor() = kBeforeFirst;
          frame->set_pc(next);
          continue;
        case OpKind::kNext: {
          const ActionUseCode& use = p.uses_[op.a];
          if (p.iterators_[use.definition].next(changing, args_of(use), frame->cursor())) {
            frame->set_pc(next);
          } else {
            frame->cursor() = 0;
            frame->set_pc(op.b);
          }
          break;
        }
        case OpKind::kJump:
          frame->set_pc(op.b);
          continue;
      }
      moved = true;
    }
  }

  // --- frames ---

  static FrameWords begin(const Program& program, ProcedureId procedure) {
    NPTSIM_CHECK(procedure < program.procedures_.size());
    FrameWords frame;
    frame.words[0] = procedure + 1ull;
    frame.set_pc(program.procedures_[procedure].first_op);
    return frame;
  }

  static const Op& call_of(const Program& program, const FrameWords& caller) {
    NPTSIM_CHECK(!caller.empty() && caller.pc() > 0);
    const Op& op = program.ops_[caller.pc() - 1u];
    NPTSIM_CHECK(op.kind == OpKind::kCall || op.kind == OpKind::kExit || op.kind == OpKind::kIoctl);
    return op;
  }

  static FrameWords begin_call(const Program& program, const FrameWords& caller,
                               const Program& callee_program, ProcedureId procedure) {
    const Op& op = call_of(program, caller);
    const CallCode& call = program.calls_[op.b];
    FrameWords callee = begin(callee_program, procedure);
    FrameWords from = caller;
    for (std::uint32_t i = 0; i < call.passings; ++i) {
      const Passing& passing = program.passings_[call.first_passing + i];
      callee.local(passing.to) = Args(std::span(&passing.from, 1), &from).get(0);
    }
    if (op.kind != OpKind::kCall) return callee;
    const ProcedureCode& to = program.procedures_[procedure];
    const std::uint32_t from_slots = program.procedures_[caller.procedure()].first_slot;
    for (const FactId fact : to.takes) {
      const std::uint16_t number = program.facts_[fact].frame_number;
      const unsigned value = load(caller, program.slots_[from_slots + number]);
      if (value != kNoValue) store(callee, program.slots_[to.first_slot + number], value);
    }
    return callee;
  }

  static void take_answer(const Program& program, FrameWords& caller, const Answer& answer,
                          const Context& context) {
    const Op& op = call_of(program, caller);
    Inside{program, &caller, context}.keep_call_answer(program.calls_[op.b].result_fact, answer);
  }

  static bool ready(const Program& program, FrameWords frame, const Context& context) {
    const Op& op = program.ops_[frame.pc()];
    if (op.kind != OpKind::kWait) return true;
    return Inside{program, &frame, context}.all_hold(op, nullptr);
  }

  std::uint64_t situation_bits(StageId id) const {
    const StageCode& stage = p.stages_[id];
    std::uint64_t bits = stage.constant_bits;
    for (std::uint32_t i = 0; i < stage.facts; ++i) {
      if (stage.constant_facts >> i & 1) continue;
      const StageFact& fact = p.stage_facts_[stage.first_fact + i];
      const unsigned value = value_of(fact.fact);
      if (value != kNoValue) bits |= p.value_bits_[fact.first_bit + value];
    }
    return bits;
  }

  static RowId decide_known(const Program& program, StageId id, std::uint64_t bits) {
    const StageCode& stage = program.stages_[id];
    const StageRow* row = program.stage_rows_.data() + stage.first_row;
    const StageRow* const end = row + stage.rows;
    while (row != end && (bits & row->forbidden) != 0) ++row;
    NPTSIM_CHECK(row != end);
    return row->row;
  }
};

namespace {

// Where no fact is computed there is nothing to look at.
class NoView : public Context {
 public:
  NoView() : Context(true) {}
};

// Reading facts of a frame changes nothing in it.
FrameWords* unchanged(const FrameWords* frame) { return const_cast<FrameWords*>(frame); }

}  // namespace

FrameWords begin(const Program& program, ProcedureId procedure) {
  return Inside::begin(program, procedure);
}

FrameWords begin_call(const Program& program, const FrameWords& caller,
                      const Program& callee_program, ProcedureId procedure) {
  return Inside::begin_call(program, caller, callee_program, procedure);
}

void take_answer(const Program& program, FrameWords& caller, const Answer& answer) {
  Inside::take_answer(program, caller, answer, NoView());
}

RunResult run(const Program& program, FrameWords& frame, Context& context, Listener* listener,
              bool fresh) {
  NPTSIM_CHECK(!frame.empty());
  const Inside inside{program, &frame, context};
  if (listener != nullptr) return inside.run<true>(context, listener, fresh);
  return inside.run<false>(context, nullptr, fresh);
}

bool ready(const Program& program, const FrameWords& frame, const Context& context) {
  return Inside::ready(program, frame, context);
}

Verdict decide(const Program& program, StageId stage, const FrameWords* frame,
               const Context& context) {
  const StageRow& row = Inside{program, unchanged(frame), context}.choose<false>(stage, nullptr);
  return {row.row, row.answer};
}

std::uint64_t situation_bits(const Program& program, StageId stage, const FrameWords* frame,
                             const Context& context) {
  return Inside{program, unchanged(frame), context}.situation_bits(stage);
}

RowId decide_known(const Program& program, StageId stage, std::uint64_t bits) {
  return Inside::decide_known(program, stage, bits);
}

}  // namespace nptsim::rules
