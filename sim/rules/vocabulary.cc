#include "sim/rules/vocabulary.h"

#include <algorithm>
#include <set>

namespace nptsim::rules {
namespace {

constexpr std::size_t kMaxValues = 64;

template <class Def>
const Def* find_in(const std::vector<Def>& list,
                   const std::map<std::string, std::size_t, std::less<>>& index,
                   std::string_view name) {
  const auto found = index.find(name);
  return found == index.end() ? nullptr : &list[found->second];
}

template <class Def>
std::vector<std::string> names_of(const std::vector<Def>& list) {
  std::vector<std::string> names;
  for (const Def& def : list) names.push_back(def.name);
  std::sort(names.begin(), names.end());
  return names;
}

bool has(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

Vocabulary& Vocabulary::add(FactDef fact) {
  if (fact_index_.count(fact.name) != 0) NPTSIM_BUG("fact '" + fact.name + "' is declared twice");
  if (fact.needs == Needs::kRegisters && !has(fact.values, kUnknown)) {
    fact.values.emplace_back(kUnknown);
  }
  fact_index_.emplace(fact.name, facts_.size());
  facts_.push_back(std::move(fact));
  return *this;
}

Vocabulary& Vocabulary::add(ActionDef action) {
  if (action_index_.count(action.name) != 0) {
    NPTSIM_BUG("action '" + action.name + "' is declared twice");
  }
  action_index_.emplace(action.name, actions_.size());
  actions_.push_back(std::move(action));
  return *this;
}

Vocabulary& Vocabulary::add(IteratorDef iterator) {
  if (iterator_index_.count(iterator.name) != 0) {
    NPTSIM_BUG("iterator '" + iterator.name + "' is declared twice");
  }
  iterator_index_.emplace(iterator.name, iterators_.size());
  iterators_.push_back(std::move(iterator));
  return *this;
}

Vocabulary& Vocabulary::include(const Vocabulary& other) {
  for (const FactDef& fact : other.facts_) add(fact);
  for (const ActionDef& action : other.actions_) add(action);
  for (const IteratorDef& iterator : other.iterators_) add(iterator);
  if (!other.sealed_fact_.empty()) name_sealed_fact(other.sealed_fact_, other.sealed_value_);
  if (!other.vm_fact_.empty()) name_vm_fact(other.vm_fact_);
  return *this;
}

Vocabulary& Vocabulary::name_sealed_fact(std::string fact, std::string value) {
  sealed_fact_ = std::move(fact);
  sealed_value_ = std::move(value);
  return *this;
}

Vocabulary& Vocabulary::name_vm_fact(std::string fact) {
  vm_fact_ = std::move(fact);
  return *this;
}

const FactDef* Vocabulary::find_fact(std::string_view name) const {
  return find_in(facts_, fact_index_, name);
}
const ActionDef* Vocabulary::find_action(std::string_view name) const {
  return find_in(actions_, action_index_, name);
}
const IteratorDef* Vocabulary::find_iterator(std::string_view name) const {
  return find_in(iterators_, iterator_index_, name);
}

std::vector<std::string> Vocabulary::fact_names() const { return names_of(facts_); }
std::vector<std::string> Vocabulary::action_names() const { return names_of(actions_); }
std::vector<std::string> Vocabulary::iterator_names() const { return names_of(iterators_); }

std::vector<std::string> Vocabulary::problems() const {
  std::vector<std::string> found;
  const auto check_value = [&](const std::string& what, const std::string& fact,
                               const std::string& value) {
    const FactDef* def = find_fact(fact);
    if (def == nullptr) {
      found.push_back(what + " names the fact '" + fact + "', which is not declared");
    } else if (!value.empty() && !has(def->values, value)) {
      found.push_back(what + " names the value '" + value + "', which '" + fact + "' cannot have");
    }
  };
  for (const FactDef& fact : facts_) {
    const std::string what = "fact '" + fact.name + "'";
    if (fact.name == "result" || fact.name == "not" || fact.name == "cursor" || fact.name.empty()) {
      found.push_back(what + " has a name that rows use otherwise");
    }
    if (fact.values.size() < 2 || fact.values.size() > kMaxValues) {
      found.push_back(what + " has " + std::to_string(fact.values.size()) +
                      " values; 2 to 64 are possible");
    }
    if (std::set<std::string>(fact.values.begin(), fact.values.end()).size() !=
        fact.values.size()) {
      found.push_back(what + " has a value twice");
    }
    for (const Implication& implied : fact.implies) {
      check_value(what, fact.name, implied.value);
      if (implied.values.empty()) found.push_back(what + " implies that something is impossible");
      for (const std::string& value : implied.values) check_value(what, implied.fact, value);
    }
  }
  for (const ActionDef& action : actions_) {
    const std::string what = "action '" + action.name + "'";
    if (action.open == nullptr) found.push_back(what + " has no function");
    if (action.gives.size() > ActionResult::kMaxGiven) found.push_back(what + " gives too much");
    for (const std::string& fact : action.gives) {
      check_value(what, fact, "");
      if (const FactDef* def = find_fact(fact); def != nullptr && def->compute != nullptr) {
        found.push_back(what + " gives '" + fact + "', which is computed");
      }
    }
  }
  for (const IteratorDef& iterator : iterators_) {
    if (iterator.next == nullptr) {
      found.push_back("iterator '" + iterator.name + "' has no function");
    }
  }
  if (!sealed_fact_.empty()) check_value("the sealed fact", sealed_fact_, sealed_value_);
  if (!vm_fact_.empty()) check_value("the vm fact", vm_fact_, "");
  return found;
}

}  // namespace nptsim::rules
