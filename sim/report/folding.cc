#include "sim/report/folding.h"

#include <map>

namespace nptsim::report {
namespace {

using Numbers = std::vector<std::size_t>;

// Comparing numbers instead of texts keeps long runs fast.
Numbers number_them(const std::vector<std::string>& signatures) {
  std::map<std::string, std::size_t> known;
  Numbers numbers;
  numbers.reserve(signatures.size());
  for (const std::string& signature : signatures) {
    numbers.push_back(known.try_emplace(signature, known.size()).first->second);
  }
  return numbers;
}

std::size_t times_at(const Numbers& numbers, std::size_t begin, std::size_t period) {
  std::size_t end = begin + period;
  while (end < numbers.size() && numbers[end] == numbers[end - period]) ++end;
  return (end - begin) / period;
}

}  // namespace

std::vector<Fold> fold_repeats(const std::vector<std::string>& signatures,
                               std::size_t longest_period) {
  const Numbers numbers = number_them(signatures);
  std::vector<Fold> folds;
  for (std::size_t begin = 0; begin < numbers.size();) {
    Fold fold{begin, 1, 1};
    for (std::size_t period = 1; period <= longest_period; ++period) {
      if (begin + 2 * period > numbers.size()) break;
      const std::size_t times = times_at(numbers, begin, period);
      if (times >= 2) {
        fold = {begin, period, times};
        break;
      }
    }
    begin = fold.end();
    folds.push_back(fold);
  }
  return folds;
}

}  // namespace nptsim::report
