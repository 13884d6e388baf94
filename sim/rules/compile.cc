#include "sim/rules/compile.h"

#include <algorithm>
#include <bit>

#include "sim/rules/resolved.h"
#include "sim/rules/slots.h"
#include "sim/rules/spelling.h"

namespace nptsim::rules {
namespace {

constexpr std::size_t kMostOps = 60000;

std::size_t index_in(const std::vector<std::string>& list, std::string_view word) {
  return static_cast<std::size_t>(std::find(list.begin(), list.end(), word) - list.begin());
}

}  // namespace

class Emitter {
 public:
  Emitter(const Resolved& resolved, const Settings& settings, WordTable& words)
      : r_(resolved), settings_(settings), words_(words) {}

  Result<Program, Diagnostics> emit() {
    p_.kind_ = r_.model.kind;
    p_.name_ = r_.model.name;
    p_.described_ = r_.described;
    emit_facts();
    check_settings();
    if (!out_.empty()) return out_;
    c_.ops.emplace_back();  // op 0 is nobody's
    for (const ResolvedStage& stage : r_.stages) emit_stage(stage);
    for (const ResolvedProcedure& procedure : r_.procedures) emit_procedure(procedure);
    for (const Exported& target : r_.outside.exits) p_.exits_.push_back(target.name);
    for (const Exported& target : r_.outside.ioctls) p_.ioctls_.push_back(target.name);
    if (c_.ops.size() > kMostOps || c_.tests.size() > kMostOps || c_.uses.size() > kMostOps ||
        c_.test_words.size() > kMostOps || c_.answers.size() > kMostOps || words_full_) {
      out_.push_back({r_.model.pos, "the model is too large to be compiled", "", ""});
      return out_;
    }
    find_shortcuts();
    keep_words();
    return std::move(p_);
  }

 private:
  WordId word(std::string_view text) {
    const WordId id = words_.number(text);
    words_full_ |= id == kNoWord;
    return id;
  }

  void keep_words() {
    for (WordId id = 0; id < words_.size(); ++id) p_.words_.push_back(words_.text(id));
  }

  // --- facts and settings ---

  void emit_facts() {
    std::uint16_t frame_number = 0;
    c_.fact_words.resize(r_.facts.size());
    for (FactId id = 0; id < r_.facts.size(); ++id) {
      const ResolvedFact& fact = r_.facts[id];
      FactCode code;
      code.kind = fact.info.kind;
      code.values = static_cast<std::uint8_t>(fact.info.values.size());
      if (fact.held_by_frames()) code.frame_number = frame_number++;
      if (fact.definition != nullptr) {
        code.compute = fact.definition->compute;
        code.needs_registers = fact.info.needs == Needs::kRegisters;
        code.unknown = static_cast<std::uint8_t>(index_in(fact.info.values, kUnknown));
      }
      if (fact.is_setting()) code.constant = static_cast<std::uint8_t>(value_of_setting(fact));
      c_.facts.push_back(code);
      const FactKind kind = fact.info.kind;
      if (kind == FactKind::kStage || kind == FactKind::kCall || kind == FactKind::kField) {
        for (const std::string& value : fact.info.values) c_.fact_words[id].push_back(word(value));
      }
      if (kind == FactKind::kField) c_.fields.push_back({word(fact.info.name), id});
    }
    frame_facts_ = frame_number;
  }

  std::size_t value_of_setting(const ResolvedFact& fact) {
    const std::vector<std::string>& values = fact.info.values;
    const auto set = settings_.values.find(fact.info.name);
    if (set != settings_.values.end()) {
      const std::size_t i = index_in(values, set->second.text);
      if (i < values.size()) return i;
      out_.push_back(unknown_value(set->second.pos, fact.info.name, set->second.text, values));
    } else if (fact.capability != nullptr) {
      for (const auto& [column, value] : fact.capability->columns) {
        if (column.text == settings_.vm_type) return index_in(values, value.text);
      }
    }
    return fact.default_value;
  }

  void check_settings() {
    std::vector<std::string> names;
    for (const ResolvedFact& fact : r_.facts) {
      if (fact.is_setting()) names.push_back(fact.info.name);
    }
    std::sort(names.begin(), names.end());
    for (const auto& [name, value] : settings_.values) {
      if (!std::binary_search(names.begin(), names.end(), name)) {
        out_.push_back(unknown_name(value.pos, "param of '" + r_.model.name + "'", name, names));
      }
    }
    const FactDef* vm = r_.vocabulary.find_fact(r_.vocabulary.vm_fact());
    if (vm == nullptr || settings_.vm_type.empty()) return;
    if (index_in(vm->values, settings_.vm_type) == vm->values.size()) {
      out_.push_back(unknown_name({}, "type of VM", settings_.vm_type, vm->values));
    }
  }

  // --- stages ---

