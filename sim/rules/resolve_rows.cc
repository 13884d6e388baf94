// Rows with their names resolved: conditions, actions, arguments, where they go.
#include <algorithm>
#include <set>

#include "sim/rules/resolve.h"
#include "sim/rules/spelling.h"
#include "sim/yaml/number.h"

namespace nptsim::rules {
namespace {

bool all_digits(std::string_view text) {
  return !text.empty() && text.size() <= 18 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

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
    std::vector<Spelled> arguments;
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
      const Procedure& callee = r_.model.procedures[at->second];
      arguments.assign(callee.locals.begin(),
                       callee.locals.end() - static_cast<std::ptrdiff_t>(callee.own_locals));
      callee_locals = &arguments;
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
      for (const std::string& local : list[*at].locals) arguments.push_back({local, {}});
      callee_locals = &arguments;
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

}  // namespace

void resolve_rows(Resolved& resolved, Diagnostics& out) {
  RowResolver(resolved, out).resolve_all();
}

}  // namespace nptsim::rules
