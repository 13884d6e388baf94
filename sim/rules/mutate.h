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
  std::string next;       // kOrder: the id of the row that comes before it now
};

// Every change to every row of the model, in its order.
std::vector<Mutation> mutations_of(const Model& model);

// False: the model has no such row, or not at this place. Then it is as it was.
bool apply(const Mutation& mutation, Model& model);

// Whether two rows spell the same answer, or both give none.
bool same_words(const std::optional<AnswerUse>& a, const std::optional<AnswerUse>& b);

// The rows of a table, with those inside of loops.
template <class AnyRow>
void flatten_rows(const std::vector<AnyRow>& rows, std::vector<const AnyRow*>& flat) {
  for (const AnyRow& row : rows) {
    flat.push_back(&row);
    flatten_rows(row.rows, flat);
  }
}

}  // namespace nptsim::rules

#endif  // NPTSIM_SIM_RULES_MUTATE_H_
