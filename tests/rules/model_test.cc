// Files to models: versions, included rows, overlays, and what is refused on the way.
#include "sim/rules/model.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sim/rules/merge.h"
#include "sim/rules/read_model.h"
#include "tests/rules/toy.h"

namespace nptsim::rules {
namespace {

using toy::Files;

const char* const kOld = R"(
kernel: toy-1
title: The first toy
include: [rows/fault.yaml]
params: { caching: { default: on, text: "Whether it caches." } }
capabilities: { readonly_mem: { default: yes } }
procedures:
  npf: [ { id: npf.fault, decide: fault, return: result, E } ]
)";
const char* const kFaultRows = R"(
stages:
  fault:
    - { id: fault.rw, when: { slot: rw }, do: map_page, then: fixed, E }
    - { id: fault.ro, when: { slot: readonly }, then: emulate, E }
    - { id: fault.none, then: emulate, E }
)";

Files two_versions(const std::string& changes) {
  return {{"toy/versions/toy-1.yaml", kOld},
          {"toy/rows/fault.yaml", kFaultRows},
          {"toy/versions/toy-2.yaml", "kernel: toy-2\nextends: toy-1\n" + changes}};
}

Result<Model, Diagnostics> newer(const std::string& changes) {
  return load_model("toy/versions/toy-2.yaml", {}, toy::load_from(two_versions(changes)));
}

std::string ids(const Model& model, const std::string& stage) {
  std::string text;
  for (const Stage& one : model.stages) {
    if (one.name.text != stage) continue;
    for (const Row& row : one.rows) text += (text.empty() ? "" : " ") + row.id.text;
  }
  return text;
}

std::string ids_after(const std::string& changes) {
  const auto model = newer(changes);
  return model.ok() ? ids(model.value(), "fault") : toy::refusal(model);
}

TEST_CASE("a version has what it extends and includes, and remembers where each row is from") {
  const auto model = newer("title: The second toy\n");
  REQUIRE_MESSAGE(model.ok(), toy::refusal(model));
  CHECK(model.value().name == "toy-2");
  CHECK(model.value().title == "The second toy");
  CHECK(model.value().layers == std::vector<std::string>{"toy-1", "toy-2"});
  CHECK(ids(model.value(), "fault") == "fault.rw fault.ro fault.none");
  const Origin& origin = model.value().stages[0].rows[1].origin;
  CHECK(origin.layer == "toy-1");
  CHECK_FALSE(origin.overlay);
  CHECK(to_string(origin.pos) == "toy/rows/fault.yaml:5:7");
}

TEST_CASE("a row with a known id replaces that row in its place") {
  const auto model =
      newer("stages: { fault: [ { id: fault.ro, when: { slot: readonly }, then: error, E } ] }\n");
  REQUIRE_MESSAGE(model.ok(), toy::refusal(model));
  CHECK(ids(model.value(), "fault") == "fault.rw fault.ro fault.none");
  CHECK(model.value().stages[0].rows[1].answer->word.text == "error");
  CHECK(model.value().stages[0].rows[1].origin.layer == "toy-2");
}