  void emit_stage(const ResolvedStage& stage) {
    p_.stage_names_.push_back(stage.stage->name.text);
    StageCode code;
    code.first_row = static_cast<std::uint32_t>(c_.stage_rows.size());
    code.rows = static_cast<std::uint32_t>(stage.rows.size());
    code.first_fact = static_cast<std::uint32_t>(c_.stage_facts.size());
    std::vector<FactId> asked;
    std::vector<std::vector<Values>> groups;
    unsigned next_bit = 0;
    for (const ResolvedRow& row : stage.rows) {
      for (const FactTest& test : row.when) {
        if (std::find(asked.begin(), asked.end(), test.fact) != asked.end()) continue;
        std::vector<Values> told_apart = groups_of(stage, test.fact);
        if (told_apart.size() < 2) continue;
        emit_stage_fact(test.fact, told_apart, next_bit, code, asked.size());
        next_bit += static_cast<unsigned>(told_apart.size());
        asked.push_back(test.fact);
        groups.push_back(std::move(told_apart));
      }
    }
    NPTSIM_CHECK(next_bit <= 64 && asked.size() <= 32);
    code.facts = static_cast<std::uint32_t>(asked.size());
    for (const ResolvedRow& row : stage.rows) emit_stage_row(stage, row, asked, groups);
    c_.stages.push_back(code);
  }

  // Values that no row tells apart share a bit.
  std::vector<Values> groups_of(const ResolvedStage& stage, FactId fact) const {
    std::vector<Values> groups = {all_values(r_.fact(fact).info.values.size())};
    for (const ResolvedRow& row : stage.rows) {
      for (const FactTest& test : row.when) {
        if (test.fact != fact) continue;
        std::vector<Values> split;
        for (const Values group : groups) {
          if ((group & test.allowed) != 0) split.push_back(group & test.allowed);
          if ((group & ~test.allowed) != 0) split.push_back(group & ~test.allowed);
        }
        groups = std::move(split);
      }
    }
    return groups;
  }

  void emit_stage_fact(FactId fact, const std::vector<Values>& groups, unsigned first_bit,
                       StageCode& code, std::size_t number) {
    const std::size_t count = r_.fact(fact).info.values.size();
    c_.stage_facts.push_back(
        {fact, static_cast<std::uint32_t>(c_.value_bits.size()), plain_compute_of(fact)});
    for (std::size_t value = 0; value < count; ++value) {
      for (std::size_t g = 0; g < groups.size(); ++g) {
        if ((groups[g] >> value) & 1) c_.value_bits.push_back(1ull << (first_bit + g));
      }
    }
    if (!r_.fact(fact).is_setting()) return;
    code.constant_facts |= 1u << number;
    code.constant_bits |= c_.value_bits[c_.stage_facts.back().first_bit + c_.facts[fact].constant];
  }

  void emit_stage_row(const ResolvedStage& stage, const ResolvedRow& row,
                      const std::vector<FactId>& asked,
                      const std::vector<std::vector<Values>>& groups) {
    StageRow code;
    code.row = row.id;
    for (const FactTest& test : row.when) {
      unsigned bit_number = 0;
      for (std::size_t i = 0; i < asked.size(); ++i) {
        for (const Values group : groups[i]) {
          if (asked[i] == test.fact && (group & test.allowed) == 0) {
            code.forbidden |= 1ull << bit_number;
          }
          ++bit_number;
        }
        if (asked[i] == test.fact) code.facts |= 1u << i;
      }
    }
    code.answer = answer_of(row.answer);
    code.first_stored = static_cast<std::uint32_t>(c_.stored.size());
    const std::size_t value = index_in(r_.fact(stage.result_fact).info.values, row.answer.word);
    c_.stored.push_back({stage.result_fact, static_cast<std::uint8_t>(value)});
    for (const auto& [field, index] : row.answer.fields) {
      c_.stored.push_back({field, static_cast<std::uint8_t>(index)});
    }
    code.stored = static_cast<std::uint32_t>(c_.stored.size()) - code.first_stored;
    if (!row.actions.empty()) {
      code.first_op = static_cast<std::uint16_t>(c_.ops.size());
      for (const ResolvedUse& use : row.actions) emit_do(row, use);
      add_op(OpKind::kStageDone, row, c_.stage_rows.size());
    }
    c_.stage_rows.push_back(code);
  }

  Answer answer_of(const ResolvedAnswer& said) {
    Answer answer;
    answer.word = word(said.word);
    unsigned i = 0;
    for (const auto& [field, index] : said.fields) {
      answer.fields[i++] = {word(r_.fact_name(field)), c_.fact_words[field][index]};
    }
    return answer;
  }

  // --- procedures ---

