#include "sim/rules/check.h"

#include <algorithm>
#include <map>
#include <set>
#include <string_view>
#include <tuple>

#include "sim/rules/flow.h"
#include "sim/rules/resolved.h"
#include "sim/rules/slots.h"
#include "sim/rules/stage_check.h"
#include "sim/rules/step_check.h"

namespace nptsim::rules {
namespace {

constexpr std::size_t kMostDiagnostics = 200;

std::vector<AnswerShape> shapes_of(const Resolved& r, FactId fact, const AnswerSet& answers) {
  std::vector<AnswerShape> shapes;
  const ResolvedFact& owner = r.fact(fact);
  for (unsigned word = 0; word < owner.info.values.size(); ++word) {
    if (((answers.words >> word) & 1) == 0) continue;
    AnswerShape shape;
    shape.word = owner.info.values[word];
    const auto fields = answers.fields.find(word);
    if (fields != answers.fields.end()) {
      for (const auto& [field, with] : fields->second) {
        if (!with.always) continue;
        AnswerShape::Field one{r.fact_name(field), {}};
        for (std::size_t i = 0; i < r.fact(field).info.values.size(); ++i) {
          if ((with.values >> i) & 1) one.values.push_back(r.fact(field).info.values[i]);
        }
        shape.fields.push_back(std::move(one));
      }
    }
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

Exported export_of(const Procedure& procedure, std::vector<AnswerShape> answers) {
  Exported exported{procedure.name.text, std::move(answers), {}};
  const std::size_t arguments = procedure.locals.size() - procedure.own_locals;
  for (std::size_t i = 0; i < arguments; ++i) exported.locals.push_back(procedure.locals[i].text);
  return exported;
}

void keep_answers(Resolved& r, const Flow& flow) {
  for (std::size_t i = 0; i < r.stages.size(); ++i) {
    r.stage_answers.push_back(shapes_of(r, r.stages[i].result_fact, flow.answers_of_stage(i)));
  }
  for (std::size_t i = 0; i < r.procedures.size(); ++i) {
    r.procedure_answers.push_back(
        shapes_of(r, r.procedures[i].call_fact, flow.answers_of_procedure(i)));
    if (r.procedures[i].exported) {
      r.exported.push_back(export_of(*r.procedures[i].procedure, r.procedure_answers.back()));
    }
  }
}

// A stage that tests a procedure's answer need not care for words that it never answers.
std::vector<Values> domains_of(const Resolved& r, const Flow& flow) {
  std::vector<Values> domains;
  for (const ResolvedFact& fact : r.facts) domains.push_back(all_values(fact.info.values.size()));
  for (std::size_t i = 0; i < r.procedures.size(); ++i) {
    const Values words = flow.answers_of_procedure(i).words;
    if (words != 0) domains[r.procedures[i].call_fact] = words;
  }
  return domains;
}

bool same_place(const Diagnostic& a, const Diagnostic& b) {
  return a.pos == b.pos && a.found == b.found;
}

Diagnostics tidy(Diagnostics all) {
  std::stable_sort(all.begin(), all.end(), [](const Diagnostic& a, const Diagnostic& b) {
    return std::tie(a.pos.file, a.pos.line, a.pos.column) <
           std::tie(b.pos.file, b.pos.line, b.pos.column);
  });
  all.erase(std::unique(all.begin(), all.end(), same_place), all.end());
  if (all.size() > kMostDiagnostics) all.resize(kMostDiagnostics);
  return all;
}

// --- exports of models that are not checked yet, by what their rows say ---

// The fields of a word: their values, and those that come every time.
struct SaidFields {
  std::map<std::string, std::set<std::string>> values;
  std::set<std::string> always;

  bool operator==(const SaidFields&) const = default;
};
using Words = std::map<std::string, SaidFields>;

void add_fields(Words& to, const std::string& word, const SaidFields& more) {
  const auto [at, fresh] = to.emplace(word, more);
  if (fresh) return;
  for (const auto& [field, values] : more.values) {
    at->second.values[field].insert(values.begin(), values.end());
  }
  std::erase_if(at->second.always,
                [&](const std::string& field) { return more.always.count(field) == 0; });
}

class SaidAnswers {
 public:
  explicit SaidAnswers(const Model& model) : model_(model), words_(model.procedures.size()) {
    for (std::size_t i = 0; i < model.procedures.size(); ++i) {
      procedures_.emplace(model.procedures[i].name.text, i);
      hands_on_.push_back(hands_on(model.procedures[i].rows));
    }
    for (const Stage& stage : model.stages) stages_.emplace(stage.name.text, &stage);
  }

  // One round; whether something new was found.
  bool update(const SaidAnswers& other, Go outward) {
    bool changed = false;
    for (std::size_t i = 0; i < model_.procedures.size(); ++i) {
      Words before = words_[i];
      add_fields(words_[i], "done", {});
      Words heard;
      collect(model_.procedures[i].rows, words_[i], hands_on_[i] ? &heard : nullptr, other,
              outward);
      add(words_[i], heard);
      changed |= words_[i] != before;
    }
    return changed;
  }

  std::vector<Exported> exported() const {
    std::vector<Exported> list;
    for (std::size_t i = 0; i < model_.procedures.size(); ++i) {
      std::vector<AnswerShape> answers;
      for (const auto& [word, fields] : words_[i]) {
        AnswerShape shape{word, {}};
        for (const auto& [field, values] : fields.values) {
          if (fields.always.count(field) == 0) continue;
          shape.fields.push_back({field, {values.begin(), values.end()}});
        }
        answers.push_back(std::move(shape));
      }
      list.push_back(export_of(model_.procedures[i], std::move(answers)));
    }
    return list;
  }

 private:
  static void add(Words& to, const Words& from) {
    for (const auto& [word, fields] : from) add_fields(to, word, fields);
  }

  static void say(Words& to, const AnswerUse& answer) {
    SaidFields fields;
    for (const auto& [name, value] : answer.fields) {
      fields.values[name.text].insert(value.text);
      fields.always.insert(name.text);
    }
    add_fields(to, answer.word.text, fields);
  }

  const Words* words_of(const std::string& procedure) const {
    const auto found = procedures_.find(procedure);
    return found == procedures_.end() ? nullptr : &words_[found->second];
  }

  static bool is_handed_on(const AnswerUse& answer) {
    return answer.word.text == "result" && answer.fields.empty();
  }
  static bool hands_on(const std::vector<Row>& rows) {
    return std::any_of(rows.begin(), rows.end(), [](const Row& row) {
      return (row.answer && is_handed_on(*row.answer)) || hands_on(row.rows);
    });
  }

  // `heard`: what was answered to the rows themselves; null if nobody hands it on.
  void collect(const std::vector<Row>& rows, Words& said, Words* heard, const SaidAnswers& other,
               Go outward) const {
    for (const Row& row : rows) {
      if (row.answer && !is_handed_on(*row.answer)) say(said, *row.answer);
      if (heard == nullptr) {
        // Nobody asks.
      } else if (row.go == Go::kDecide) {
        if (const auto stage = stages_.find(row.target.text); stage != stages_.end()) {
          for (const Row& one : stage->second->rows) {
            if (one.answer) say(*heard, *one.answer);
          }
        }
      } else if (row.go == Go::kCall || row.go == outward) {
        const Words* words = (row.go == Go::kCall ? *this : other).words_of(row.target.text);
        if (words != nullptr) add(*heard, *words);
      }
      collect(row.rows, said, heard, other, outward);
    }
  }

  const Model& model_;
  std::map<std::string_view, std::size_t> procedures_;
  std::map<std::string_view, const Stage*> stages_;
  std::vector<bool> hands_on_;  // by procedure: an answer that it was given itself
  std::vector<Words> words_;    // by procedure
};

Descriptions descriptions_of(const Resolved& r) {
  Descriptions all;
  for (std::size_t i = 0; i < r.rows.size(); ++i) {
    const Row& row = *r.rows[i];
    all.rows.push_back({row.id.text, row.source.text, row.evidence, row.text, row.origin,
                        r.row_tables[i], static_cast<bool>(r.row_in_stage[i])});
  }
  for (const ResolvedFact& fact : r.facts) all.facts.push_back(fact.info);
  return all;
}

}  // namespace

const Model& Checked::model() const { return resolved_->model; }
const std::vector<Exported>& Checked::exported() const { return resolved_->exported; }

Result<Checked, Diagnostics> check(Model model, const Vocabulary& vocabulary,
                                   const Outside& outside, const CheckLimits& limits) {
  const std::vector<std::string> problems = vocabulary.problems();
  if (!problems.empty()) NPTSIM_BUG("vocabulary: " + problems[0]);
  const auto resolved = std::make_shared<Resolved>();
  resolved->model = std::move(model);
  resolved->vocabulary = vocabulary;
  resolved->outside = outside;
  resolved->limits = limits;
  Diagnostics found;
  if (!resolve(*resolved, found)) return tidy(std::move(found));
  check_steps(*resolved, found);
  check_slots(*resolved, found);
  Flow flow(*resolved, Flow::Assume::kAnyGuest);
  flow.run(found);
  check_stages(*resolved, domains_of(*resolved, flow), found);
  if (found.empty() && resolved->sealed_fact != kNoFact) {
    Flow(*resolved, Flow::Assume::kSealedGuest).run(found);
  }
  if (!found.empty()) return tidy(std::move(found));
  keep_answers(*resolved, flow);
  resolved->described = std::make_shared<const Descriptions>(descriptions_of(*resolved));
  return Checked(resolved);
}

std::string to_string(const Outside& outside) {
  std::string text;
  const auto add = [&](const Exported& one) {
    text += "\n" + one.name;
    for (const std::string& local : one.locals) text += " " + local;
    for (const AnswerShape& answer : one.answers) {
      text += " -> " + answer.word;
      for (const AnswerShape::Field& field : answer.fields) {
        text += " " + field.name + ":";
        for (const std::string& value : field.values) text += " " + value;
      }
    }
  };
  for (const Exported& one : outside.exits) add(one);
  text += "\n--";
  for (const Exported& one : outside.ioctls) add(one);
  return text;
}

LinkedPair link_exports(const Model& lower, const Model& upper) {
  SaidAnswers low(lower);
  SaidAnswers up(upper);
  for (bool changed = true; changed;) {
    const bool low_changed = low.update(up, Go::kExit);
    const bool up_changed = up.update(low, Go::kIoctl);
    changed = low_changed || up_changed;
  }
  LinkedPair pair;
  pair.lower.exits = up.exported();
  pair.upper.ioctls = low.exported();
  return pair;
}

}  // namespace nptsim::rules
