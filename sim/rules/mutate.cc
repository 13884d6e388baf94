#include "sim/rules/mutate.h"

#include <algorithm>
#include <utility>

namespace nptsim::rules {
namespace {

constexpr std::string_view kNames[kMutationKinds] = {"action", "action", "condition", "condition",
                                                     "answer", "order",  "step"};

std::string words_of(const AnswerUse& answer) {
  std::string text = answer.word.text;
  for (const auto& [name, value] : answer.fields) text += " " + name.text + "=" + value.text;
  return text;
}

std::string words_of(const Condition& condition) {
  std::string text = condition.fact.text + (condition.inverted ? " not" : "");
  for (const Spelled& value : condition.values) text += " " + value.text;
  return text;
}

// The next answer of the table that is another one; null if it always says the same.
const AnswerUse* other_answer(const std::vector<const Row*>& table, const Row& row) {
  const auto self = std::find(table.begin(), table.end(), &row);
  const auto index = static_cast<std::size_t>(self - table.begin());
  for (std::size_t i = 1; i < table.size(); ++i) {
    const auto& answer = table[(index + i) % table.size()]->answer;
    if (answer && !same_words(answer, row.answer)) return &*answer;
  }
  return nullptr;
}

class Finder {
 public:
  std::vector<Mutation> find(const Model& model) {
    for (const Stage& stage : model.stages) table(stage.name.text, stage.rows, true);
    for (const Procedure& procedure : model.procedures) {
      table(procedure.name.text, procedure.rows, false);
    }
    return std::move(found_);
  }

 private:
  void table(const std::string& name, const std::vector<Row>& rows, bool stage) {
    table_ = name;
    is_stage_ = stage;
    flat_.clear();
    flatten_rows(rows, flat_);
    list(rows);
  }

  void list(const std::vector<Row>& rows) {
    for (std::size_t i = 0; i < rows.size(); ++i) {
      of_row(rows[i]);
      if (i + 1 < rows.size()) {
        add(rows[i], MutationKind::kOrder, 0, "behind " + rows[i + 1].id.text);
        found_.back().next = rows[i + 1].id.text;
      }
      list(rows[i].rows);
    }
  }

  void of_row(const Row& row) {
    for (std::size_t i = 0; i < row.actions.size(); ++i) {
      add(row, MutationKind::kDropAction, i, "do: without " + row.actions[i].name.text);
    }
    // A stage without a row is another table, and mostly not total.
    if (!is_stage_ && (row.go != Go::kNowhere || row.answer)) {
      add(row, MutationKind::kDropRow, 0, "not there");
    }
    for (std::size_t i = 0; i < row.when.size(); ++i) {
      const std::string what = words_of(row.when[i]);
      add(row, MutationKind::kDropCondition, i, "when: without " + what);
      add(row, MutationKind::kInvertCondition, i, "when: the opposite of " + what);
    }
    if (row.answer) {
      if (const AnswerUse* other = other_answer(flat_, row)) {
        add(row, MutationKind::kOtherAnswer, 0,
            words_of(*row.answer) + " becomes " + words_of(*other));
      }
    }
    if (row.new_step) add(row, MutationKind::kStep, 0, "no step begins here");
  }

  void add(const Row& row, MutationKind kind, std::size_t which, std::string text) {
    found_.push_back({kind, table_, row.id.text, row.origin.pos, which, std::move(text), ""});
  }

  std::string table_;
  bool is_stage_ = false;
  std::vector<const Row*> flat_;
  std::vector<Mutation> found_;
};

struct RowPlace {
  std::vector<Row>* list = nullptr;
  std::size_t at = 0;
};

RowPlace place_of(std::vector<Row>& rows, const Mutation& mutation) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (rows[i].id.text == mutation.row && rows[i].origin.pos == mutation.pos) return {&rows, i};
    if (const RowPlace inner = place_of(rows[i].rows, mutation); inner.list != nullptr)
      return inner;
  }
  return {};
}

std::vector<Row>* rows_of(const Mutation& mutation, Model& model) {
  for (Stage& stage : model.stages) {
    if (stage.name.text == mutation.table) return &stage.rows;
  }
  for (Procedure& procedure : model.procedures) {
    if (procedure.name.text == mutation.table) return &procedure.rows;
  }
  return nullptr;
}

template <class T>
bool drop(std::vector<T>& items, std::size_t which) {
  if (which >= items.size()) return false;
  items.erase(items.begin() + static_cast<std::ptrdiff_t>(which));
  return true;
}

bool change_answer(const std::vector<Row>& table, Row& row) {
  std::vector<const Row*> flat;
  flatten_rows(table, flat);
  const AnswerUse* other = row.answer ? other_answer(flat, row) : nullptr;
  if (other == nullptr) return false;
  row.answer = AnswerUse(*other);
  return true;
}

}  // namespace

bool same_words(const std::optional<AnswerUse>& a, const std::optional<AnswerUse>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return words_of(*a) == words_of(*b);
}

std::string_view name_of(MutationKind kind) { return kNames[static_cast<unsigned>(kind)]; }

std::vector<std::string> mutation_kind_names() {
  return {"action", "condition", "answer", "order", "step"};
}

std::vector<Mutation> mutations_of(const Model& model) { return Finder().find(model); }

bool apply(const Mutation& mutation, Model& model) {
  std::vector<Row>* table = rows_of(mutation, model);
  if (table == nullptr) return false;
  const RowPlace place = place_of(*table, mutation);
  if (place.list == nullptr) return false;
  Row& row = (*place.list)[place.at];
  switch (mutation.kind) {
    case MutationKind::kDropAction:
      return drop(row.actions, mutation.which);
    case MutationKind::kDropRow:
      return drop(*place.list, place.at);
    case MutationKind::kDropCondition:
      return drop(row.when, mutation.which);
    case MutationKind::kInvertCondition:
      if (mutation.which >= row.when.size()) return false;
      row.when[mutation.which].inverted = !row.when[mutation.which].inverted;
      return true;
    case MutationKind::kOtherAnswer:
      return change_answer(*table, row);
    case MutationKind::kOrder:
      if (place.at + 1 >= place.list->size()) return false;
      std::swap(row, (*place.list)[place.at + 1]);
      return true;
    case MutationKind::kStep:
      return std::exchange(row.new_step, false);
  }
  return false;
}

}  // namespace nptsim::rules