  Op& add_op(OpKind kind, const ResolvedRow& row, std::size_t a = 0) {
    Op op;
    op.kind = kind;
    op.row = row.id;
    op.a = static_cast<std::uint16_t>(a);
    c_.ops.push_back(op);
    return c_.ops.back();
  }

  // Rows that follow each other often ask the same: when the only test of a guard fails, a guard
  // behind it that asks for no other value of that fact would fail as well. Nothing happens
  // between.
  void find_shortcuts() {
    for (auto op = c_.ops.rbegin(); op != c_.ops.rend(); ++op) {
      op->b_quiet = op->b;
      if (op->kind != OpKind::kGuard || op->count != 1) continue;
      const Op* next = &c_.ops[op->b];
      while (next->kind == OpKind::kGuard && fails_with(c_.tests[op->a], *next)) {
        next = &c_.ops[next->b];
      }
      op->b_quiet = static_cast<std::uint16_t>(next - c_.ops.data());
    }
  }

  bool fails_with(const Test& failed, const Op& guard) const {
    if (failed.kind == TestKind::kResult) return false;
    for (unsigned i = 0; i < guard.count; ++i) {
      const Test& test = c_.tests[guard.a + i];
      if (test.kind == failed.kind && test.fact == failed.fact &&
          (test.allowed & ~failed.allowed) == 0) {
        return true;
      }
    }
    return false;
  }

  std::uint16_t here() const { return static_cast<std::uint16_t>(c_.ops.size()); }

  void emit_do(const ResolvedRow& row, const ResolvedUse& use) {
    const std::size_t number = c_.uses.size();
    emit_use(use);
    add_op(OpKind::kDo, row, number);
  }

  void emit_use(const ResolvedUse& use) {
    ActionUseCode code;
    code.first_arg = static_cast<std::uint32_t>(c_.args.size());
    code.args = static_cast<std::uint16_t>(use.args.size());
    c_.args.insert(c_.args.end(), use.args.begin(), use.args.end());
    if (use.action != nullptr) {
      code.definition = static_cast<std::uint16_t>(number_of(c_.actions, *use.action));
    } else {
      code.definition = static_cast<std::uint16_t>(number_of(c_.iterators, *use.iterator));
    }
    for (const FactId fact : use.gives) code.gives[code.give_count++] = fact;
    c_.uses.push_back(code);
  }

  template <class Def>
  static std::size_t number_of(std::vector<Def>& list, const Def& def) {
    const auto same = [&](const Def& one) { return one.name == def.name; };
    const auto found = std::find_if(list.begin(), list.end(), same);
    if (found != list.end()) return static_cast<std::size_t>(found - list.begin());
    list.push_back(def);
    return list.size() - 1;
  }

  // In frames of the procedure that is being emitted.
  FactSlot slot_of(FactId fact) const {
    return c_.slots[first_slot_ + c_.facts[fact].frame_number];
  }

  ComputeFn plain_compute_of(FactId fact) const {
    return c_.facts[fact].needs_registers ? nullptr : c_.facts[fact].compute;
  }

  TestKind kind_of(FactId fact) const {
    if (fact == kResultFact) return TestKind::kResult;
    if (r_.fact(fact).is_setting()) return TestKind::kSetting;
    return r_.fact(fact).held_by_frames() ? TestKind::kHeld : TestKind::kComputed;
  }

  // Adds the tests to the program; returns where they begin.
  std::size_t emit_tests(const std::vector<FactTest>& tests) {
    const std::size_t first = c_.tests.size();
    for (const FactTest& said : tests) {
      Test test;
      test.fact = said.fact;
      test.allowed = said.allowed;
      test.kind = kind_of(said.fact);
      if (test.kind == TestKind::kComputed) test.compute = plain_compute_of(said.fact);
      if (test.kind == TestKind::kHeld) {
        test.slot = slot_of(said.fact);
      } else if (test.kind == TestKind::kResult) {
        test.inverted = said.inverted;
        test.first = static_cast<std::uint16_t>(c_.test_words.size());
        test.count = static_cast<std::uint16_t>(said.words.size());
        for (const std::string& text : said.words) c_.test_words.push_back(word(text));
      }
      c_.tests.push_back(test);
    }
    return first;
  }

  // Returns the guard's op, whose target is filled in later; 0 when there is nothing to test.
  std::size_t emit_guard(const ResolvedRow& row, const std::vector<FactTest>& tests) {
    if (tests.empty()) return 0;
    const std::size_t first = emit_tests(tests);
    add_op(OpKind::kGuard, row, first).count = static_cast<std::uint8_t>(tests.size());
    return c_.ops.size() - 1;
  }