TEST_CASE("a new row says where it goes") {
  const std::string row = "when: { lock: held }, then: retry, E } ] }\n";
  CHECK(ids_after("stages: { fault: [ { id: x, before: fault.ro, " + row) ==
        "fault.rw x fault.ro fault.none");
  CHECK(ids_after("stages: { fault: [ { id: x, after: fault.ro, " + row) ==
        "fault.rw fault.ro x fault.none");
  CHECK(ids_after("stages: { fault: [ { id: x, first: yes, " + row) ==
        "x fault.rw fault.ro fault.none");
  CHECK(ids_after("stages: { fault: [ { id: x, last: yes, " + row) ==
        "fault.rw fault.ro fault.none x");
  CHECK(
      ids_after("stages: { fault: [ { id: fault.nonne, " + row) ==
      "toy/versions/toy-2.yaml:3:20: error: row 'fault.nonne' is new in stage 'fault' and does not "
      "say where it goes; did you mean the row 'fault.none'? (accepted: before: ID, after: ID, "
      "first: yes or last: yes)");
  CHECK(
      ids_after("stages: { fault: [ { id: x, before: fault.rwo, " + row) ==
      "toy/versions/toy-2.yaml:3:37: error: unknown row of stage 'fault' 'fault.rwo'; did you mean "
      "'fault.rw'? (accepted: fault.rw, fault.ro or fault.none)");
  CHECK(ids_after("stages: { fault: [ { id: fault.ro, before: fault.rw, " + row) ==
        "toy/versions/toy-2.yaml:3:20: error: row 'fault.ro' is there already, so it keeps its "
        "place; "
        "put it elsewhere with `move: { fault.ro: ... }`");
  CHECK(ids_after("stages: { fault: [ { id: npf.fault, " + row) ==
        "toy/versions/toy-2.yaml:3:20: error: row 'npf.fault' is in procedure 'npf', not in stage "
        "'fault'");
  CHECK(ids_after("stages: { fault: [ { id: x, first: yes, last: yes, " + row) ==
        "toy/versions/toy-2.yaml:3:41: error: a row has one place, and this one also says 'last' "
        "(accepted: one of before, after, first or last)");
}

TEST_CASE("rows are removed, moved, and whole stages restated") {
  CHECK(ids_after("remove: [fault.ro]\n") == "fault.rw fault.none");
  CHECK(ids_after("move: { fault.ro: { first: yes } }\n") == "fault.ro fault.rw fault.none");
  CHECK(
      ids_after(
          "stages: { fault: { remove: [fault.ro], move: { fault.rw: { after: fault.none } } } }") ==
      "fault.none fault.rw");
  CHECK(ids_after(
            "stages: { fault: { stage: replace, rows: [ { id: fault.none, then: a, E } ] } }\n") ==
        "fault.none");
  CHECK(ids_after("remove: [fault.rx]\n") ==
        "toy/versions/toy-2.yaml:3:10: error: unknown row 'fault.rx'; did you mean 'fault.ro'? "
        "(accepted: fault.none, fault.ro, fault.rw or npf.fault)");
  CHECK(ids_after("remove: [fault.ro]\nmove: { fault.ro: { first: yes } }\n") ==
        "toy/versions/toy-2.yaml:4:9: error: row 'fault.ro' is not there any more: 'toy-2' has "
        "removed it");
  CHECK(ids_after("stages: { fautl: { stage: replace, rows: [] } }\n") ==
        "toy/versions/toy-2.yaml:3:11: error: stage 'fautl' is to be replaced, but there is none "
        "before");
  CHECK(ids_after("stages: { fault: { stage: anew, rows: [] } }\n") ==
        "toy/versions/toy-2.yaml:3:27: error: unknown stage of stage 'fault': 'anew' (accepted: "
        "replace)");
}

TEST_CASE("params and capabilities merge") {
  const auto model = newer(
      "params: { caching: off, order: { default: 1, range: 0..3 } }\n"
      "capabilities: { readonly_mem: { snp: no } }\n");
  REQUIRE_MESSAGE(model.ok(), toy::refusal(model));
  REQUIRE(model.value().params.size() == 2);
  CHECK(model.value().params[0].default_value->text == "off");
  CHECK(model.value().params[0].text == "Whether it caches.");
  CHECK(model.value().capabilities[0].columns.size() == 2);
}

TEST_CASE("what a file and a table say once need not be said by every row") {
  const auto model = newer(
      "source: a manual\n"
      "evidence: spec\n"
      "stages:\n"
      "  other:\n"
      "    evidence: inferred\n"
      "    rows: [ { id: o.1, when: { slot: rw }, then: a, source: my own }, { id: o.2, then: b } "
      "]\n");
  REQUIRE_MESSAGE(model.ok(), toy::refusal(model));
  const std::vector<Row>& rows = model.value().stages[1].rows;
  CHECK(rows[0].source.text == "my own");
  CHECK(rows[1].source.text == "a manual");
  CHECK(rows[1].evidence == Evidence::kInferred);
}

