// Which rows of a program were reached.
#ifndef NPTSIM_SIM_RULES_COVERAGE_H_
#define NPTSIM_SIM_RULES_COVERAGE_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sim/rules/listener.h"

namespace nptsim::rules {

// Counts by row id, so coverage of different programs (settings, versions) adds up. A stage's row
// is reached when it decides, a procedure's when its `when` holds.
class Coverage : public Listener {
 public:
  void decided(const Decision& decision) override { ++reached_[decision.row.id]; }
  bool wants_reasons() const override { return false; }
  void entered(const Program&, const RowInfo& row) override { ++reached_[row.id]; }

  void add(const Coverage& other) {
    for (const auto& [id, count] : other.reached_) reached_[id] += count;
  }
  std::uint64_t count(const std::string& id) const {
    const auto found = reached_.find(id);
    return found == reached_.end() ? 0 : found->second;
  }
  // The rows of a program that were never reached, in its order.
  std::vector<const RowInfo*> missing(const Program& program) const {
    std::vector<const RowInfo*> rows;
    for (const RowInfo& row : program.rows()) {
      if (count(row.id) == 0) rows.push_back(&row);
    }
    return rows;
  }

 private:
  std::map<std::string, std::uint64_t> reached_;
};

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_COVERAGE_H_
