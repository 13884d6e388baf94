// The points of a document one at a time, for matrices that are too large to hold.
#ifndef NPTSIM_SIM_SCENARIO_LARGE_MATRIX_H_
#define NPTSIM_SIM_SCENARIO_LARGE_MATRIX_H_

#include <cstdint>
#include <memory>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/scenario/matrix.h"

namespace nptsim::scenario {

// The document is read again only for what decides its text, not for parameters of models; threads
// may share one.
class LargeMatrix {
 public:
  explicit LargeMatrix(const Scenario& document);
  ~LargeMatrix();

  std::uint64_t size() const;
  // The same point as expand() has at this index: the last list turns fastest.
  Result<Point, Diagnostics> at(std::uint64_t index, const Contradiction& contradiction = {}) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace nptsim::scenario

#endif  // NPTSIM_SIM_SCENARIO_LARGE_MATRIX_H_
