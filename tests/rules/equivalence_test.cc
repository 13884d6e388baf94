// Changes of a rule that make no difference, and their neighbours that make one.
#include "sim/rules/equivalence.h"

#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

#include "sim/rules/mutate.h"
#include "tests/rules/toy.h"

namespace nptsim::rules {
namespace {

Checked checked(const std::string& text) {
  auto result = toy::checked_of(text);
  REQUIRE_MESSAGE(result.ok(), toy::refusal(result));
  return std::move(result).value();
}

// A line each.
struct Texts : std::string {
  Texts() = default;
  Texts(std::initializer_list<const char*> lines) {
    for (const char* line : lines) add(line);
  }
  void add(const std::string& line) { *this += line + "\n"; }
};

// "row: change" of all changes of this kind that make no difference, in the model's order.
Texts same(const std::string& text, MutationKind kind) {
  const Checked model = checked(text);
  const Equivalence equivalence(model);
  Texts found;
  for (const Mutation& one : mutations_of(model.model())) {
    if (one.kind != kind || equivalence.why(one).empty()) continue;
    found.add(one.row + ": " + one.text);
  }
  return found;
}

TEST_CASE("rows of a stage may change places if no situation is in both, or both say the same") {
  const char* const kStage = R"(
exports: [npf]
stages:
  fault:
    - { id: a.rw, when: { slot: rw }, then: fixed, E }
    - { id: a.readonly, when: { slot: readonly }, then: { error: EFAULT }, E }
    - { id: a.write, when: { fault.write: yes }, then: fixed, E }
    - { id: a.plain, when: { guest: plain }, then: { error: EFAULT }, E }
    - { id: a.es, when: { guest: es }, then: fixed, E }
    - { id: a.none, then: fixed, E }
procedures:
  npf:
    - { id: npf.fault, decide: fault, E }
    - { id: npf.fixed, when: { fault: fixed }, do: map_page, E }
    - { id: npf.out, return: result, E }
)";
  CHECK(same(kStage, MutationKind::kOrder) ==
        Texts{"a.rw: behind a.readonly", "a.plain: behind a.es", "a.es: behind a.none"});
}

TEST_CASE("a condition of a stage's row makes no difference if other rows have seen to it") {
  const char* const kStage = R"(
exports: [npf]
stages:
  fault:
    - { id: a.sealed, when: { guest.sealed: yes }, then: fixed, E }
    - { id: a.plain, when: { guest: plain, slot: rw }, then: { error: EFAULT }, E }
    - { id: a.read, when: { fault.write: no, slot: readonly }, then: fixed, E }
    - { id: a.none, when: { slot: none }, then: fixed, E }
    - { id: a.rest, then: fixed, E }
procedures:
  npf:
    - { id: npf.fault, decide: fault, E }
    - { id: npf.fixed, when: { fault: fixed }, do: map_page, E }
    - { id: npf.out, return: result, E }
)";
  CHECK(same(kStage, MutationKind::kDropCondition) ==
        Texts{"a.plain: when: without guest plain", "a.read: when: without fault.write no",
              "a.read: when: without slot readonly", "a.none: when: without slot none"});
}

TEST_CASE("a stage knows what those who decide it have seen to") {
  const char* const kStage = R"(
exports: [npf]
stages:
  fault:
    - { id: a.write, when: { fault.write: yes, slot: rw }, then: fixed, E }
    - { id: a.rest, then: { error: EFAULT }, E }
procedures:
  npf:
    - { id: npf.read, when: { fault.write: no }, return: resume, E }
    - { id: npf.fault, decide: fault, E }
    - { id: npf.fixed, when: { fault: fixed }, do: map_page, E }
    - { id: npf.out, return: result, E }
)";
  CHECK(same(kStage, MutationKind::kDropCondition) ==
        Texts{"a.write: when: without fault.write yes"});
}

TEST_CASE("a condition makes no difference where the rows before have returned without it") {
  const char* const kProcedure = R"(
exports: [npf]
stages:
  fault:
    - { id: a.rw, when: { slot: rw }, then: fixed, E }
    - { id: a.readonly, when: { slot: readonly }, then: emulate, E }
    - { id: a.none, then: { error: EFAULT }, E }
procedures:
  npf:
    - { id: npf.fault, decide: fault, E }
    - { id: npf.error, when: { fault: error }, return: result, E }
    - { id: npf.plain, when: { fault: emulate, guest: plain }, return: resume, E }
    - { id: npf.sealed, when: { fault: emulate, guest: [es, snp] }, call: map, E }
    - { id: npf.fixed, when: { fault: fixed }, call: map, E }
  map:
    - { id: map.sealed, when: { guest: [es, snp] }, do: map_page, E }
    - { id: map.write, when: { fault.write: yes }, do: map_page, E }
)";
  CHECK(same(kProcedure, MutationKind::kDropCondition) ==
        Texts{"npf.sealed: when: without guest es snp"});
}

