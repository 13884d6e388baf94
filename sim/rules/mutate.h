// One change to one rule at a time, for asking whether any scenario would notice.
//
// A rule is a row as a file has it, so the change is made in every version that still has this row.
// What comes out may be refused by check(): then nobody could have written it by mistake.
#ifndef NPTSIM_SIM_RULES_MUTATE_H_
#define NPTSIM_SIM_RULES_MUTATE_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/rules/model.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::rules {

enum class MutationKind : std::uint8_t {
  kDropAction,       // `do:` without one of its actions
  kDropRow,          // a procedure without a row that decides, calls or returns
  kDropCondition,    // `when:` without one of its facts
  kInvertCondition,  // one of its facts the other way round
  kOtherAnswer,      // `then:` or `return:` another answer of the same table
  kOrder,            // the row after the next one
  kStep,             // no step begins here
};
inline constexpr unsigned kMutationKinds = 7;
// "action", "condition", "answer", "order" or "step".
std::string_view name_of(MutationKind kind);
std::vector<std::string> mutation_kind_names();

struct Mutation {
  MutationKind kind = MutationKind::kDropAction;
  std::string table;      // stage or procedure
  std::string row;        // its id
  SourcePos pos;          // where the row was written: which of all rows with this id it is
  std::size_t which = 0;  // of its actions or conditions
  std::string text;       // "do: without pin_pfn"
};

// Every change to every row of the model, in its order.
std::vector<Mutation> mutations_of(const Model& model);

// False: the model has no such row, or not at this place. Then it is as it was.
bool apply(const Mutation& mutation, Model& model);

// Why the change cannot make a difference, if that can be said without running anything: two rows
// that exclude each other may change places, in a stage, or where neither changes the fact by which
// they do. Empty: it may make one.
std::string why_equivalent(const Mutation& mutation, const Model& model,
                           const Vocabulary& vocabulary);

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_MUTATE_H_
