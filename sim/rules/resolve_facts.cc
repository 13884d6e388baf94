// Names for facts: of the vocabulary, of settings, of whatever answers.
#include <algorithm>
#include <functional>
#include <set>

#include "sim/rules/resolve.h"
#include "sim/rules/spelling.h"

namespace nptsim::rules {
namespace {

constexpr std::size_t kMaxFacts = 60000;
constexpr std::size_t kMaxRangeTested = kMaxFactValues;
constexpr std::string_view kDone = "done";  // the answer of a procedure that just ends

void add_once(std::vector<std::string>& list, const std::string& word) {
  if (!index_of(list, word)) list.push_back(word);
}

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

}  // namespace

void resolve_facts(Resolved& resolved, Diagnostics& out) { FactTable(resolved, out).build(); }

}  // namespace nptsim::rules