TEST_CASE("a procedure knows what its callers have seen to, unless others may enter it") {
  const std::string rows = R"(
procedures:
  npf:
    - { id: npf.plain, when: { guest: plain }, return: resume, E }
    - { id: npf.map, call: map, E }
    - { id: npf.out, return: result, E }
  map:
    - { id: map.sealed, when: { guest: [es, snp] }, do: map_page, E }
)";
  CHECK(same("\nexports: [npf]" + rows, MutationKind::kDropCondition) ==
        Texts{"map.sealed: when: without guest es snp"});
  CHECK(same("\nexports: [npf, map]" + rows, MutationKind::kDropCondition).empty());
}

const char* const kAnswers = R"(
exports: [npf]
stages:
  fault:
    - { id: a.rw, when: { slot: rw }, then: fixed, E }
    - { id: a.readonly, when: { slot: readonly }, then: spurious, E }
    - { id: a.none, then: { error: EFAULT }, E }
procedures:
  npf:
    - { id: npf.map, call: map, E }
    - { id: npf.error, when: { map: error }, return: exit, E }
    - { id: npf.done, return: resume, E }
  map:
    - { id: map.fault, decide: fault, E }
    - { id: map.error, when: { fault: error }, return: { error: EFAULT }, E }
    - { id: map.retry, when: { guest: es }, return: retry, E }
    - { id: map.again, when: { guest: snp }, return: again, E }
    - { id: map.done, return: resume, E }
)";

TEST_CASE("another answer makes no difference if nobody asks which of the two it was") {
  // `fixed` and `spurious` are alike to map, `retry`, `again` and `resume` to npf, whose own
  // answers leave the model.
  CHECK(same(kAnswers, MutationKind::kOtherAnswer) == Texts{"a.rw: fixed becomes spurious",
                                                            "map.retry: retry becomes again",
                                                            "map.again: again becomes resume"});
  CHECK(same(kAnswers, MutationKind::kDropRow) ==
        Texts{"map.retry: not there", "map.again: not there", "map.done: not there"});
  CHECK(same(kAnswers, MutationKind::kDropCondition) ==
        Texts{"map.retry: when: without guest es", "map.again: when: without guest snp"});
}

// The VMM's answers leave the VMM: what they are to the kernel, the kernel's rows say.
TEST_CASE("whoever enters from outside tells answers apart, unless his rows are known") {
  const char* const kEntered = R"(
exports: [userspace]
procedures:
  userspace:
    - { id: user.plain, when: { guest: plain }, return: run, E }
    - { id: user.es, when: { guest: es }, return: again, E }
    - { id: user.done, return: stopped, E }
)";
  Outside outside;
  outside.exits.push_back({"userspace", {{"run", {}}, {"again", {}}, {"stopped", {}}}, {}});
  const auto entering = toy::checked_of(R"(
exports: [npf]
procedures:
  npf:
    - { id: npf.user, exit: userspace, E }
    - { id: npf.stop, when: { result: stopped }, return: stopped, E }
    - { id: npf.run, do: map_page, return: resume, E }
)",
                                        outside);
  REQUIRE_MESSAGE(entering.ok(), toy::refusal(entering));
  const Checked model = checked(kEntered);
  const Equivalence enters(entering.value());
  Equivalence alone(model), asked(model), nobody(model);
  asked.set_outsiders({&enters});
  nobody.set_outsiders({});
  const auto count = [&](const Equivalence& one) {
    std::string rows;
    for (const Mutation& mutation : mutations_of(model.model())) {
      if (mutation.kind != MutationKind::kOtherAnswer || one.why(mutation).empty()) continue;
      rows += mutation.row + " ";
    }
    return rows;
  };
  CHECK(count(alone).empty());
  CHECK(count(asked) == "user.plain ");  // run becomes again; user.es: again becomes stopped
  CHECK(count(nobody) == "user.plain user.es user.done ");
}

TEST_CASE("an answer that is handed on is asked about by the caller's caller") {
  const char* const kHandedOn = R"(
exports: [npf]
stages:
  fault:
    - { id: a.rw, when: { slot: rw }, then: fixed, E }
    - { id: a.readonly, when: { slot: readonly }, then: spurious, E }
    - { id: a.none, then: emulate, E }
procedures:
  npf:
    - { id: npf.map, call: map, E }
    - { id: npf.fixed, when: { map: fixed }, do: map_page, E }
    - { id: npf.done, return: resume, E }
  map:
    - { id: map.fault, decide: fault, E }
    - { id: map.done, return: result, E }
)";
  CHECK(same(kHandedOn, MutationKind::kOtherAnswer) ==
        Texts{"a.readonly: spurious becomes emulate"});
}