TEST_CASE("not, in both spellings") {
  const auto model = newer(
      "stages: { other: [ { id: o.1, when: { slot: { not: [rw, none] }, not: { lock: held } }, "
      "then: "
      "a, E } ] }\n");
  REQUIRE_MESSAGE(model.ok(), toy::refusal(model));
  const std::vector<Condition>& when = model.value().stages[1].rows[0].when;
  REQUIRE(when.size() == 2);
  CHECK(when[0].inverted);
  CHECK(when[0].values.size() == 2);
  CHECK(when[1].inverted);
  CHECK(
      ids_after("stages: { fault: [ { id: fault.ro, when: { not: { slot: rw, lock: held } }, then: "
                "a, E } ] }\n") ==
      "toy/versions/toy-2.yaml:3:49: error: when of row 'fault.ro': `not` has to name one fact; "
      "for "
      "several facts write `not` at each of them (accepted: not: { fact: value }, or fact: { not: "
      "value })");
}

TEST_CASE("versions that extend each other in a circle are refused with the chain") {
  const Files files = {{"v/a.yaml", "kernel: a\nextends: b\n"},
                       {"v/b.yaml", "kernel: b\nextends: c\n"},
                       {"v/c.yaml", "kernel: c\nextends: b\n"}};
  CHECK(toy::refusal(load_model("v/a.yaml", {}, toy::load_from(files))) ==
        "v/c.yaml:2:10: error: models extend each other in a circle: 'b' extends 'c' extends 'b'");
}

TEST_CASE("files that are not what they are asked for") {
  const auto load = [](const std::string& text) {
    const Files files = {{"v/a.yaml", text}, {"v/b.yaml", "kernel: c\n"}};
    return toy::refusal(load_model("v/a.yaml", {}, toy::load_from(files)));
  };
  CHECK(load("kernel: a\nextends: b\n") ==
        "v/b.yaml:1:9: error: this file is asked for as 'b' and calls itself 'c'");
  CHECK(load("kernel: a\nextends: x\n") == "v/x.yaml: error: there is no such file");
  CHECK(
      load("stages: {}\n") ==
      "v/a.yaml:1:1: error: this model does not say what it is (accepted: kernel: NAME, vmm: NAME, "
      "guest: NAME or firmware: NAME)");
  CHECK(load("kernel: a\nvmm: b\n") ==
        "v/a.yaml:2:1: error: a model is of one kind, and this one also says 'vmm'");
  CHECK(load("kernel: a\ninclude: [../../etc/x.yaml]\n") ==
        "v/a.yaml:2:11: error: include leaves the model's folder: '../../etc/x.yaml' (accepted: a "
        "path "
        "like rows/fault.yaml)");
  CHECK(load("kernel: a\nstage: {}\n") ==
        "v/a.yaml:2:1: error: unknown key of model: 'stage'; did you mean 'stages'? (accepted: "
        "kernel, "
        "vmm, guest, firmware, title, extends, include, source, evidence, text, params, "
        "capabilities, "
        "stages, procedures, remove, move or exports)");
  CHECK(load("kernel: a\nextends: ../b\n") ==
        "v/a.yaml:2:10: error: extends names a model, not a file: '../b'");
}

TEST_CASE("rows with wrong keys or forms are refused where they are") {
  const auto row = [](const std::string& text) {
    return toy::refusal(toy::model_of("procedures: { p: [ " + text + " ] }"));
  };
  CHECK(row("{ id: a, wen: { slot: rw }, E }") ==
        "toy.yaml:2:29: error: unknown key of row 'a': 'wen'; did you mean 'when'? (accepted: id, "
        "source, evidence, text, when, do, before, after, first, last, over, decide, call, exit, "
        "ioctl, with, return, wait, each, repeat, rows or step)");
  CHECK(row("{ id: a, decide: x, call: y, E }") ==
        "toy.yaml:2:40: error: a row goes to one place, and this one also says 'call' (accepted: "
        "one of "
        "decide, call, exit or ioctl)");
  CHECK(row("{ id: a, with: { x: y }, E }") ==
        "toy.yaml:2:35: error: `with` goes with call, exit and ioctl only");
  CHECK(row("{ id: a, do: x, rows: [], E }") ==
        "toy.yaml:2:42: error: `rows` belongs to a loop (accepted: each or repeat beside it)");
  CHECK(row("{ id: a, return: {}, E }") ==
        "toy.yaml:2:37: error: return is an empty map (accepted: a word, or a map like { error: "
        "EFAULT, info: none })");
  CHECK(
      row("nothing") ==
      "toy.yaml:2:20: error: row is the text 'nothing' (accepted: a map like { id: ..., when: ..., "
      "source: ..., evidence: ... })");
}

