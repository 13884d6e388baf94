// A sweep as a picture: one coloured field for each point.
#include <fmt/format.h>

#include <array>

#include "sim/report/sweep.h"
#include "sim/report/sweep_grid.h"
#include "sim/report/text.h"

namespace nptsim::report {
namespace {

constexpr std::size_t kField = 16, kFont = 12, kLetterWidth = 7, kMargin = 10;
// Told apart in print and by most colour-blind people (Okabe and Ito); then it begins anew.
constexpr std::array<const char*, 8> kColours = {"#0072b2", "#e69f00", "#009e73", "#d55e00",
                                                 "#56b4e9", "#cc79a7", "#f0e442", "#777777"};
constexpr char kInvalid[] = "#eeeeee";

class Picture {
 public:
  Picture(const Sweep& sweep, const std::string& columns) : sweep_(sweep), grid_(sweep, columns) {
    colours_.resize(sweep.cells.size());
    std::size_t next = 0;
    for (const std::uint32_t cell : grid_.by_frequency()) {
      const bool invalid = sweep.cells[cell].outcome == "invalid";
      colours_[cell] = invalid ? kInvalid : kColours[next++ % kColours.size()];
    }
    for (std::size_t row = 0; row < grid_.rows(); ++row) {
      labels_.push_back(join(grid_.row_values(row), " "));
      label_width_ = std::max(label_width_, width_of(labels_.back()) * kLetterWidth);
    }
    label_width_ = std::max(label_width_, width_of(join(grid_.row_keys(), " ")) * kLetterWidth);
    left_ = kMargin + label_width_ + kMargin;
  }

  std::string draw() {
    text(kMargin, kMargin + kFont, sweep_.name);
    top_ = kMargin + 2 * kFont + heading_height();
    add_heading();
    for (std::size_t row = 0; row < grid_.rows(); ++row) add_row(row);
    add_legend();
    return fmt::format(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"{}\" "
        "font-family=\"monospace\" font-size=\"{}\">\n"
        "<rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n{}</svg>\n",
        width(), bottom_, kFont, out_);
  }

 private:
  std::size_t heading_height() const {
    std::size_t longest = 1;
    if (grid_.column_axis() == nullptr) return 0;
    for (const std::string& value : grid_.column_axis()->values) {
      longest = std::max(longest, width_of(value));
    }
    return longest * kLetterWidth + kMargin;
  }

  std::size_t width() const {
    std::size_t legend = 0;
    for (const SweepCell& cell : sweep_.cells) {
      legend = std::max(legend, width_of(cell.outcome + cell.why) + 8);
    }
    const std::size_t fields = left_ + grid_.columns() * kField + kMargin;
    const std::size_t texts = (std::max(legend, width_of(sweep_.name)) + 2) * kLetterWidth;
    return std::max(fields, texts + 2 * kMargin);
  }

  void text(std::size_t x, std::size_t y, const std::string& words, bool upright = false) {
    const std::string turn =
        upright ? fmt::format(" transform=\"rotate(-90 {} {})\"", x, y) : std::string();
    out_ += fmt::format("<text x=\"{}\" y=\"{}\"{}>{}</text>\n", x, y, turn, markup(words));
  }

  void field(std::size_t x, std::size_t y, std::size_t fields, std::uint32_t cell) {
    out_ += fmt::format(
        "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"><title>{}</title></rect>\n",
        x, y, fields * kField - 1, kField - 1, colours_[cell], markup(sweep_.cells[cell].outcome));
  }

  void add_heading() {
    const SweepAxis* axis = grid_.column_axis();
    if (axis == nullptr) return;
    text(kMargin, top_ - 4, join(grid_.row_keys(), " ") + " / " + axis->key);
    for (std::size_t i = 0; i < axis->values.size(); ++i) {
      text(left_ + i * kField + kFont, top_ - 4, axis->values[i], true);
    }
  }

  // Fields of one colour side by side are one rectangle.
  void add_row(std::size_t row) {
    const std::size_t y = top_ + row * kField;
    text(kMargin, y + kFont, labels_[row]);
    for (std::size_t column = 0; column < grid_.columns();) {
      const std::uint32_t cell = grid_.at(row, column);
      std::size_t end = column;
      while (end < grid_.columns() && grid_.at(row, end) == cell) ++end;
      field(left_ + column * kField, y, end - column, cell);
      column = end;
    }
  }

  void add_legend() {
    std::size_t y = top_ + grid_.rows() * kField + kMargin;
    for (const std::uint32_t cell : grid_.by_frequency()) {
      field(kMargin, y, 1, cell);
      const SweepCell& one = sweep_.cells[cell];
      text(kMargin + kField + 6, y + kFont, one.outcome + (one.why.empty() ? "" : ": " + one.why));
      y += kField + 2;
    }
    bottom_ = y + kMargin;
  }

  const Sweep& sweep_;
  SweepGrid grid_;
  std::vector<std::string> colours_, labels_;
  std::size_t label_width_ = 0, left_ = 0, top_ = 0, bottom_ = 0;
  std::string out_;
};

}  // namespace

std::string print_sweep_svg(const Sweep& sweep, const std::string& columns) {
  return Picture(sweep, columns).draw();
}

}  // namespace nptsim::report
