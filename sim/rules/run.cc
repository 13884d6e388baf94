#include "sim/rules/run.h"

#include <string>

#include "sim/rules/calls.h"
#include "sim/rules/choose.h"
#include "sim/rules/fact_reader.h"

namespace nptsim::rules {
namespace {

// One run. `pc_` is the top frame's; the frame itself is brought up to date before anybody looks.
template <bool kListen>
class Runner {
 public:
  Runner(const Program& program, FrameStack& stack, Context& context, Listener* listener)
      : p_(program),
        code_(program.code()),
        stack_(stack),
        context_(context),
        listener_(listener),
        frame_(&stack.top()),
        facts_(program, frame_, context),
        pc_(frame_->pc()) {}

  RunResult run(bool fresh) {
    for (;;) {
      const Op& op = code_.ops[pc_];
      if constexpr (kListen) {
        if (op.begins) listener_->entered(p_, row_of(op));
      }
      switch (op.kind) {
        case OpKind::kGuard:
          pc_ = guard_holds(op) ? next() : kListen ? op.b : op.b_quiet;
          continue;
        case OpKind::kStep:
          pc_ = next();
          if (!fresh || moved_) return stop(Stop::kStepEnd);
          fresh = false;
          continue;
        case OpKind::kWait:
          if (!wait_is_over(op)) return stop(Stop::kWaits);
          pc_ = next();
          break;
        case OpKind::kDo:
          if (!act(op)) return stop(Stop::kStopped);
          pc_ = next();
          break;
        case OpKind::kDecide:
          decide(op);
          break;
        case OpKind::kStageDone:
          keep_stage_answer(code_, *frame_, code_.stage_rows[op.a]);
          pc_ = frame_->stage_return();
          frame_->set_stage_return(0);
          break;
        case OpKind::kCall:
          tell_call(op, Go::kCall, code_.procedures[op.a].name);
          if (!enter(op)) return leave_to(Stop::kCall, op.a);
          break;
        case OpKind::kExit:
          tell_call(op, Go::kExit, p_.exits()[op.a]);
          return leave_to(Stop::kExit, op.a);
        case OpKind::kIoctl:
          tell_call(op, Go::kIoctl, p_.ioctls()[op.a]);
          return leave_to(Stop::kIoctl, op.a);
        case OpKind::kReturn:
          frame_->set_answer(code_.answers[op.a]);
          [[fallthrough]];
        case OpKind::kReturnResult:
          tell_return(op);
          if (!give_back()) return leave_with_answer();
          break;
        case OpKind::kLoopBegin:
          if (op.a != 0) frame_->cursor() = kBeforeFirst;
          pc_ = next();
          continue;
        case OpKind::kNext:
          advance(op);
          break;
        case OpKind::kJump:
          pc_ = op.b;
          continue;
      }
      moved_ = true;
    }
  }

 private:
  std::uint16_t next() const { return static_cast<std::uint16_t>(pc_ + 1); }
  const RowInfo& row_of(const Op& op) const { return p_.rows()[op.row]; }
  void stand_in(FrameWords& frame) {
    frame_ = &frame;
    facts_.look_at(frame);
    pc_ = frame.pc();
  }

  // --- tests ---

  // The first test that fails, or the end.
  const Test* failing(const Op& op, FactSeen* by) const {
    const Test* test = code_.tests.data() + op.a;
    const Test* const end = test + op.count;
    if constexpr (kListen) {
      while (test != end && facts_.holds(*test, *by)) ++test;
    } else {
      while (test != end && facts_.holds(*test)) ++test;
    }
    return test == end ? nullptr : test;
  }

  bool guard_holds(const Op& op) const {
    if constexpr (!kListen) return failing(op, nullptr) == nullptr;
    FactSeen by;
    if (failing(op, &by) == nullptr) return true;
    listener_->skipped(p_, {&row_of(op), by});
    return false;
  }

