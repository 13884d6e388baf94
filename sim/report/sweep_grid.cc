#include "sim/report/sweep_grid.h"

#include <algorithm>
#include <numeric>

#include "sim/report/text.h"

namespace nptsim::report {

SweepGrid::SweepGrid(const Sweep& sweep, const std::string& columns)
    : sweep_(sweep), relevant_(relevant_axes(sweep)), weights_(sweep.axes.size(), 1) {
  for (std::size_t i = sweep.axes.size(); i-- > 1;) {
    weights_[i - 1] = weights_[i] * sweep.axes[i].values.size();
  }
  if (!relevant_.empty()) right_ = relevant_.back();
  for (const std::size_t axis : relevant_) {
    if (sweep.axes[axis].key == columns) right_ = axis;
  }
  for (const std::size_t axis : relevant_) {
    if (axis == right_) continue;
    down_.push_back(axis);
    rows_ *= sweep.axes[axis].values.size();
  }
  if (!relevant_.empty()) columns_ = sweep.axes[right_].values.size();
  choose_letters();
}

void SweepGrid::choose_letters() {
  constexpr std::string_view kLetters =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
  std::vector<std::size_t> counts(sweep_.cells.size());
  for (const std::uint32_t cell : sweep_.points) ++counts[cell];
  by_frequency_.resize(sweep_.cells.size());
  std::iota(by_frequency_.begin(), by_frequency_.end(), 0u);
  std::stable_sort(by_frequency_.begin(), by_frequency_.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return counts[a] > counts[b]; });
  letters_.assign(sweep_.cells.size(), "?");
  std::size_t next = 0;
  for (const std::uint32_t cell : by_frequency_) {
    if (sweep_.cells[cell].outcome == "invalid") {
      letters_[cell] = "-";
    } else if (next < kLetters.size()) {
      letters_[cell] = kLetters[next++];
    }
  }
}

std::uint32_t SweepGrid::at(std::size_t row, std::size_t column) const {
  std::uint64_t index = column * (relevant_.empty() ? 0 : weights_[right_]);
  for (auto axis = down_.rbegin(); axis != down_.rend(); ++axis) {
    const std::size_t count = sweep_.axes[*axis].values.size();
    index += row % count * weights_[*axis];
    row /= count;
  }
  return sweep_.points[index];
}

std::vector<std::string> SweepGrid::row_values(std::size_t row) const {
  std::vector<std::string> values(down_.size());
  for (std::size_t i = down_.size(); i-- > 0;) {
    const SweepAxis& axis = sweep_.axes[down_[i]];
    values[i] = axis.values[row % axis.values.size()];
    row /= axis.values.size();
  }
  return values;
}

std::vector<std::string> SweepGrid::row_keys() const {
  std::vector<std::string> keys;
  for (const std::size_t axis : down_) keys.push_back(sweep_.axes[axis].key);
  return keys;
}

const SweepAxis* SweepGrid::column_axis() const {
  return relevant_.empty() ? nullptr : &sweep_.axes[right_];
}

std::vector<std::string> SweepGrid::lines() const {
  std::vector<std::vector<std::string>> cells;
  const SweepAxis* axis = column_axis();
  std::vector<std::string> head = row_keys();
  const std::size_t labels = head.size();
  head.push_back(axis->key + ":");
  head.insert(head.end(), axis->values.begin(), axis->values.end());
  cells.push_back(std::move(head));
  std::vector<std::string> last(labels);
  for (std::size_t row = 0; row < rows_; ++row) {
    std::vector<std::string> line = row_values(row);
    // A value that is the same as above is said once.
    std::vector<std::string> shown = line;
    for (std::size_t i = 0; i < labels && line[i] == last[i]; ++i) shown[i] = "";
    last = std::move(line);
    if (labels > 0) shown[labels - 1] = last[labels - 1];
    shown.emplace_back("");
    for (std::size_t column = 0; column < columns_; ++column) {
      shown.push_back(letter(at(row, column)));
    }
    cells.push_back(std::move(shown));
  }
  return table(cells);
}

}  // namespace nptsim::report
