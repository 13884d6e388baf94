// Changes of a rule that can make no difference, proved from the rows of one checked model.
//
// What is proved: whatever situation the model is in, it does the same things in the same order,
// and nobody who looks at an answer looks differently. Which row gets the credit may change, and
// whether something is decided that nobody asks for.
#ifndef NPTSIM_SIM_RULES_EQUIVALENCE_H_
#define NPTSIM_SIM_RULES_EQUIVALENCE_H_

#include <memory>
#include <string>
#include <vector>

#include "sim/rules/check.h"
#include "sim/rules/mutate.h"

namespace nptsim::rules {

class Equivalence {
 public:
  explicit Equivalence(Checked checked);
  ~Equivalence();
  Equivalence(Equivalence&&) noexcept;

  // The other models that enter this one's procedures; they have to stay. Who is not told of them
  // takes every answer to the outside for important.
  void set_outsiders(const std::vector<const Equivalence*>& others);

  // Why the change makes no difference; empty: it may make one, or the model has no such row.
  std::string why(const Mutation& mutation) const;

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_EQUIVALENCE_H_