  bool wait_is_over(const Op& op) const {
    FactSeen by;
    if (failing(op, &by) == nullptr) return true;
    if constexpr (kListen) listener_->waits(p_, row_of(op), by);
    return false;
  }

  // --- what a row does ---

  Args args_of(const ActionUseCode& use) const {
    return Args(std::span(code_.args).subspan(use.first_arg, use.args), frame_);
  }

  // False when the action could not finish.
  bool act(const Op& op) {
    const ActionUseCode& use = code_.uses[op.a];
    const ActionDef& action = code_.actions[use.definition];
    const ActionFn act = context_.sealed() ? action.sealed : action.open;
    if (act == nullptr) [[unlikely]] {
      NPTSIM_BUG("a sealed guest reached the action '" + action.name + "'");
    }
    frame_->set_pc(pc_);
    const Args args = args_of(use);
    const ActionResult result = act(context_, args);
    if constexpr (kListen) listener_->did({p_, row_of(op), action, args, result});
    if (result.is_stopped()) return false;
    for (unsigned i = 0; i < use.give_count; ++i) {
      const FactId fact = use.gives[i];
      if (!result.has_given(i) || result.given(i) >= code_.facts[fact].values) [[unlikely]] {
        NPTSIM_BUG("action '" + action.name + "' did not give a value of '" +
                   p_.facts()[fact].name + "'");
      }
      store_fact(*frame_, slot_of(code_, frame_->procedure(), fact), result.given(i));
    }
    return true;
  }

  void decide(const Op& op) {
    const StageRow* row = nullptr;
    if constexpr (kListen) {
      row = &choose_aloud(p_, op.a, facts_, row_of(op), *listener_);
    } else {
      row = &choose(p_, op.a, facts_);
    }
    if (row->first_op != 0) {  // its actions come first
      frame_->set_stage_return(next());
      pc_ = row->first_op;
    } else {
      keep_stage_answer(code_, *frame_, *row);
      pc_ = next();
    }
  }

  void advance(const Op& op) {
    const ActionUseCode& use = code_.uses[op.a];
    frame_->set_pc(pc_);
    if (code_.iterators[use.definition].next(context_, args_of(use), frame_->cursor())) {
      pc_ = next();
    } else {
      frame_->cursor() = 0;
      pc_ = op.b;
    }
  }

  // --- calls ---

  void tell_call(const Op& op, Go how, const std::string& target) const {
    if constexpr (kListen) listener_->called({p_, row_of(op), how, target});
  }
  void tell_return(const Op& op) const {
    if constexpr (kListen) {
      const std::string& name = code_.procedures[frame_->procedure()].name;
      listener_->returned({p_, row_of(op), name, frame_->answer()});
    }
  }

  bool enter(const Op& op) {
    if (stack_.full() || context_.interrupted()) [[unlikely]]
      return false;
    frame_->set_pc(next());
    const FrameWords& caller = *frame_;
    FrameWords& callee = stack_.push(stack_.owner(stack_.depth() - 1));
    callee.begin(op.a, code_.procedures[op.a].first_op);
    if (code_.calls[op.b].hands_over) hand_over(code_, op, caller, callee);
    stand_in(callee);
    return true;
  }

  bool give_back() {
    if (!stack_.has_caller() || context_.interrupted()) return false;
    FrameWords& caller = stack_.frame(stack_.depth() - 2);
    caller.take_answer(*frame_);
    stack_.pop();
    stand_in(caller);
    keep_call_answer(code_, code_.ops[pc_ - 1u], caller);
    return true;
  }

  // --- ends ---

  RunResult stop(Stop why) {
    frame_->set_pc(pc_);
    RunResult result;
    result.stop = why;
    result.moved = moved_;
    return result;
  }
  RunResult leave_to(Stop why, std::uint16_t target) {
    moved_ = true;
    pc_ = next();
    RunResult result = stop(why);
    result.target = target;
    return result;
  }
  RunResult leave_with_answer() {
    moved_ = true;
    RunResult result = stop(Stop::kReturn);
    result.answer = frame_->answer();
    return result;
  }

