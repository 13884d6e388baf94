// Every rule that a run can name, with its source and how it is known.
#ifndef NPTSIM_SIM_REPORT_RULE_BOOK_H_
#define NPTSIM_SIM_REPORT_RULE_BOOK_H_

#include <map>
#include <string>
#include <utility>

#include "sim/machine/event.h"
#include "sim/machine/setup.h"

namespace nptsim::report {

struct RuleNote {
  std::string source;
  std::string evidence;  // "spec", "code", "inferred", ...
  std::string text;      // a sentence; may be empty
};

class RuleBook {
 public:
  RuleBook() = default;  // knows nothing
  explicit RuleBook(const machine::Setup& setup);

  void add(machine::Layer layer, const std::string& id, RuleNote note);
  // Null for a rule of nobody's.
  const RuleNote* find(machine::Layer layer, const std::string& id) const;

 private:
  std::map<std::pair<machine::Layer, std::string>, RuleNote> notes_;
};

// Not a fact of any source that was read: "inferred" and "recalled".
bool is_weak(const std::string& evidence);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_RULE_BOOK_H_
