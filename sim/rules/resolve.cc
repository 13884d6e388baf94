#include <algorithm>
#include <functional>
#include <set>

#include "sim/rules/resolved.h"
#include "sim/rules/spelling.h"
#include "sim/yaml/number.h"

namespace nptsim::rules {
namespace {

constexpr std::size_t kMaxFacts = 60000;
constexpr std::size_t kMaxRangeTested = kMaxFactValues;
constexpr std::string_view kDone = "done";  // the answer of a procedure that just ends

bool all_digits(std::string_view text) {
  return !text.empty() && text.size() <= 18 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::size_t> index_of(const std::vector<std::string>& list, std::string_view word) {
  const auto found = std::find(list.begin(), list.end(), word);
  if (found == list.end()) return std::nullopt;
  return static_cast<std::size_t>(found - list.begin());
}

void add_once(std::vector<std::string>& list, const std::string& word) {
  if (!index_of(list, word)) list.push_back(word);
}

// --- facts ---

class FactTable {
 public:
  FactTable(Resolved& resolved, Diagnostics& out) : r_(resolved), out_(out) {}

  void build() {
    add_vocabulary();
    for (const Param& param : r_.model.params) add_param(param);
    for (const Capability& capability : r_.model.capabilities) add_capability(capability);
    add_stages();
    add_calls();
    add_fields();
    limit_domains();
    add_constraints();
  }

 private:
  // Rows can name it unless that name is taken; `pos` is given when a clash is an error.
  FactId add(ResolvedFact fact, const SourcePos* pos) {
    const auto id = static_cast<FactId>(r_.facts.size());
    if (r_.facts.size() >= kMaxFacts) {
      fail(SourcePos{}, "more than " + std::to_string(kMaxFacts) + " facts");
      return 0;
    }
    const auto [at, fresh] = r_.fact_by_name.emplace(fact.info.name, id);
    fact.nameable = fresh;
    if (!fresh && pos != nullptr) {
      fail(*pos, "the " + std::string(name_of(fact.info.kind)) + " '" + fact.info.name +
                     "' has the name of a " + std::string(name_of(r_.facts[at->second].info.kind)));
    }
    r_.facts.push_back(std::move(fact));
    return id;
  }

  void add_vocabulary() {
    for (const FactDef& def : r_.vocabulary.facts()) {
      ResolvedFact fact;
      fact.info = {def.name, def.values,
                   def.compute != nullptr ? FactKind::kComputed : FactKind::kGiven, def.needs,
                   def.fixed || def.name == r_.vocabulary.sealed_fact() ||
                       def.name == r_.vocabulary.vm_fact()};
      fact.definition = &def;
      add(std::move(fact), nullptr);
    }
  }

  void add_param(const Param& param) {
    ResolvedFact fact;
    fact.info = {param.name.text, {}, FactKind::kParam, Needs::kNothing, true};
    fact.param = &param;
    if (param.range) {
      const auto [low, high] = *param.range;
      if (high - low >= static_cast<std::int64_t>(kMaxRangeTested)) {
        fail(param.name.pos, "the range " + std::to_string(low) + ".." + std::to_string(high) +
                                 " of param '" + param.name.text + "' has more than 64 values");
        return;
      }
      for (std::int64_t i = low; i <= high; ++i) fact.info.values.push_back(std::to_string(i));
    } else if (!param.values.empty()) {
      for (const Spelled& value : param.values) fact.info.values.push_back(value.text);
    } else {
      fact.info.values = {"off", "on"};
    }
    if (!param.default_value) {
      fail(param.name.pos, "param '" + param.name.text + "' has no default");
      return;
    }
    const auto index = index_of(fact.info.values, param.default_value->text);
    if (!index) {
      out_.push_back(unknown_value(param.default_value->pos, param.name.text,
                                   param.default_value->text, fact.info.values));
      return;
    }
    fact.default_value = *index;
    add(std::move(fact), &param.name.pos);
  }

  void add_capability(const Capability& capability) {
    ResolvedFact fact;
    fact.info = {capability.name.text, {}, FactKind::kCapability, Needs::kNothing, true};
    fact.capability = &capability;
    const Spelled* otherwise = nullptr;
    const FactDef* vm = r_.vocabulary.find_fact(r_.vocabulary.vm_fact());
    for (const auto& [column, value] : capability.columns) {
      add_once(fact.info.values, value.text);
      if (column.text == "default") {
        otherwise = &value;
      } else if (vm != nullptr && !index_of(vm->values, column.text)) {
        out_.push_back(unknown_name(column.pos, "type of VM", column.text, vm->values));
      }
    }
    if (otherwise == nullptr) {
      fail(capability.name.pos, "capability '" + capability.name.text + "' has no default");
      return;
    }
    std::sort(fact.info.values.begin(), fact.info.values.end());
    const bool yes_no = std::all_of(fact.info.values.begin(), fact.info.values.end(),
                                    [](const auto& v) { return v == "yes" || v == "no"; });
    if (yes_no) fact.info.values = {"no", "yes"};
    fact.default_value = *index_of(fact.info.values, otherwise->text);
    add(std::move(fact), &capability.name.pos);
  }

  void add_stages() {
    for (std::size_t i = 0; i < r_.model.stages.size(); ++i) {
      const Stage& stage = r_.model.stages[i];
      r_.stage_by_name.emplace(stage.name.text, i);
      ResolvedFact fact;
      fact.info = {stage.name.text, {}, FactKind::kStage, Needs::kNothing, false};
      fact.owner = i;
      for (const Row& row : stage.rows) {
        if (row.answer) add_once(fact.info.values, row.answer->word.text);
      }
      ResolvedStage resolved;
      resolved.stage = &stage;
      resolved.result_fact = add(std::move(fact), &stage.name.pos);
      r_.stages.push_back(std::move(resolved));
    }
  }

  // Every procedure has an answer, so every one has a fact; when something else has its name (a
  // fact `launch` and a procedure `launch`), rows say `result`.
  void add_calls() {
    for (std::size_t i = 0; i < r_.model.procedures.size(); ++i) {
      const Spelled& name = r_.model.procedures[i].name;
      if (!r_.procedure_by_name.emplace(name.text, i).second) {
        fail(name.pos, "procedure '" + name.text + "' is there twice");
      }
    }
    words_of_procedures();
    for (std::size_t i = 0; i < r_.model.procedures.size(); ++i) {
      const Procedure& procedure = r_.model.procedures[i];
      ResolvedProcedure resolved;
      resolved.procedure = &procedure;
      resolved.call_fact =
          add_call(procedure.name.text, Go::kCall, i, {words_[i].begin(), words_[i].end()});
      r_.procedures.push_back(std::move(resolved));
    }
    for (std::size_t i = 0; i < r_.outside.exits.size(); ++i) {
      r_.exit_facts.push_back(add_outside(r_.outside.exits[i], Go::kExit, i));
    }
    for (std::size_t i = 0; i < r_.outside.ioctls.size(); ++i) {
      r_.ioctl_facts.push_back(add_outside(r_.outside.ioctls[i], Go::kIoctl, i));
    }
  }

  FactId add_call(const std::string& name, Go go, std::size_t owner,
                  std::vector<std::string> words) {
    ResolvedFact fact;
    fact.info = {name, std::move(words), FactKind::kCall, Needs::kNothing, false};
    fact.owner = owner;
    fact.called_by = go;
    return add(std::move(fact), nullptr);
  }

  FactId add_outside(const Exported& target, Go go, std::size_t owner) {
    std::vector<std::string> words;
    for (const AnswerShape& shape : target.answers) add_once(words, shape.word);
    return add_call(target.name, go, owner, std::move(words));
  }

  // Every word that a procedure might answer, whatever the flow; the flow analysis finds which of
  // them it really can. What it hands on is what it decides or calls.
  void words_of_procedures() {
    words_.resize(r_.model.procedures.size());
    for (bool changed = true; changed;) {
      changed = false;
      for (std::size_t i = 0; i < words_.size(); ++i) {
        const std::size_t before = words_[i].size();
        words_[i].insert(std::string(kDone));
        bool hands_on = false;
        std::set<std::string> heard;
        words_of_rows(r_.model.procedures[i].rows, words_[i], heard, hands_on);
        if (hands_on) words_[i].insert(heard.begin(), heard.end());
        changed |= words_[i].size() != before;
      }
    }
  }

  void words_of_rows(const std::vector<Row>& rows, std::set<std::string>& said,
                     std::set<std::string>& heard, bool& hands_on) {
    for (const Row& row : rows) {
      if (row.answer) {
        if (is_hand_on(*row.answer)) {
          hands_on = true;
        } else {
          said.insert(row.answer->word.text);
        }
      }
      hear(row, heard);
      words_of_rows(row.rows, said, heard, hands_on);
    }
  }

  static bool is_hand_on(const AnswerUse& answer) {
    return answer.word.text == "result" && answer.fields.empty();
  }

  void hear(const Row& row, std::set<std::string>& heard) {
    const std::string& name = row.target.text;
    if (row.go == Go::kDecide) {
      if (const auto at = r_.stage_by_name.find(name); at != r_.stage_by_name.end()) {
        for (const Row& one : r_.model.stages[at->second].rows) {
          if (one.answer) heard.insert(one.answer->word.text);
        }
      }
    } else if (row.go == Go::kCall) {
      if (const auto at = r_.procedure_by_name.find(name); at != r_.procedure_by_name.end()) {
        heard.insert(words_[at->second].begin(), words_[at->second].end());
      }
    } else if (row.go != Go::kNowhere) {
      const auto& list = row.go == Go::kExit ? r_.outside.exits : r_.outside.ioctls;
      for (const Exported& target : list) {
        if (target.name != name) continue;
        for (const AnswerShape& shape : target.answers) heard.insert(shape.word);
      }
    }
  }

  void add_fields() {
    std::map<std::string, std::vector<std::string>> fields;
    std::map<std::string, SourcePos> first;
    const std::function<void(const std::vector<Row>&)> collect = [&](const std::vector<Row>& rows) {
      for (const Row& row : rows) {
        if (row.answer) {
          for (const auto& [name, value] : row.answer->fields) {
            add_once(fields[name.text], value.text);
            first.emplace(name.text, name.pos);
          }
        }
        collect(row.rows);
      }
    };
    for (const Stage& stage : r_.model.stages) collect(stage.rows);
    for (const Procedure& procedure : r_.model.procedures) collect(procedure.rows);
    for (const auto* list : {&r_.outside.exits, &r_.outside.ioctls}) {
      for (const Exported& target : *list) {
        for (const AnswerShape& shape : target.answers) {
          for (const AnswerShape::Field& field : shape.fields) {
            for (const std::string& value : field.values) add_once(fields[field.name], value);
          }
        }
      }
    }
    for (auto& [name, values] : fields) {
      std::sort(values.begin(), values.end());
      ResolvedFact fact;
      fact.info = {name, values, FactKind::kField, Needs::kNothing, false};
      const auto pos = first.find(name);
      r_.field_by_name.emplace(name,
                               add(std::move(fact), pos == first.end() ? nullptr : &pos->second));
    }
  }

  void limit_domains() {
    for (const ResolvedFact& fact : r_.facts) {
      if (fact.info.values.size() <= kMaxFactValues) continue;
      SourcePos pos = r_.model.pos;
      if (fact.info.kind == FactKind::kStage) pos = r_.model.stages[fact.owner].name.pos;
      if (fact.info.kind == FactKind::kCall && fact.called_by == Go::kCall) {
        pos = r_.model.procedures[fact.owner].name.pos;
      }
      fail(pos, "the " + std::string(name_of(fact.info.kind)) + " '" + fact.info.name + "' has " +
                    std::to_string(fact.info.values.size()) +
                    " different values; at most 64 can be told apart");
    }
  }

  Values set_of(const ResolvedFact& fact, const std::vector<std::string>& values) {
    Values set = 0;
    for (const std::string& value : values) {
      if (const auto i = index_of(fact.info.values, value)) set |= 1ull << *i;
    }
    return set;
  }

  void add_constraints() {
    for (FactId id = 0; id < r_.facts.size(); ++id) {
      const ResolvedFact& fact = r_.facts[id];
      if (fact.definition != nullptr) {
        for (const Implication& implied : fact.definition->implies) {
          const FactId other = r_.fact_by_name.find(implied.fact)->second;
          r_.constraints.push_back(
              {id, set_of(fact, {implied.value}), other, set_of(r_.facts[other], implied.values)});
        }
      }
      if (fact.capability != nullptr) add_columns(id, fact);
    }
    add_sealed_constraints();
  }

  void add_columns(FactId id, const ResolvedFact& fact) {
    const auto vm = r_.fact_by_name.find(r_.vocabulary.vm_fact());
    if (vm == r_.fact_by_name.end()) return;
    const std::vector<std::string>& types = r_.facts[vm->second].info.values;
    for (std::size_t i = 0; i < types.size(); ++i) {
      std::size_t value = fact.default_value;
      for (const auto& [column, said] : fact.capability->columns) {
        if (column.text == types[i]) value = *index_of(fact.info.values, said.text);
      }
      r_.constraints.push_back({vm->second, 1ull << i, id, 1ull << value});
    }
  }

  // A fact that needs registers is unknown exactly when the guest is sealed.
  void add_sealed_constraints() {
    const auto sealed = r_.fact_by_name.find(r_.vocabulary.sealed_fact());
    if (sealed == r_.fact_by_name.end()) return;
    r_.sealed_fact = sealed->second;
    const ResolvedFact& fact = r_.facts[r_.sealed_fact];
    r_.sealed_value = set_of(fact, {r_.vocabulary.sealed_value()});
    for (FactId id = 0; id < r_.facts.size(); ++id) {
      const FactInfo& info = r_.facts[id].info;
      if (info.needs != Needs::kRegisters || info.kind != FactKind::kComputed) continue;
      const Values unknown = set_of(r_.facts[id], {std::string(kUnknown)});
      for (std::size_t v = 0; v < fact.info.values.size(); ++v) {
        const Values value = 1ull << v;
        r_.constraints.push_back(
            {r_.sealed_fact, value, id,
             value == r_.sealed_value ? unknown : all_values(info.values.size()) & ~unknown});
      }
    }
  }

  void fail(const SourcePos& pos, std::string found) {
    out_.push_back({pos, std::move(found), "", ""});
  }

  Resolved& r_;
  Diagnostics& out_;
  std::vector<std::set<std::string>> words_;
};

// --- rows ---

class RowResolver {
 public:
  RowResolver(Resolved& resolved, Diagnostics& out) : r_(resolved), out_(out) {
    for (const auto& [name, id] : r_.fact_by_name) fact_names_.push_back(name);
    for (const auto& [name, id] : r_.stage_by_name) stage_names_.push_back(name);
    for (const auto& [name, id] : r_.procedure_by_name) procedure_names_.push_back(name);
    action_names_ = r_.vocabulary.action_names();
    iterator_names_ = r_.vocabulary.iterator_names();
  }

  void resolve_all() {
    for (ResolvedStage& stage : r_.stages) {
      table_ = stage.stage->name.text;
      in_stage_ = true;
      procedure_ = nullptr;
      for (const Row& row : stage.stage->rows) stage.rows.push_back(resolve_row(row, 0));
    }
    for (ResolvedProcedure& procedure : r_.procedures) {
      table_ = procedure.procedure->name.text;
      in_stage_ = false;
      procedure_ = procedure.procedure;
      resolve_head(procedure);
      for (const Row& row : procedure.procedure->rows)
        procedure.rows.push_back(resolve_row(row, 0));
    }
    resolve_exports();
  }

 private:
  void fail(const SourcePos& pos, std::string found, std::string accepted = "",
            std::string suggestion = "") {
    out_.push_back({pos, std::move(found), std::move(accepted), std::move(suggestion)});
  }

  void resolve_exports() {
    std::set<std::size_t> called;
    for (const ResolvedProcedure& procedure : r_.procedures) collect_calls(procedure.rows, called);
    for (const Spelled& name : r_.model.exports) {
      const auto at = r_.procedure_by_name.find(name.text);
      if (at == r_.procedure_by_name.end()) {
        out_.push_back(unknown_name(name.pos, "procedure", name.text, procedure_names_));
      } else {
        r_.procedures[at->second].exported = true;
      }
    }
    if (!r_.model.exports.empty()) return;
    for (std::size_t i = 0; i < r_.procedures.size(); ++i) {
      r_.procedures[i].exported = called.count(i) == 0;
    }
  }

  static void collect_calls(const std::vector<ResolvedRow>& rows, std::set<std::size_t>& called) {
    for (const ResolvedRow& row : rows) {
      if (row.row->go == Go::kCall) called.insert(row.target);
      collect_calls(row.rows, called);
    }
  }

  void resolve_head(ResolvedProcedure& procedure) {
    const Procedure& said = *procedure.procedure;
    if (said.rows.empty()) fail(said.name.pos, "procedure '" + said.name.text + "' has no rows");
    if (said.locals.size() > kMaxLocals) {
      fail(said.locals[kMaxLocals].pos, "procedure '" + said.name.text + "' has " +
                                            std::to_string(said.locals.size()) +
                                            " locals; a frame holds 8");
    }
    std::set<std::string> seen;
    for (const Spelled& local : said.locals) {
      if (local.text == "cursor") {
        fail(local.pos, "'cursor' is the loop's; a local needs another name");
      } else if (!seen.insert(local.text).second) {
        fail(local.pos, "local '" + local.text + "' is named twice");
      }
    }
    for (const Spelled& name : said.takes) {
      const FactId fact = find_fact(name);
      if (fact == kNoFact) continue;
      if (fact == kResultFact || !r_.facts[fact].held_by_frames()) {
        fail(name.pos, "'" + name.text + "' cannot be taken: no row gives it", "",
             "rows test it directly");
      } else {
        procedure.takes.push_back(fact);
      }
    }
  }

  ResolvedRow resolve_row(const Row& row, unsigned depth) {
    ResolvedRow resolved;
    resolved.row = &row;
    resolved.id = static_cast<RowId>(r_.rows.size());
    r_.rows.push_back(&row);
    r_.row_tables.push_back(table_);
    r_.row_in_stage.push_back(in_stage_);
    check_row(row, depth);
    for (const Condition& one : row.when) resolve_test(one, resolved.when);
    for (const Condition& one : row.wait) resolve_test(one, resolved.wait);
    for (const Condition& one : row.while_holds) resolve_test(one, resolved.while_holds);
    for (const ActionUse& use : row.actions) resolved.actions.push_back(resolve_action(use));
    if (row.loop == LoopKind::kEach) resolved.iterator = resolve_iterator(row.iterator);
    if (row.go != Go::kNowhere) resolve_target(row, resolved);
    if (row.answer) resolve_answer(*row.answer, resolved);
    if (depth < kMaxDepth) {
      for (const Row& inner : row.rows) resolved.rows.push_back(resolve_row(inner, depth + 1));
    }
    return resolved;
  }

  void check_row(const Row& row, unsigned depth) {
    const std::string what =
        row.id.text.empty() ? "a row of '" + table_ + "'" : "row '" + row.id.text + "'";
    const SourcePos& pos = row.origin.pos;
    if (row.id.text.empty()) {
      fail(pos, what + " has no id");
    } else if (const auto [at, fresh] = ids_.emplace(row.id.text, pos); !fresh) {
      fail(pos, what + " is there twice; the other is at " + to_string(at->second));
    }
    if (row.source.text.empty()) fail(pos, what + " has no source");
    if (row.evidence == Evidence::kNone)
      fail(pos, what + " has no evidence", list_of(evidence_names()));
    if (depth >= kMaxDepth) fail(pos, what + " is in more than 3 loops");
    if (in_stage_) {
      if (!row.answer) fail(pos, what + " of stage '" + table_ + "' has no `then`");
      if (row.go != Go::kNowhere || row.loop != LoopKind::kNone || !row.wait.empty() ||
          row.new_step) {
        fail(pos, what + " is in a stage, where rows only `do` and answer", "when, do, then");
      }
    } else if (row.actions.empty() && row.go == Go::kNowhere && row.loop == LoopKind::kNone &&
               row.wait.empty() && !row.answer && !row.new_step) {
      fail(pos, what + " does nothing",
           "do, decide, call, exit, ioctl, return, wait, each, repeat or step");
    }
    if (row.loop != LoopKind::kNone &&
        (!row.actions.empty() || row.go != Go::kNowhere || !row.wait.empty() || row.answer)) {
      fail(pos, what + " is a loop and does something beside", "rows of its own under `rows`");
    }
    if (row.loop != LoopKind::kNone && row.rows.empty())
      fail(pos, what + " is a loop without rows");
    if (row.answer && row.answer->fields.size() > kMaxAnswerFields) {
      fail(pos, what + " answers with " + std::to_string(row.answer->fields.size()) +
                    " fields; 4 are possible");
    }
    if (row.actions.size() > kMaxPerRow || row.when.size() > kMaxPerRow ||
        row.wait.size() > kMaxPerRow) {
      fail(pos, what + " has more than 32 actions or conditions");
    }
  }

  FactId find_fact(const Spelled& name) {
    if (name.text == "result") return kResultFact;
    if (const auto at = r_.fact_by_name.find(name.text); at != r_.fact_by_name.end()) {
      return at->second;
    }
    out_.push_back(unknown_name(name.pos, "fact", name.text, fact_names_));
    return kNoFact;
  }

  void resolve_test(const Condition& said, std::vector<FactTest>& out) {
    FactTest test;
    test.pos = said.fact.pos;
    test.fact = find_fact(said.fact);
    if (test.fact == kNoFact) return;
    test.inverted = said.inverted;
    if (test.fact == kResultFact) {
      if (in_stage_) {
        fail(said.fact.pos, "a stage cannot test 'result', which is of whoever answered last", "",
             "name the stage or procedure that answered");
        return;
      }
      for (const Spelled& value : said.values) test.words.push_back(value.text);
    } else {
      for (const Spelled& value : said.values) test.allowed |= values_named(test.fact, value);
      if (said.inverted) {
        test.allowed = all_values(r_.facts[test.fact].info.values.size()) & ~test.allowed;
      }
    }
    for (const FactTest& other : out) {
      if (other.fact == test.fact) {
        fail(said.fact.pos, "'" + said.fact.text + "' is tested twice in one row");
        return;
      }
    }
    out.push_back(std::move(test));
  }

  // One value, or a range of numbers like 1..9.
  Values values_named(FactId id, const Spelled& value) {
    const std::vector<std::string>& domain = r_.facts[id].info.values;
    if (const auto i = index_of(domain, value.text)) return *i < 64 ? 1ull << *i : 0;
    if (const auto dots = value.text.find(".."); dots != std::string::npos) {
      const std::string low = value.text.substr(0, dots);
      const std::string high = value.text.substr(dots + 2);
      if (all_digits(low) && all_digits(high)) {
        Values set = 0;
        for (std::size_t i = 0; i < domain.size() && i < kMaxFactValues; ++i) {
          if (all_digits(domain[i]) && std::stoll(domain[i]) >= std::stoll(low) &&
              std::stoll(domain[i]) <= std::stoll(high)) {
            set |= 1ull << i;
          }
        }
        if (set != 0) return set;
      }
    }
    out_.push_back(unknown_value(value.pos, r_.facts[id].info.name, value.text, domain));
    return 0;
  }

  // --- actions and their arguments ---

  ResolvedUse resolve_action(const ActionUse& use) {
    ResolvedUse resolved;
    resolved.action = r_.vocabulary.find_action(use.name.text);
    if (resolved.action == nullptr) {
      out_.push_back(unknown_name(use.name.pos, "action", use.name.text, action_names_));
      return resolved;
    }
    resolved.args = resolve_args("action '" + use.name.text + "'", use, resolved.action->args);
    for (const std::string& name : resolved.action->gives) {
      resolved.gives.push_back(r_.fact_by_name.find(name)->second);
    }
    return resolved;
  }

  ResolvedUse resolve_iterator(const ActionUse& use) {
    ResolvedUse resolved;
    resolved.iterator = r_.vocabulary.find_iterator(use.name.text);
    if (resolved.iterator == nullptr) {
      out_.push_back(unknown_name(use.name.pos, "iterator", use.name.text, iterator_names_));
      return resolved;
    }
    resolved.args = resolve_args("iterator '" + use.name.text + "'", use, resolved.iterator->args);
    return resolved;
  }

  std::vector<ArgValue> resolve_args(const std::string& what, const ActionUse& use,
                                     const std::vector<ArgDef>& defs) {
    std::vector<ArgValue> values(defs.size());
    std::vector<std::string> names;
    for (const ArgDef& def : defs) names.push_back(def.name);
    for (const Argument& arg : use.args) {
      std::size_t at = 0;
      if (defs.empty()) {
        fail(arg.value.pos, what + " takes no argument");
        continue;
      }
      if (!arg.name.text.empty()) {
        const auto found = index_of(names, arg.name.text);
        if (!found) {
          out_.push_back(unknown_name(arg.name.pos, "argument of " + what, arg.name.text, names));
          continue;
        }
        at = *found;
      }
      values[at] = resolve_arg("argument '" + defs[at].name + "' of " + what, defs[at], arg.value);
    }
    for (std::size_t i = 0; i < defs.size(); ++i) {
      if (defs[i].required && values[i].kind == ArgValue::Kind::kAbsent && !gave(use, defs, i)) {
        fail(use.name.pos, what + " needs the argument '" + defs[i].name + "'");
      }
    }
    return values;
  }

  static bool gave(const ActionUse& use, const std::vector<ArgDef>& defs, std::size_t i) {
    return std::any_of(use.args.begin(), use.args.end(), [&](const Argument& arg) {
      return arg.name.text.empty() ? i == 0 : arg.name.text == defs[i].name;
    });
  }

  ArgValue resolve_arg(const std::string& what, const ArgDef& def, const Spelled& said) {
    switch (def.kind) {
      case ArgKind::kWord: {
        if (const auto i = index_of(def.words, said.text)) return {ArgValue::Kind::kWord, *i};
        out_.push_back(unknown_value(said.pos, def.name, said.text, def.words));
        return {};
      }
      case ArgKind::kLocal:
        return local_named(what, said);
      case ArgKind::kValue:
        if (!said.text.empty() && (said.text[0] < '0' || said.text[0] > '9')) {
          return local_named(what, said);
        }
        [[fallthrough]];
      case ArgKind::kInteger:
        return integer(what, def, said);
    }
    NPTSIM_BUG("an argument of no kind");
  }

  ArgValue integer(const std::string& what, const ArgDef& def, const Spelled& said) {
    const auto number = yaml::parse_number(said.text);
    if (!number.ok()) {
      fail(said.pos, what + ": '" + shown(said.text) + "' " + number.error(), yaml::kNumberForms);
      return {};
    }
    if (number.value() < def.min || number.value() > def.max) {
      fail(said.pos, what + ": " + said.text + " is out of range",
           std::to_string(def.min) + " to " + std::to_string(def.max));
      return {};
    }
    return {ArgValue::Kind::kInteger, number.value()};
  }

  ArgValue local_named(const std::string& what, const Spelled& said) {
    if (said.text == "cursor" && procedure_ != nullptr) return {ArgValue::Kind::kCursor, 0};
    std::vector<std::string> names;
    if (procedure_ != nullptr) {
      for (const Spelled& local : procedure_->locals) names.push_back(local.text);
      names.emplace_back("cursor");
    }
    if (names.empty()) {
      fail(said.pos, what + " names a local, and a stage has none");
      return {};
    }
    if (const auto i = index_of(names, said.text); i && *i < kMaxLocals) {
      return {ArgValue::Kind::kLocal, *i};
    }
    out_.push_back(unknown_name(said.pos, "local for " + what, said.text, names));
    return {};
  }

  // --- where a row goes, and what it answers ---

  void resolve_target(const Row& row, ResolvedRow& resolved) {
    const Spelled& name = row.target;
    const std::vector<Spelled>* callee_locals = nullptr;
    std::vector<Spelled> outside_locals;
    if (row.go == Go::kDecide) {
      const auto at = r_.stage_by_name.find(name.text);
      if (at == r_.stage_by_name.end()) {
        out_.push_back(unknown_name(name.pos, "stage", name.text, stage_names_));
        return;
      }
      resolved.target = at->second;
    } else if (row.go == Go::kCall) {
      const auto at = r_.procedure_by_name.find(name.text);
      if (at == r_.procedure_by_name.end()) {
        out_.push_back(unknown_name(name.pos, "procedure", name.text, procedure_names_));
        return;
      }
      resolved.target = at->second;
      callee_locals = &r_.model.procedures[at->second].locals;
    } else {
      const auto& list = row.go == Go::kExit ? r_.outside.exits : r_.outside.ioctls;
      std::vector<std::string> names;
      for (const Exported& target : list) names.push_back(target.name);
      const auto at = index_of(names, name.text);
      if (!at) {
        std::sort(names.begin(), names.end());
        out_.push_back(unknown_name(
            name.pos, row.go == Go::kExit ? "procedure to exit to" : "procedure behind an ioctl",
            name.text, names));
        return;
      }
      resolved.target = *at;
      for (const std::string& local : list[*at].locals) outside_locals.push_back({local, {}});
      callee_locals = &outside_locals;
    }
    resolve_passings(row, callee_locals, resolved);
  }

  void resolve_passings(const Row& row, const std::vector<Spelled>* callee_locals,
                        ResolvedRow& resolved) {
    if (row.with.empty()) return;
    if (callee_locals == nullptr) {
      fail(row.with[0].name.pos, "`with` goes with call, exit and ioctl only");
      return;
    }
    std::vector<std::string> names;
    for (const Spelled& local : *callee_locals) names.push_back(local.text);
    for (const Argument& arg : row.with) {
      const auto to = index_of(names, arg.name.text);
      if (!to || *to >= kMaxLocals) {
        out_.push_back(
            unknown_name(arg.name.pos, "local of '" + row.target.text + "'", arg.name.text, names));
        continue;
      }
      const ArgDef any{.name = arg.name.text, .kind = ArgKind::kValue};
      const ArgValue from = resolve_arg("'" + arg.name.text + "'", any, arg.value);
      if (from.kind != ArgValue::Kind::kAbsent) {
        resolved.passings.push_back({static_cast<std::uint8_t>(*to), from});
      }
    }
  }

  void resolve_answer(const AnswerUse& said, ResolvedRow& resolved) {
    resolved.answers = true;
    if (said.word.text == "result" && said.fields.empty()) {
      if (in_stage_) fail(said.word.pos, "a stage has no 'result' to hand on");
      resolved.answer.hands_on = true;
      return;
    }
    resolved.answer.word = said.word.text;
    for (const auto& [name, value] : said.fields) {
      const auto field = r_.field_by_name.find(name.text);
      NPTSIM_CHECK(field != r_.field_by_name.end());
      const auto i = index_of(r_.facts[field->second].info.values, value.text);
      NPTSIM_CHECK(i.has_value());
      resolved.answer.fields.emplace_back(field->second, static_cast<unsigned>(*i));
    }
  }

  static constexpr unsigned kMaxDepth = 3;
  static constexpr std::size_t kMaxPerRow = 32;

  Resolved& r_;
  Diagnostics& out_;
  std::string table_;
  bool in_stage_ = false;
  const Procedure* procedure_ = nullptr;
  std::map<std::string, SourcePos> ids_;
  std::vector<std::string> fact_names_, stage_names_, procedure_names_, action_names_,
      iterator_names_;
};

std::size_t count_rows(const std::vector<Row>& rows) {
  std::size_t count = rows.size();
  for (const Row& row : rows) count += count_rows(row.rows);
  return count;
}

bool check_sizes(const Resolved& r, Diagnostics& out) {
  const auto refuse = [&](const SourcePos& pos, std::string found, std::size_t limit) {
    out.push_back({pos, std::move(found), "at most " + std::to_string(limit), ""});
    return false;
  };
  const std::size_t tables = r.model.stages.size() + r.model.procedures.size();
  if (tables > r.limits.max_tables) {
    return refuse(r.model.pos, std::to_string(tables) + " stages and procedures",
                  r.limits.max_tables);
  }
  std::size_t rows = 0;
  for (const Stage& stage : r.model.stages) {
    rows += stage.rows.size();
    if (stage.rows.size() > r.limits.max_rows_of_stage) {
      return refuse(
          stage.name.pos,
          "stage '" + stage.name.text + "' has " + std::to_string(stage.rows.size()) + " rows",
          r.limits.max_rows_of_stage);
    }
  }
  for (const Procedure& procedure : r.model.procedures) rows += count_rows(procedure.rows);
  if (rows > r.limits.max_rows) {
    return refuse(r.model.pos, "the model has " + std::to_string(rows) + " rows",
                  r.limits.max_rows);
  }
  return true;
}

}  // namespace

std::string_view name_of(FactKind kind) {
  switch (kind) {
    case FactKind::kComputed:
      return "fact";
    case FactKind::kGiven:
      return "fact that actions give";
    case FactKind::kStage:
      return "stage";
    case FactKind::kCall:
      return "procedure";
    case FactKind::kField:
      return "field of an answer";
    case FactKind::kParam:
      return "param";
    case FactKind::kCapability:
      return "capability";
  }
  NPTSIM_BUG("a fact of no kind");
}

const std::string& Resolved::fact_name(FactId id) const {
  static const std::string kResult = "result";
  return id == kResultFact ? kResult : facts[id].info.name;
}

FactId Resolved::fact_of_call(Go go, std::size_t target) const {
  switch (go) {
    case Go::kDecide:
      return stages[target].result_fact;
    case Go::kCall:
      return procedures[target].call_fact;
    case Go::kExit:
      return exit_facts[target];
    case Go::kIoctl:
      return ioctl_facts[target];
    case Go::kNowhere:
      break;
  }
  return kNoFact;
}

std::string spell_values(const ResolvedFact& fact, Values values) {
  std::vector<std::string> words;
  for (std::size_t i = 0; i < fact.info.values.size() && i < kMaxFactValues; ++i) {
    if ((values >> i) & 1) words.push_back(fact.info.values[i]);
  }
  return words.empty() ? "nothing" : list_of(words);
}

bool resolve(Resolved& resolved, Diagnostics& out) {
  const std::size_t before = out.size();
  if (!check_sizes(resolved, out)) return false;
  FactTable(resolved, out).build();
  if (out.size() != before) return false;
  RowResolver(resolved, out).resolve_all();
  return out.size() == before;
}

}  // namespace nptsim::rules
