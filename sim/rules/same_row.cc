#include "sim/rules/same_row.h"

#include <algorithm>

namespace nptsim::rules {
namespace {

bool same(const Spelled& a, const Spelled& b) { return a.text == b.text; }

template <class T>
bool all_same(const std::vector<T>& a, const std::vector<T>& b,
              bool (*same_item)(const T&, const T&)) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), same_item);
}

bool same_condition(const Condition& a, const Condition& b) {
  return same(a.fact, b.fact) && a.inverted == b.inverted && all_same(a.values, b.values, same);
}

bool same_argument(const Argument& a, const Argument& b) {
  return same(a.name, b.name) && same(a.value, b.value);
}

bool same_action(const ActionUse& a, const ActionUse& b) {
  return same(a.name, b.name) && all_same(a.args, b.args, same_argument);
}

bool same_answer(const std::optional<AnswerUse>& a, const std::optional<AnswerUse>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return same(a->word, b->word) &&
         std::equal(a->fields.begin(), a->fields.end(), b->fields.begin(), b->fields.end(),
                    [](const auto& left, const auto& right) {
                      return same(left.first, right.first) && same(left.second, right.second);
                    });
}

}  // namespace

bool does_the_same(const Row& a, const Row& b) {
  return same(a.id, b.id) && all_same(a.when, b.when, same_condition) &&
         all_same(a.actions, b.actions, same_action) && same_answer(a.answer, b.answer) &&
         a.new_step == b.new_step && all_same(a.wait, b.wait, same_condition) && a.go == b.go &&
         same(a.target, b.target) && all_same(a.with, b.with, same_argument) && a.loop == b.loop &&
         same_action(a.iterator, b.iterator) &&
         all_same(a.while_holds, b.while_holds, same_condition) &&
         all_same(a.rows, b.rows, does_the_same);
}

bool says_the_same(const Row& a, const Row& b) {
  return same(a.source, b.source) && a.evidence == b.evidence && a.text == b.text &&
         all_same(a.rows, b.rows, says_the_same);
}

}  // namespace nptsim::rules