  void emit_procedure(const ResolvedProcedure& procedure) {
    ProcedureCode code;
    code.name = procedure.procedure->name.text;
    code.first_op = here();
    code.first_slot = static_cast<std::uint32_t>(c_.slots.size());
    code.takes = procedure.takes;
    code.exported = procedure.exported;
    for (const Spelled& local : procedure.procedure->locals) code.locals.push_back(local.text);
    const auto slots = slots_of(r_, procedure);
    NPTSIM_CHECK(slots.has_value());
    c_.slots.resize(c_.slots.size() + frame_facts_);
    for (const auto& [fact, slot] : *slots) {
      c_.slots[code.first_slot + c_.facts[fact].frame_number] = slot;
    }
    first_slot_ = code.first_slot;
    c_.procedures.push_back(std::move(code));
    for (const ResolvedRow& row : procedure.rows) emit_row(row);
    if (!procedure.rows.empty()) {
      Answer done;
      done.word = word("done");
      add_op(OpKind::kReturn, procedure.rows.back(), c_.answers.size());
      c_.answers.push_back(done);
    }
  }

  void emit_row(const ResolvedRow& row) {
    const bool steps = row.row->new_step && row.row->loop == LoopKind::kNone;
    std::vector<FactTest> before;  // what no other actor can change: no step is spent on it
    std::vector<FactTest> after;
    for (const FactTest& test : row.when) {
      const bool ours = test.fact == kResultFact || r_.fact(test.fact).stable();
      (steps && !ours ? after : before).push_back(test);
    }
    const std::size_t guard = emit_guard(row, before);
    if (steps) add_op(OpKind::kStep, row);
    const std::size_t second_guard = emit_guard(row, after);
    const std::size_t body = c_.ops.size();
    if (row.row->loop != LoopKind::kNone) {
      emit_loop(row);
    } else {
      emit_body(row);
    }
    if (c_.ops.size() > body) c_.ops[body].begins = true;
    if (guard != 0) c_.ops[guard].b = here();
    if (second_guard != 0) c_.ops[second_guard].b = here();
  }

  void emit_loop(const ResolvedRow& row) {
    add_op(OpKind::kLoopBegin, row, row.row->loop == LoopKind::kEach ? 1 : 0);
    const std::uint16_t head = here();
    std::size_t leave = 0;
    if (row.row->loop == LoopKind::kEach) {
      const std::size_t use = c_.uses.size();
      emit_use(row.iterator);
      add_op(OpKind::kNext, row, use);
      leave = c_.ops.size() - 1;
    }
    if (row.row->new_step) add_op(OpKind::kStep, row);
    if (row.row->loop == LoopKind::kRepeat) leave = emit_guard(row, row.while_holds);
    for (const ResolvedRow& inner : row.rows) emit_row(inner);
    add_op(OpKind::kJump, row).b = head;
    if (leave != 0) c_.ops[leave].b = here();
  }

  void emit_body(const ResolvedRow& row) {
    if (!row.wait.empty()) {
      const std::size_t first = emit_tests(row.wait);
      add_op(OpKind::kWait, row, first).count = static_cast<std::uint8_t>(row.wait.size());
    }
    for (const ResolvedUse& use : row.actions) emit_do(row, use);
    if (row.row->go == Go::kDecide) {
      add_op(OpKind::kDecide, row, row.target);
    } else if (row.row->go != Go::kNowhere) {
      emit_call(row);
    }
    if (!row.answers) return;
    if (row.answer.hands_on) {
      add_op(OpKind::kReturnResult, row);
    } else {
      add_op(OpKind::kReturn, row, c_.answers.size());
      c_.answers.push_back(answer_of(row.answer));
    }
  }

  void emit_call(const ResolvedRow& row) {
    const Go go = row.row->go;
    const OpKind kind = go == Go::kCall   ? OpKind::kCall
                        : go == Go::kExit ? OpKind::kExit
                                          : OpKind::kIoctl;
    add_op(kind, row, row.target).b = static_cast<std::uint16_t>(c_.calls.size());
    CallCode code;
    code.result_fact = r_.fact_of_call(go, row.target);
    code.result_slot = slot_of(code.result_fact);
    code.first_passing = static_cast<std::uint32_t>(c_.passings.size());
    code.passings = static_cast<std::uint32_t>(row.passings.size());
    c_.passings.insert(c_.passings.end(), row.passings.begin(), row.passings.end());
    code.hands_over =
        code.passings != 0 || (go == Go::kCall && !r_.procedures[row.target].takes.empty());
    c_.calls.push_back(code);
  }

  const Resolved& r_;
  const Settings& settings_;
  WordTable& words_;
  Program p_;
  Code& c_ = p_.code_;
  Diagnostics out_;
  std::size_t frame_facts_ = 0;
  std::uint32_t first_slot_ = 0;  // of the procedure that is being emitted
  bool words_full_ = false;
};

Result<Program, Diagnostics> compile(const Checked& checked, const Settings& settings,
                                     WordTable& words) {
  return Emitter(checked.resolved(), settings, words).emit();
}

}  // namespace nptsim::rules
