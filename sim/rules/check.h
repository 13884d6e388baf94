// The loader's refusals. What passes here can run: every name is known, every stage is total, no
// fact is read before it is given, steps end, and no sealed guest is asked for its registers.
//
// All of it holds for every setting: params and capabilities count as facts of unknown value.
#ifndef NPTSIM_SIM_RULES_CHECK_H_
#define NPTSIM_SIM_RULES_CHECK_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/rules/model.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::rules {

// A word that something can answer, and the fields that come with it every time.
struct AnswerShape {
  struct Field {
    std::string name;
    std::vector<std::string> values;
  };
  std::string word;
  std::vector<Field> fields;
};

// A procedure that other layers may enter.
struct Exported {
  std::string name;
  std::vector<AnswerShape> answers;
  std::vector<std::string> locals;
};

// What the `exit:` and `ioctl:` rows of a model may name.
struct Outside {
  std::vector<Exported> exits;
  std::vector<Exported> ioctls;
};
// Every name in it: two that are spelled alike are alike.
std::string to_string(const Outside& outside);

struct CheckLimits {
  std::size_t max_rows = 5000;  // of a model
  std::size_t max_rows_of_stage = 250;
  std::size_t max_tables = 1000;    // stages and procedures
  std::size_t max_search = 200000;  // boxes looked at for one stage
};

// A model that passed. Cheap to copy; compile it with as many settings as wanted.
struct Resolved;
class Checked {
 public:
  explicit Checked(std::shared_ptr<const Resolved> resolved) : resolved_(std::move(resolved)) {}
  const Resolved& resolved() const { return *resolved_; }
  const Model& model() const;
  // What others may enter, with the answers that they will get.
  const std::vector<Exported>& exported() const;

 private:
  std::shared_ptr<const Resolved> resolved_;
};

Result<Checked, Diagnostics> check(Model model, const Vocabulary& vocabulary,
                                   const Outside& outside = {}, const CheckLimits& limits = {});

// What the models of a stack export to each other. `exit:` rows of the first find the second's
// procedures, `ioctl:` rows of the second find the first's; both may be handed on, so this is
// computed for the two together. Names that are not there are check()'s to report.
struct LinkedPair {
  Outside lower;  // for the kernel: its exits go to the VMM
  Outside upper;  // for the VMM: its ioctls go to the kernel
};
LinkedPair link_exports(const Model& lower, const Model& upper);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_CHECK_H_
