// A sweep as rows and columns: one axis to the right, the others that matter downwards.
#ifndef NPTSIM_SIM_REPORT_SWEEP_GRID_H_
#define NPTSIM_SIM_REPORT_SWEEP_GRID_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/report/sweep.h"

namespace nptsim::report {

class SweepGrid {
 public:
  SweepGrid(const Sweep& sweep, const std::string& columns);

  const std::vector<std::size_t>& relevant() const { return relevant_; }
  std::size_t rows() const { return rows_; }
  std::size_t columns() const { return columns_; }
  // The cell's number. What does not matter has its first value.
  std::uint32_t at(std::size_t row, std::size_t column) const;
  // "kernel=kvm-7.0 vm=sev-es": of the axes that go down.
  std::vector<std::string> row_values(std::size_t row) const;
  std::vector<std::string> row_keys() const;
  const SweepAxis* column_axis() const;

  // "A" for the most frequent outcome; an invalid point is "-".
  std::string letter(std::uint32_t cell) const { return letters_[cell]; }
  const std::vector<std::uint32_t>& by_frequency() const { return by_frequency_; }

  // As text: a heading, and a letter for each cell.
  std::vector<std::string> lines() const;

 private:
  void choose_letters();

  const Sweep& sweep_;
  std::vector<std::size_t> relevant_;
  std::vector<std::size_t> down_;  // axes
  std::size_t right_ = 0;          // axis; none when relevant_ is empty
  std::vector<std::uint64_t> weights_;
  std::size_t rows_ = 1, columns_ = 1;
  std::vector<std::string> letters_;
  std::vector<std::uint32_t> by_frequency_;
};

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_SWEEP_GRID_H_