// Rows of a procedure are asked one after the other, so what excludes them has to stay what it was.
TEST_CASE("in a procedure the fact by which rows exclude each other must not change between them") {
  const char* const kProcedure = R"(
params: { caching: { default: on } }
exports: [npf]
stages:
  fault:
    - { id: fault.rw, when: { slot: rw }, then: fixed, E }
    - { id: fault.none, then: { error: EFAULT }, E }
procedures:
  npf:
    - { id: npf.fault, decide: fault, E }
    - { id: npf.fixed, when: { fault: fixed }, do: map_page, E }
    - { id: npf.again, when: { fault: error }, decide: fault, E }
    - { id: npf.error, when: { fault: error }, do: map_page, E }
    - { id: npf.fine, when: { fault: fixed }, do: map_page, E }
    - { id: npf.rw, when: { slot: rw }, do: map_page, E }
    - { id: npf.readonly, when: { slot: readonly }, do: map_page, E }
    - { id: npf.plain, when: { guest: plain }, do: map_page, E }
    - { id: npf.es, when: { guest.sealed: yes }, do: map_page, E }
    - { id: npf.on, when: { caching: on }, do: map_page, E }
    - { id: npf.off, when: { caching: off }, do: map_page, E }
    - { id: npf.out, return: result, E }
)";
  // npf.fixed and npf.again: the second one decides anew. npf.rw, npf.readonly: who knows what
  // map_page does to the slot.
  CHECK(same(kProcedure, MutationKind::kOrder) ==
        Texts{"npf.error: behind npf.fine", "npf.plain: behind npf.es", "npf.on: behind npf.off"});
}

TEST_CASE("a row that only decides by what never changes may stand before one that acts") {
  const char* const kProcedure = R"(
exports: [npf]
stages:
  by_guest:
    - { id: a.plain, when: { guest: plain }, then: go, E }
    - { id: a.sealed, then: stay, E }
  by_slot:
    - { id: b.rw, when: { slot: rw }, then: go, E }
    - { id: b.other, then: stay, E }
procedures:
  npf:
    - { id: npf.first, do: map_page, E }
    - { id: npf.guest, decide: by_guest, E }
    - { id: npf.map, do: map_page, E }
    - { id: npf.slot, decide: by_slot, E }
    - { id: npf.act, when: { by_guest: go }, do: map_page, E }
    - { id: npf.more, when: { by_slot: go }, do: map_page, E }
    - { id: npf.done, return: resume, E }
)";
  CHECK(same(kProcedure, MutationKind::kOrder) ==
        Texts{"npf.first: behind npf.guest", "npf.guest: behind npf.map"});
}

TEST_CASE("two rows that do the same and return may change places, whatever they ask") {
  const char* const kProcedure = R"(
exports: [npf]
procedures:
  npf:
    - { id: npf.rw, when: { slot: rw }, do: map_page, return: resume, E }
    - { id: npf.write, when: { fault.write: yes }, do: map_page, return: resume, E }
    - { id: npf.none, when: { slot: none }, do: map_page, return: stop, E }
    - { id: npf.plain, when: { guest: plain }, do: map_page, E }
    - { id: npf.readonly, when: { slot: readonly }, do: map_page, E }
    - { id: npf.es, when: { guest: es }, step: new, do: map_page, return: resume, E }
    - { id: npf.reads, when: { fault.write: no }, step: new, do: map_page, return: resume, E }
    - { id: npf.done, return: resume, E }
)";
  // npf.none says something else, npf.plain and npf.readonly do it twice, and before npf.reads the
  // question is asked in another step.
  CHECK(same(kProcedure, MutationKind::kOrder) == Texts{"npf.rw: behind npf.write"});
}

TEST_CASE("what is decided in front of a row that returns, or behind it, nobody hears") {
  const char* const kProcedure = R"(
exports: [npf]
stages:
  by_slot:
    - { id: a.rw, when: { slot: rw }, then: go, E }
    - { id: a.other, then: stay, E }
  mapping:
    - { id: b.rw, when: { slot: rw }, do: map_page, then: go, E }
    - { id: b.other, then: stay, E }
procedures:
  npf:
    - { id: npf.write, when: { fault.write: yes }, do: map_page, return: resume, E }
    - { id: npf.slot, decide: by_slot, E }
    - { id: npf.plain, when: { guest: plain }, do: map_page, return: stop, E }
    - { id: npf.mapping, decide: mapping, E }
    - { id: npf.es, when: { guest: es, mapping: go }, return: resume, E }
    - { id: npf.again, decide: by_slot, E }
    - { id: npf.go, when: { by_slot: go }, return: resume, E }
    - { id: npf.more, decide: mapping, E }
    - { id: npf.out, return: result, E }
)";
  // npf.mapping does something, npf.go asks for what npf.again decides, and npf.out hands on.
  CHECK(same(kProcedure, MutationKind::kOrder) ==
        Texts{"npf.write: behind npf.slot", "npf.slot: behind npf.plain",
              "npf.es: behind npf.again"});
}

TEST_CASE("a row of another place with the same id is not this model's") {
  const Checked model = checked(kAnswers);
  Mutation mutation = mutations_of(model.model()).front();
  REQUIRE(mutation.row == "a.rw");
  mutation.pos.line += 100;
  CHECK(Equivalence(model).why(mutation).empty());
}

}  // namespace
}  // namespace nptsim::rules
