#include "sim/rules/words.h"

#include "sim/base/bug.h"

namespace nptsim::rules {

WordId WordTable::number(std::string_view word) {
  if (const auto known = find(word)) return *known;
  if (texts_.size() >= kMaxWords) return kNoWord;
  const auto id = static_cast<WordId>(texts_.size());
  texts_.emplace_back(word);
  numbers_.emplace(std::string(word), id);
  return id;
}

std::optional<WordId> WordTable::find(std::string_view word) const {
  const auto found = numbers_.find(word);
  if (found == numbers_.end()) return std::nullopt;
  return found->second;
}

const std::string& WordTable::text(WordId word) const {
  NPTSIM_CHECK(word < texts_.size());
  return texts_[word];
}

}  // namespace nptsim::rules
