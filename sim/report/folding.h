// Finds what repeats in a sequence, so that a loop is told once.
#ifndef NPTSIM_SIM_REPORT_FOLDING_H_
#define NPTSIM_SIM_REPORT_FOLDING_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace nptsim::report {

// `period` items from `begin`, `times` times one after the other.
struct Fold {
  std::size_t begin = 0;
  std::size_t period = 1;
  std::size_t times = 1;
  bool operator==(const Fold&) const = default;
  std::size_t end() const { return begin + period * times; }
};

// Covers the whole sequence in order; what does not repeat is a fold of one item.
std::vector<Fold> fold_repeats(const std::vector<std::string>& signatures,
                               std::size_t longest_period = 16);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_FOLDING_H_
