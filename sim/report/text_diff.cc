#include "sim/report/text_diff.h"

#include <algorithm>
#include <cstdint>

namespace nptsim::report {
namespace {

// Beyond this many cells of the table both middles are shown whole: right, only longer.
constexpr std::size_t kMaxCells = 4'000'000;

using Lines = std::vector<std::string>;

struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;
  std::size_t size() const { return end - begin; }
};

// All lines of both, marked, by a longest common subsequence of the ranges.
void mark_middle(const Lines& before, Range b, const Lines& after, Range a, Lines& out) {
  const std::size_t columns = a.size() + 1;
  std::vector<std::uint32_t> length;
  const bool fits = (b.size() + 1) <= kMaxCells / columns;
  if (fits) {
    length.assign((b.size() + 1) * columns, 0);
    for (std::size_t i = b.size(); i-- > 0;) {
      for (std::size_t j = a.size(); j-- > 0;) {
        length[i * columns + j] =
            before[b.begin + i] == after[a.begin + j]
                ? length[(i + 1) * columns + j + 1] + 1
                : std::max(length[(i + 1) * columns + j], length[i * columns + j + 1]);
      }
    }
  }
  std::size_t i = 0, j = 0;
  while (i < b.size() || j < a.size()) {
    const bool both = fits && i < b.size() && j < a.size();
    if (both && before[b.begin + i] == after[a.begin + j]) {
      out.push_back(" " + before[b.begin + i]);
      ++i, ++j;
    } else if (i < b.size() &&
               (!both || length[(i + 1) * columns + j] >= length[i * columns + j + 1])) {
      out.push_back("-" + before[b.begin + i++]);
    } else {
      out.push_back("+" + after[a.begin + j++]);
    }
  }
}

Lines around_changes(const Lines& marked, std::size_t context) {
  std::vector<bool> keep(marked.size());
  for (std::size_t i = 0; i < marked.size(); ++i) {
    if (marked[i][0] == ' ') continue;
    const std::size_t first = i < context ? 0 : i - context;
    const std::size_t last = std::min(marked.size() - 1, i + context);
    for (std::size_t k = first; k <= last; ++k) keep[k] = true;
  }
  Lines lines;
  bool left_out = false;
  for (std::size_t i = 0; i < marked.size(); ++i) {
    if (!keep[i]) {
      left_out = true;
      continue;
    }
    if (left_out && !lines.empty()) lines.push_back("...");
    left_out = false;
    lines.push_back(marked[i]);
  }
  return lines;
}

}  // namespace

Lines diff_lines(const Lines& before, const Lines& after, std::size_t context) {
  if (before == after) return {};
  const std::size_t shorter = std::min(before.size(), after.size());
  std::size_t head = 0;
  while (head < shorter && before[head] == after[head]) ++head;
  std::size_t tail = 0;
  while (tail < shorter - head &&
         before[before.size() - 1 - tail] == after[after.size() - 1 - tail]) {
    ++tail;
  }
  Lines marked;
  for (std::size_t i = 0; i < head; ++i) marked.push_back(" " + before[i]);
  mark_middle(before, {head, before.size() - tail}, after, {head, after.size() - tail}, marked);
  for (std::size_t i = before.size() - tail; i < before.size(); ++i) {
    marked.push_back(" " + before[i]);
  }
  return around_changes(marked, context);
}

}  // namespace nptsim::report