// --- overlays ---

const char* const kOverlay = R"(
overlay: ro-error
base: { kernel: toy-2, vmm: qemu }
source: "A mailing list, June 2026"
evidence: mailing-list
params: { kernel.ro_error: { default: on } }
kernel:
  stages:
    fault:
      - { id: fault.ro-error, before: fault.ro, when: { slot: readonly, ro_error: on }, then: { error: EFAULT } }
vmm:
  procedures: { start: [ { id: start.enable, first: yes, do: enable_cap } ] }
)";

TEST_CASE("an overlay adds rows and params to several models, with its own source") {
  Files files = two_versions("");
  files["o.yaml"] = kOverlay;
  const auto overlay = read_overlay("o.yaml", toy::load_from(files));
  REQUIRE_MESSAGE(overlay.ok(), toy::refusal(overlay));
  CHECK(overlay.value().name.text == "ro-error");
  REQUIRE(overlay.value().base.size() == 2);
  CHECK(overlay.value().base[0].second.text == "toy-2");
  CHECK(overlay.value().layers.size() == 2);
  const std::vector<Overlay> overlays = {overlay.value()};
  const auto model = load_model("toy/versions/toy-2.yaml", overlays, toy::load_from(files));
  REQUIRE_MESSAGE(model.ok(), toy::refusal(model));
  CHECK(model.value().name == "toy-2+ro-error");
  CHECK(ids(model.value(), "fault") == "fault.rw fault.ro-error fault.ro fault.none");
  const Row& row = model.value().stages[0].rows[1];
  CHECK(row.source.text == "A mailing list, June 2026");
  CHECK(row.evidence == Evidence::kMailingList);
  CHECK(row.origin.overlay);
  CHECK(row.origin.layer == "ro-error");
  const auto checked = check(model.value(), toy::vocabulary());
  CHECK(toy::refusal(checked) == "accepted");
}

std::string merged(const std::vector<std::string>& overlay_texts) {
  Files files = two_versions("");
  std::vector<Overlay> overlays;
  for (std::size_t i = 0; i < overlay_texts.size(); ++i) {
    const std::string path = "o" + std::to_string(i) + ".yaml";
    files[path] = overlay_texts[i];
    const auto overlay = read_overlay(path, toy::load_from(files));
    if (!overlay.ok()) return toy::refusal(overlay);
    overlays.push_back(overlay.value());
  }
  const auto model = load_model("toy/versions/toy-2.yaml", overlays, toy::load_from(files));
  return model.ok() ? ids(model.value(), "fault") : toy::refusal(model);
}

