// Words (results, fields, values) as numbers, so that an answer crosses from one program to another
// without being spelled. Programs that call each other are compiled with the same table.
#ifndef NPTSIM_SIM_RULES_WORDS_H_
#define NPTSIM_SIM_RULES_WORDS_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/rules/frame.h"

namespace nptsim::rules {

class WordTable {
 public:
  static constexpr std::size_t kMaxWords = 60000;

  // The number of `word`, a new one if it has none yet. kNoWord when the table is full.
  WordId number(std::string_view word);
  std::optional<WordId> find(std::string_view word) const;
  const std::string& text(WordId word) const;
  std::size_t size() const { return texts_.size(); }

 private:
  std::vector<std::string> texts_{""};  // kNoWord
  std::map<std::string, WordId, std::less<>> numbers_;
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_WORDS_H_
