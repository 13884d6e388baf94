// What a model has, for people: its drawing, its dead ends, its lists.
#include "sim/rules/graph.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sim/rules/catalogue.h"
#include "tests/rules/toy.h"

namespace nptsim::rules {
namespace {

const char* const kModel = R"(
exports: [npf]
params: { caching: { default: on, text: "Whether it caches." } }
stages:
  fault:
    - { id: fault.rw, when: { slot: rw, caching: on }, do: map_page, then: fixed, E }
    - { id: fault.none, then: { error: EFAULT }, E }
  forgotten: [ { id: forgotten.1, then: a, E } ]
procedures:
  npf:
    - { id: npf.fault, decide: fault, E }
    - { id: npf.fixed, when: { fault: fixed }, return: resume, E }
    - { id: npf.each, each: pages, step: new, source: toy, evidence: code, rows: [ { id: npf.say, do: { say: cursor }, E } ] }
    - { id: npf.out, return: result, E }
    - { id: npf.dead, do: map_page, E }
  old: [ { id: old.1, do: map_page, E } ]
)";

Checked model() {
  const auto checked = toy::checked_of(kModel);
  REQUIRE_MESSAGE(checked.ok(), toy::refusal(checked));
  return checked.value();
}

TEST_CASE("rows, stages and procedures that nothing leads to are told") {
  std::vector<std::string> names;
  for (const Unreached& one : unreached(model())) names.push_back(one.what + " " + one.name);
  CHECK(names == std::vector<std::string>{"stage forgotten", "row forgotten.1", "procedure old",
                                          "row npf.dead", "row old.1"});
}

TEST_CASE("the drawing is the same every time, and has the flow") {
  const std::string dot = draw(model());
  CHECK(dot == draw(model()));
  CHECK(dot.substr(0, 16) == "digraph \"toy\" {\n");
  const auto has = [&](const std::string& text) { return dot.find(text) != std::string::npos; };
  CHECK(has("label=\"npf\", shape=box3d, penwidth=2"));
  CHECK(has("label=\"fault\", shape=diamond"));
  CHECK(has("label=\"fault.rw\\nmap_page\", shape=ellipse"));
  CHECK(has("label=\"decide\""));
  CHECK(has("label=\"fault: fixed\""));
  CHECK(has("label=\"again\""));
  CHECK(has("label=\"return resume\""));
}

TEST_CASE("the catalogue lists facts with domains and implications, actions, tables") {
  const Catalogue all = catalogue(model());
  const auto fact = [&](const std::string& name) {
    const auto found = std::find_if(all.facts.begin(), all.facts.end(),
                                    [&](const FactEntry& f) { return f.name == name; });
    REQUIRE(found != all.facts.end());
    return *found;
  };
  CHECK(fact("guest").implies.size() == 3);
  CHECK(fact("guest").text == "What the hardware does for the guest.");
  CHECK(fact("cpl").values == std::vector<std::string>{"kernel", "user", "unknown"});
  CHECK(fact("cpl").needs == Needs::kRegisters);
  CHECK(fact("guest.sealed").implies.size() == 2);  // what it means for cpl
  CHECK(fact("fault").kind == FactKind::kStage);
  CHECK(fact("fault").values == std::vector<std::string>{"fixed", "error"});
  CHECK(fact("error").kind == FactKind::kField);
  CHECK(fact("caching").kind == FactKind::kParam);
  CHECK(fact("caching").text == "Whether it caches.");
  const auto emulate = std::find_if(all.actions.begin(), all.actions.end(),
                                    [](const ActionEntry& a) { return a.name == "emulate"; });
  REQUIRE(emulate != all.actions.end());
  CHECK(emulate->needs_registers);
  REQUIRE(all.tables.size() == 4);
  CHECK(all.tables[2].name == "npf");
  CHECK(all.tables[2].exported);
  CHECK(all.tables[2].rows == std::vector<std::string>{"npf.fault", "npf.fixed", "npf.each",
                                                       "npf.say", "npf.out", "npf.dead"});
  REQUIRE(all.tables[2].answers.size() == 2);
  CHECK(all.tables[2].answers[0].word == "error");
  CHECK(all.tables[2].answers[0].fields[0].values == std::vector<std::string>{"EFAULT"});
  CHECK(all.tables[2].answers[1].word == "resume");
}

}  // namespace
}  // namespace nptsim::rules
