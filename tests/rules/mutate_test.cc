// One change to one row at a time, and rows compared.
#include "sim/rules/mutate.h"

#include <doctest/doctest.h>

#include <set>
#include <string>
#include <vector>

#include "sim/rules/same_row.h"
#include "tests/rules/toy.h"

namespace nptsim::rules {
namespace {

const char* const kMutatedModel = R"(
exports: [npf]
stages:
  fault:
    - { id: fault.rw, when: { slot: rw }, do: map_page, then: fixed, E }
    - { id: fault.ro, when: { slot: readonly, write: yes }, then: { error: EFAULT }, E }
    - { id: fault.none, then: { error: EFAULT }, E }
procedures:
  npf:
    - { id: npf.fault, decide: fault, E }
    - { id: npf.fixed, when: { fault: fixed }, do: map_page, return: resume, step: new, E }
    - { id: npf.out, return: result, E }
)";

Model mutated() {
  const auto model = toy::model_of(kMutatedModel);
  REQUIRE(model.ok());
  return model.value();
}

std::vector<std::string> texts() {
  std::vector<std::string> texts;
  for (const Mutation& one : mutations_of(mutated())) {
    texts.push_back(one.row + " " + std::string(name_of(one.kind)) + ": " + one.text);
  }
  return texts;
}

TEST_CASE("every row gives its changes, in the model's order") {
  CHECK(texts() == std::vector<std::string>{
                       "fault.rw action: do: without map_page",
                       "fault.rw condition: when: without slot rw",
                       "fault.rw condition: when: the opposite of slot rw",
                       "fault.rw answer: fixed becomes error error=EFAULT",
                       "fault.rw order: behind fault.ro",
                       "fault.ro condition: when: without slot readonly",
                       "fault.ro condition: when: the opposite of slot readonly",
                       "fault.ro condition: when: without write yes",
                       "fault.ro condition: when: the opposite of write yes",
                       "fault.ro answer: error error=EFAULT becomes fixed",
                       "fault.ro order: behind fault.none",
                       "fault.none answer: error error=EFAULT becomes fixed",
                       "npf.fault action: not there",
                       "npf.fault order: behind npf.fixed",
                       "npf.fixed action: do: without map_page",
                       "npf.fixed action: not there",
                       "npf.fixed condition: when: without fault fixed",
                       "npf.fixed condition: when: the opposite of fault fixed",
                       "npf.fixed answer: resume becomes result",
                       "npf.fixed step: no step begins here",
                       "npf.fixed order: behind npf.out",
                       "npf.out action: not there",
                       "npf.out answer: result becomes resume",
                   });
}

TEST_CASE("each change changes just one row or the order of two") {
  const Model before = mutated();
  for (const Mutation& one : mutations_of(before)) {
    CAPTURE(one.row);
    CAPTURE(one.text);
    Model after = before;
    REQUIRE(apply(one, after));
    std::size_t different = 0;
    const auto compare = [&](const std::vector<Row>& left, const std::vector<Row>& right) {
      if (left.size() != right.size()) ++different;
      for (std::size_t i = 0; i < std::min(left.size(), right.size()); ++i) {
        if (!does_the_same(left[i], right[i])) ++different;
      }
    };
    for (std::size_t i = 0; i < before.stages.size(); ++i) {
      compare(before.stages[i].rows, after.stages[i].rows);
    }
    for (std::size_t i = 0; i < before.procedures.size(); ++i) {
      compare(before.procedures[i].rows, after.procedures[i].rows);
    }
    CHECK(different >= 1);
    if (one.kind == MutationKind::kOrder) CHECK(different == 2);
  }
}

TEST_CASE("a row of another place with the same id is left alone") {
  Model other = mutated();
  Mutation mutation = mutations_of(other).front();
  mutation.pos.line += 100;
  CHECK_FALSE(apply(mutation, other));
}

TEST_CASE("rows are compared by what they do, or by all that they say") {
  const Row row = mutated().stages[0].rows[0];
  Row other = row;
  CHECK(does_the_same(row, other));
  CHECK(says_the_same(row, other));
  other.source.text = "elsewhere";
  CHECK(does_the_same(row, other));
  CHECK_FALSE(says_the_same(row, other));
  other.actions.clear();
  CHECK_FALSE(does_the_same(row, other));
}

}  // namespace
}  // namespace nptsim::rules