TEST_CASE("two overlays on one row are an error, unless the second says so") {
  const std::string first =
      "overlay: one\nkernel: { stages: { fault: [ { id: fault.ro, when: { slot: readonly }, then: "
      "a, E } ] } }\n";
  const auto second = [](const std::string& over) {
    return "overlay: two\nkernel: { stages: { fault: [ { id: fault.ro, " + over +
           "when: { slot: readonly }, then: b, E } ] } }\n";
  };
  CHECK(merged({first, second("")}) ==
        "o1.yaml:2:30: error: row 'fault.ro' is also changed by overlay 'one' (o0.yaml:2:30); say "
        "`over: one` if this one is meant to replace that");
  CHECK(merged({first, second("over: one, ")}) == "fault.rw fault.ro fault.none");
  CHECK(merged({second("over: one, ")}) ==
        "o0.yaml:2:52: error: overlay 'one' does not touch row 'fault.ro'; leave `over` out, or "
        "apply "
        "that overlay before this one");
  CHECK(merged({first, "overlay: two\nkernel: { remove: [fault.ro] }\n"}) ==
        "o1.yaml:2:20: error: row 'fault.ro' is also changed by overlay 'one' (o0.yaml:2:30); say "
        "`over: one` if this one is meant to replace that");
  CHECK(merged({first, "overlay: two\nkernel: { remove: [ { id: fault.ro, over: one } ] }\n"}) ==
        "fault.rw fault.none");
  CHECK(
      merged({"overlay: one\nkernel: { remove: [fault.ro] }\n", second("")}) ==
      "o1.yaml:2:30: error: row 'fault.ro' is new in stage 'fault' and does not say where it goes; "
      "'one' has removed the old one; did you mean the row 'fault.rw'? (accepted: before: ID, "
      "after: "
      "ID, first: yes or last: yes)");
  CHECK(merged({first,
                "overlay: two\nkernel: { stages: { fault: { stage: replace, rows: [ { id: z, "
                "then: a, E } ] } } }\n"}) ==
        "o1.yaml:2:21: error: row 'fault.ro' of stage 'fault' is also changed by overlay 'one' "
        "(o0.yaml:2:30); say `over: one` if this one is meant to replace that");
}

TEST_CASE("overlays on different rows of one table go together") {
  CHECK(merged({"overlay: one\nkernel: { stages: { fault: [ { id: a, first: yes, when: { lock: "
                "held }, then: x, E } ] } }\n",
                "overlay: two\nkernel: { stages: { fault: [ { id: b, after: a, when: { lock: free "
                "}, then: y, E } ] } }\n"}) == "a b fault.rw fault.ro fault.none");
}

TEST_CASE("two overlays on one param") {
  const std::string one = "overlay: one\nparams: { kernel.caching: off }\n";
  CHECK(merged({one, "overlay: two\nparams: { kernel.caching: on }\n"}) ==
        "o1.yaml:2:11: error: param 'caching' is also changed by overlay 'one' (o0.yaml:2:11); say "
        "`over: one` if this one is meant to replace that");
  CHECK(merged({one, "overlay: two\nparams: { kernel.caching: { default: on, over: one } }\n"}) ==
        "fault.rw fault.ro fault.none");
  CHECK(merged({"overlay: one\nparams: { caching: off }\n"}) ==
        "o0.yaml:2:11: error: param 'caching' of an overlay does not say whose it is (accepted: "
        "kernel.NAME, vmm.NAME, guest.NAME or firmware.NAME)");
}

TEST_CASE("an overlay that lets a sealed guest through the gate is refused, and named") {
  const std::string gate =
      "stages:\n"
      "  gate:\n"
      "    - { id: gate.plain, when: { guest: plain }, then: go, E }\n"
      "    - { id: gate.sealed, then: retry, E }\n"
      "procedures:\n"
      "  emulate_it:\n"
      "    - { id: emulate.gate, decide: gate, E }\n"
      "    - { id: emulate.do, when: { gate: go }, do: emulate, E }\n";
  const Files files = {{"k.yaml", "kernel: k\n" + gate},
                       {"o.yaml",
                        "overlay: es-emulates\n"
                        "kernel: { stages: { gate: [ { id: gate.es, before: gate.sealed, when: { "
                        "guest: es }, then: go, E } ] } }\n"}};
  const auto overlay = read_overlay("o.yaml", toy::load_from(files));
  REQUIRE(overlay.ok());
  const std::vector<Overlay> overlays = {overlay.value()};
  const auto model = load_model("k.yaml", overlays, toy::load_from(files));
  REQUIRE(model.ok());
  CHECK(
      toy::refusal(check(model.value(), toy::vocabulary())) ==
      "k.yaml:9:7: error: action 'emulate' needs the guest's registers, but guest.sealed: yes can "
      "reach it: 'emulate_it' is entered; row 'emulate.do' (k.yaml:9:7) does it; 'gate' is 'go' by "
      "row 'gate.es' of overlay 'es-emulates' (o.yaml:2:29); let one of these rows hold only for a "
      "guest that is not sealed, or use an action that works without registers");
}

}  // namespace
}  // namespace nptsim::rules