  const Program& p_;
  const Code& code_;
  FrameStack& stack_;
  Context& context_;
  Listener* listener_;
  FrameWords* frame_;
  FactReader facts_;
  std::uint16_t pc_;
  bool moved_ = false;
};

// Where a caller that waits for an answer stands.
const Op& call_of(const Program& program, const FrameWords& caller) {
  NPTSIM_CHECK(!caller.empty() && caller.pc() > 0);
  const Op& op = program.code().ops[caller.pc() - 1u];
  NPTSIM_CHECK(op.kind == OpKind::kCall || op.kind == OpKind::kExit || op.kind == OpKind::kIoctl);
  return op;
}

}  // namespace

void begin(const Program& program, ProcedureId procedure, FrameWords& frame) {
  NPTSIM_CHECK(procedure < program.code().procedures.size());
  frame.begin(procedure, program.code().procedures[procedure].first_op);
}

FrameWords begin(const Program& program, ProcedureId procedure) {
  FrameWords frame;
  begin(program, procedure, frame);
  return frame;
}

FrameWords begin_call(const Program& program, const FrameWords& caller,
                      const Program& callee_program, ProcedureId procedure) {
  FrameWords frame = begin(callee_program, procedure);
  hand_over(program.code(), call_of(program, caller), caller, frame);
  return frame;
}

void take_answer(const Program& program, FrameWords& caller, const Answer& answer) {
  caller.set_answer(answer);
  keep_call_answer(program.code(), call_of(program, caller), caller);
}

RunResult run(const Program& program, FrameStack& stack, Context& context, Listener* listener,
              bool fresh) {
  NPTSIM_CHECK(!stack.empty() && !stack.top().empty());
  if (listener != nullptr) return Runner<true>(program, stack, context, listener).run(fresh);
  return Runner<false>(program, stack, context, nullptr).run(fresh);
}

RunResult run(const Program& program, FrameWords& frame, Context& context, Listener* listener,
              bool fresh) {
  std::uint64_t depth = 1;
  std::uint64_t owner = 0;
  FrameStack stack(&depth, &owner, &frame, 1);
  return run(program, stack, context, listener, fresh);
}

bool ready(const Program& program, const FrameWords& frame, const Context& context) {
  const Op& op = program.code().ops[frame.pc()];
  if (op.kind != OpKind::kWait) return true;
  const FactReader facts(program, &frame, context);
  for (unsigned i = 0; i < op.count; ++i) {
    if (!facts.holds(program.code().tests[op.a + i])) return false;
  }
  return true;
}

Verdict decide(const Program& program, StageId stage, const FrameWords* frame,
               const Context& context) {
  const StageRow& row = choose(program, stage, FactReader(program, frame, context));
  return {row.row, row.answer};
}

std::uint64_t situation_bits(const Program& program, StageId id, const FrameWords* frame,
                             const Context& context) {
  const Code& code = program.code();
  const StageCode& stage = code.stages[id];
  const FactReader facts(program, frame, context);
  std::uint64_t bits = stage.constant_bits;
  for (std::uint32_t i = 0; i < stage.facts; ++i) {
    if (stage.constant_facts >> i & 1) continue;
    const StageFact& fact = code.stage_facts[stage.first_fact + i];
    const unsigned value = facts.value_of(fact.fact);
    if (value != kNoValue) bits |= code.value_bits[fact.first_bit + value];
  }
  return bits;
}

RowId decide_known(const Program& program, StageId id, std::uint64_t bits) {
  const Code& code = program.code();
  const StageCode& stage = code.stages[id];
  const StageRow* row = code.stage_rows.data() + stage.first_row;
  const StageRow* const end = row + stage.rows;
  while (row != end && (bits & row->forbidden) != 0) ++row;
  NPTSIM_CHECK(row != end);
  return row->row;
}

}  // namespace nptsim::rules
