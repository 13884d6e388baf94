// What the loader refuses, and in which words.
#include "sim/rules/check.h"

#include <doctest/doctest.h>

#include <string>

#include "tests/rules/toy.h"

namespace nptsim::rules {
namespace {

std::string said(const std::string& text) { return toy::refusal(toy::checked_of(text)); }

// A model with one stage, decided by one procedure.
std::string stage(const std::string& rows) {
  return "stages:\n  s:\n" + rows +
         "procedures: { p: [ { id: p.s, decide: s, return: result, E } ] }\n";
}
std::string procedure(const std::string& rows) { return "procedures:\n  p:\n" + rows; }

// --- stages ---

TEST_CASE("a stage that leaves a situation without a row is refused with that situation") {
  CHECK(said(stage("    - { id: s.1, when: { slot: rw }, then: a, E }\n"
                   "    - { id: s.2, when: { fault.write: no }, then: b, E }\n")) ==
        "toy.yaml:3:3: error: stage 's' has no row for slot: none, fault.write: yes; add a row for "
        "it, or a last row without `when`");
}

TEST_CASE("what implications rule out needs no row") {
  CHECK(said(stage("    - { id: s.1, when: { guest: plain, guest.sealed: no }, then: a, E }\n"
                   "    - { id: s.2, when: { guest.sealed: yes }, then: b, E }\n")) == "accepted");
  CHECK(said(stage("    - { id: s.1, when: { guest.sealed: yes, cpl: unknown }, then: a, E }\n"
                   "    - { id: s.2, when: { cpl: [user, kernel] }, then: b, E }\n")) ==
        "accepted");
  CHECK(said("capabilities: { ro: { default: yes, snp: no } }\n" +
             stage("    - { id: s.1, when: { ro: no }, then: a, E }\n"
                   "    - { id: s.2, when: { guest: [plain, es] }, then: b, E }\n")) == "accepted");
}

TEST_CASE("a shadowed row is refused with the rows that shadow it, and only these") {
  CHECK(
      said(
          stage("    - { id: s.w, when: { fault.write: yes, slot: none }, then: a, E }\n"
                "    - { id: s.1, when: { slot: none }, then: a, E }\n"
                "    - { id: s.2, when: { slot: readonly }, then: b, E }\n"
                "    - { id: s.3, when: { slot: [none, readonly], fault.write: no }, then: c, E }\n"
                "    - { id: s.4, then: d, E }\n")) ==
      "toy.yaml:7:7: error: row 's.3' of stage 's' can never be reached: 's.1' (toy.yaml:5:7) and "
      "'s.2' (toy.yaml:6:7) together take all that it would match; put it before, or remove it");
}

TEST_CASE("a row whose conditions exclude each other is refused") {
  CHECK(said(stage("    - { id: s.1, when: { guest: plain, guest.sealed: yes }, then: a, E }\n"
                   "    - { id: s.2, then: b, E }\n")) ==
        "toy.yaml:4:7: error: row 's.1' of stage 's' can never hold: its conditions exclude each "
        "other");
}

TEST_CASE("a last row after a complete table is shadowed too") {
  CHECK(
      said(stage("    - { id: s.1, when: { guest.sealed: yes }, then: a, E }\n"
                 "    - { id: s.2, when: { guest: plain }, then: b, E }\n"
                 "    - { id: s.3, then: c, E }\n")) ==
      "toy.yaml:6:7: error: row 's.3' of stage 's' can never be reached: 's.1' (toy.yaml:4:7) and "
      "'s.2' (toy.yaml:5:7) together take all that it would match; put it before, or remove it");
}

TEST_CASE("a stage may tell 64 groups of values apart, not more") {
  std::string params = "params:\n";
  std::string rows;
  for (int i = 0; i < 33; ++i) {
    const std::string name = "x" + std::to_string(i);
    params += "  " + name + ": { default: on }\n";
    rows += "    - { id: s." + name + ", when: { " + name + ": on }, then: a, E }\n";
  }
  rows += "    - { id: s.last, then: b, E }\n";
  const std::string refused = said(params + stage(rows));
  CHECK(refused ==
        "toy.yaml:37:3: error: stage 's' tells 66 groups of values apart; at most 64 fit; let one "
        "stage decide a part, and the other test its result");
}

// --- names ---

TEST_CASE("unknown names are refused with the nearest spelling") {
  CHECK(said(stage("    - { id: s.1, when: { fault.wirte: yes }, then: a, E }\n"
                   "    - { id: s.2, then: b, E }\n")) ==
        "toy.yaml:4:26: error: unknown fact 'fault.wirte'; did you mean 'fault.write'? (accepted: "
        "cpl, emulation, fault.write, guest, guest.sealed, lock, p, s or slot)");
  CHECK(
      said(stage("    - { id: s.1, when: { slot: redonly }, then: a, E }\n"
                 "    - { id: s.2, then: b, E }\n")) ==
      "toy.yaml:4:32: error: 'slot' cannot be 'redonly'; did you mean 'readonly'? (accepted: none, "
      "rw or readonly)");
  CHECK(
      said(procedure("    - { id: p.1, do: map_pages, E }\n")) ==
      "toy.yaml:4:22: error: unknown action 'map_pages'; did you mean 'map_page'? (accepted: add, "
      "drop_lock, emulate, inject, map_page, paint, say, take_lock or touch_guest)");
  CHECK(said(procedure("    - { id: p.1, decide: sss, E }\n")) ==
        "toy.yaml:4:26: error: unknown stage 'sss'");
  CHECK(said(procedure("    - { id: p.1, call: q, E }\n")) ==
        "toy.yaml:4:24: error: unknown procedure 'q'; did you mean 'p'? (accepted: p)");
  CHECK(said(procedure("    - { id: p.1, exit: userspace, E }\n")) ==
        "toy.yaml:4:24: error: unknown procedure to exit to 'userspace'");
  CHECK(said(procedure("    - { id: p.1, ioctl: set_slot, E }\n")) ==
        "toy.yaml:4:25: error: unknown procedure behind an ioctl 'set_slot'");
  CHECK(said("exports: [pp]\n" + procedure("    - { id: p.1, do: map_page, E }\n")) ==
        "toy.yaml:2:11: error: unknown procedure 'pp'; did you mean 'p'? (accepted: p)");
}

TEST_CASE("arguments are checked: name, kind, range, and whether they are there") {
  const auto one = [](const std::string& action) {
    return said(procedure("    - { id: p.1, do: " + action + ", E }\n"));
  };
  CHECK(one("{ inject: { vector: 6 } }") == "accepted");
  CHECK(one("{ inject: 6 }") == "accepted");
  CHECK(one("{ inject: { vector: 0x1ff } }") ==
        "toy.yaml:4:42: error: argument 'vector' of action 'inject': 0x1ff is out of range "
        "(accepted: 0 to 255)");
  CHECK(one("{ inject: { vector: six } }") ==
        "toy.yaml:4:42: error: argument 'vector' of action 'inject': 'six' is not a number "
        "(accepted: hex like 0xffc00000, decimal, or with K, M, G, T like 16M)");
  CHECK(one("inject") == "toy.yaml:4:22: error: action 'inject' needs the argument 'vector'");
  CHECK(
      one("{ inject: { vektor: 6 } }") ==
      "toy.yaml:4:24: error: action 'inject' needs the argument 'vector'\n"
      "toy.yaml:4:34: error: unknown argument of action 'inject' 'vektor'; did you mean 'vector'? "
      "(accepted: vector or error_code)");
  CHECK(one("{ paint: blue }") ==
        "toy.yaml:4:31: error: 'colour' cannot be 'blue' (accepted: red or green)");
  CHECK(one("{ map_page: 1 }") == "toy.yaml:4:34: error: action 'map_page' takes no argument");
  CHECK(one("{ say: offset }") ==
        "toy.yaml:4:29: error: unknown local for argument 'number' of action 'say' 'offset' "
        "(accepted: cursor)");
  CHECK(one("[ map_page, { say: 1, add: 2 } ]") ==
        "toy.yaml:4:34: error: do: one name at a time, found 2 (accepted: name, or { name: { "
        "argument: value } }, or a list of these)");
}

TEST_CASE("locals and what is passed to them are checked") {
  CHECK(said("procedures:\n"
             "  p: { locals: [a, a, cursor], rows: [ { id: p.1, call: q, with: { z: a, x: bb }, E "
             "} ] }\n"
             "  q: { locals: [x], rows: [ { id: q.1, do: { say: x }, E } ] }\n") ==
        "toy.yaml:3:20: error: local 'a' is named twice\n"
        "toy.yaml:3:23: error: 'cursor' is the loop's; a local needs another name\n"
        "toy.yaml:3:68: error: unknown local of 'q' 'z'; did you mean 'x'? (accepted: x)\n"
        "toy.yaml:3:77: error: unknown local for 'x' 'bb' (accepted: a, a, cursor or cursor)");
  CHECK(said("procedures: { p: { locals: [a, b, c, d, e, f, g, h, i], rows: [ { id: p, do: "
             "map_page, E } ] } }") ==
        "toy.yaml:2:53: error: procedure 'p' has 9 locals; a frame holds 8");
}

TEST_CASE("a row needs id, source and evidence, once, and has to do something") {
  CHECK(said(procedure("    - { do: map_page }\n")) ==
        "toy.yaml:4:7: error: a row of 'p' has no id\n"
        "toy.yaml:4:7: error: a row of 'p' has no source\n"
        "toy.yaml:4:7: error: a row of 'p' has no evidence (accepted: recorded, spec, code, "
        "mailing-list, inferred, recalled or given)");
  CHECK(said(procedure("    - { id: p.1, do: map_page, source: toy, evidence: cod }\n")) ==
        "toy.yaml:4:55: error: unknown evidence: 'cod'; did you mean 'code'? (accepted: recorded, "
        "spec, code, mailing-list, inferred, recalled or given)");
  CHECK(said("stages:\n  s: [ { id: x, then: a, E } ]\n" +
             procedure("    - { id: x, decide: s, E }\n")) ==
        "toy.yaml:6:7: error: row 'x' is there twice; the other is at toy.yaml:3:8");
  CHECK(said(procedure("    - { id: p.1, E }\n")) ==
        "toy.yaml:4:7: error: row 'p.1' does nothing (accepted: do, decide, call, exit, ioctl, "
        "return, wait, each, repeat or step)");
  CHECK(said(stage("    - { id: s.1, do: map_page, E }\n")) ==
        "toy.yaml:4:7: error: row 's.1' of stage 's' has no `then`");
}

TEST_CASE("one name means one thing") {
  CHECK(said("params: { slot: { default: on } }\n" +
             procedure("    - { id: p.1, do: map_page, E }\n")) ==
        "toy.yaml:2:11: error: the param 'slot' has the name of a fact");
  CHECK(said("stages: { guest: [ { id: s, then: a, E } ] }\n" +
             procedure("    - { id: p.1, do: map_page, E }\n")) ==
        "toy.yaml:2:11: error: the stage 'guest' has the name of a fact");
}

// --- settings ---

TEST_CASE("params and capabilities are checked") {
  const std::string p = procedure("    - { id: p.1, do: map_page, E }\n");
  CHECK(said("params: { a: { default: maybe } }\n" + p) ==
        "toy.yaml:2:25: error: 'a' cannot be 'maybe' (accepted: off or on)");
  CHECK(said("params: { a: { range: 0..9 } }\n" + p) ==
        "toy.yaml:2:11: error: param 'a' has no default");
  CHECK(said("params: { a: { default: 3, range: 0..99 } }\n" + p) ==
        "toy.yaml:2:11: error: the range 0..99 of param 'a' has more than 64 values");
  CHECK(said("params: { a: { default: 3, range: 9..0 } }\n" + p) ==
        "toy.yaml:2:35: error: range of param 'a' is the text '9..0' (accepted: two numbers like "
        "0..9, the smaller first)");
  CHECK(
      said("capabilities: { c: { default: yes, esx: no } }\n" + p) ==
      "toy.yaml:2:36: error: unknown type of VM 'esx'; did you mean 'es'? (accepted: plain, es or "
      "snp)");
  CHECK(said("capabilities: { c: { es: no } }\n" + p) ==
        "toy.yaml:2:17: error: capability 'c' has no default");
}

// --- facts that rows give ---

const char* const kTwoStages =
    "stages:\n"
    "  a: [ { id: a.1, when: { fault.write: yes }, then: x, E }, { id: a.2, then: y, E } ]\n"
    "  b: [ { id: b.1, when: { slot: rw }, then: u, E }, { id: b.2, then: v, E } ]\n";

std::string flow(const std::string& rows) { return said(kTwoStages + procedure(rows)); }

TEST_CASE("a stage's result may be tested only behind it") {
  CHECK(flow("    - { id: p.1, when: { a: x }, do: map_page, E }\n"
             "    - { id: p.2, decide: a, E }\n") ==
        "toy.yaml:7:26: error: row 'p.1' tests 'a', which may have no value here: no row before "
        "gives it for certain; test it under the same conditions, or give it earlier");
  CHECK(flow("    - { id: p.1, decide: a, E }\n"
             "    - { id: p.2, when: { a: x }, do: map_page, E }\n") == "accepted");
}

TEST_CASE("given under conditions, it may be tested under the same or narrower ones") {
  CHECK(flow("    - { id: p.1, when: { guest: [es, snp] }, decide: a, E }\n"
             "    - { id: p.2, when: { guest: es, a: x }, do: map_page, E }\n") == "accepted");
  CHECK(flow("    - { id: p.1, when: { guest.sealed: yes }, decide: a, E }\n"
             "    - { id: p.2, when: { guest: es, a: x }, do: map_page, E }\n") == "accepted");
  CHECK(
      flow("    - { id: p.1, when: { guest: es }, decide: a, E }\n"
           "    - { id: p.2, when: { a: x }, do: map_page, E }\n") ==
      "toy.yaml:8:26: error: row 'p.2' tests 'a', which may have no value here: it surely has one "
      "only when guest is es; test it under the same conditions, or give it earlier");
}

TEST_CASE("a fact that may change in between is no condition to rely on") {
  CHECK(flow("    - { id: p.1, when: { slot: none }, decide: a, E }\n"
             "    - { id: p.2, when: { slot: none, a: x }, do: map_page, E }\n") ==
        "toy.yaml:8:38: error: row 'p.2' tests 'a', which may have no value here: a row gives it, "
        "but "
        "'slot' may have changed since; test it under the same conditions, or give it earlier");
}

TEST_CASE("rows that return leave their conditions behind") {
  CHECK(flow("    - { id: p.1, when: { fault.write: yes }, decide: a, E }\n"
             "    - { id: p.2, when: { fault.write: no }, return: nothing, E }\n"
             "    - { id: p.3, when: { a: x }, do: map_page, E }\n") == "accepted");
}

TEST_CASE("two rows may together give a fact in every case") {
  CHECK(flow("    - { id: p.1, when: { guest: plain }, decide: a, E }\n"
             "    - { id: p.2, when: { guest: [es, snp] }, decide: a, E }\n"
             "    - { id: p.3, when: { a: x }, do: map_page, E }\n") == "accepted");
}

TEST_CASE("conditions on a result that has been decided anew do not count") {
  CHECK(flow("    - { id: p.1, decide: b, E }\n"
             "    - { id: p.2, when: { b: u }, decide: a, E }\n"
             "    - { id: p.3, decide: b, E }\n"
             "    - { id: p.4, when: { b: u, a: x }, do: map_page, E }\n") ==
        "toy.yaml:10:32: error: row 'p.4' tests 'a', which may have no value here: no row before "
        "gives it for certain; test it under the same conditions, or give it earlier");
}

TEST_CASE("what only a loop gives is not given behind it") {
  CHECK(flow("    - { id: p.1, each: pages, step: new, source: toy, evidence: code, rows: [\n"
             "        { id: p.2, decide: a, E }, { id: p.3, when: { a: x }, do: map_page, E } ] }\n"
             "    - { id: p.4, when: { a: x }, do: map_page, E }\n") ==
        "toy.yaml:9:26: error: row 'p.4' tests 'a', which may have no value here: no row before "
        "gives it for certain; test it under the same conditions, or give it earlier");
}

TEST_CASE("what an action gives counts, in a stage's rows by their answers") {
  CHECK(said(procedure(
            "    - { id: p.1, when: { guest: plain }, do: emulate, E }\n"
            "    - { id: p.2, when: { guest: plain, emulation: mmio }, do: map_page, E }\n")) ==
        "accepted");
  const std::string with_stage =
      "stages:\n"
      "  s: [ { id: s.1, when: { guest: plain }, do: emulate, then: yes, E },\n"
      "       { id: s.2, then: no, E } ]\n"
      "procedures:\n"
      "  p:\n"
      "    - { id: p.1, decide: s, E }\n";
  CHECK(said(with_stage +
             "    - { id: p.2, when: { s: yes, emulation: mmio }, do: map_page, E }\n") ==
        "accepted");
  CHECK(
      said(with_stage + "    - { id: p.2, when: { emulation: mmio }, do: map_page, E }\n") ==
      "toy.yaml:8:26: error: row 'p.2' tests 'emulation', which may have no value here: it surely "
      "has one only when s is yes; test it under the same conditions, or give it earlier");
}

TEST_CASE("a stage that tests what frames hold may be decided only where that is given") {
  const std::string stages =
      "stages:\n"
      "  a: [ { id: a.1, when: { fault.write: yes }, then: x, E }, { id: a.2, then: y, E } ]\n"
      "  c: [ { id: c.1, when: { a: x }, then: u, E }, { id: c.2, then: v, E } ]\n";
  CHECK(said(stages + procedure("    - { id: p.1, decide: a, E }\n"
                                "    - { id: p.2, decide: c, E }\n")) == "accepted");
  CHECK(said(stages + procedure("    - { id: p.2, decide: c, E }\n"
                                "    - { id: p.1, decide: a, E }\n")) ==
        "toy.yaml:7:26: error: row 'p.2' decides 'c', whose row 'c.1' tests 'a', which may have no "
        "value here: no row before gives it for certain");
}

TEST_CASE("result is of whoever answered last") {
  CHECK(flow("    - { id: p.1, when: { result: x }, do: map_page, E }\n") ==
        "toy.yaml:7:26: error: row 'p.1' tests 'result', but nothing may have answered before");
  CHECK(flow("    - { id: p.1, return: result, E }\n") ==
        "toy.yaml:7:7: error: row 'p.1' hands on 'result', but nothing may have answered before");
  CHECK(flow("    - { id: p.1, decide: a, E }\n"
             "    - { id: p.2, when: { a: x }, decide: b, E }\n"
             "    - { id: p.3, when: { result: [y, u, w] }, do: map_page, E }\n") ==
        "toy.yaml:9:26: error: 'result' cannot be 'w'; did you mean 'u'? (accepted: u, v or y)");
  CHECK(said(stage("    - { id: s.1, when: { result: a }, then: a, E }\n"
                   "    - { id: s.2, then: b, E }\n")) ==
        "toy.yaml:4:26: error: a stage cannot test 'result', which is of whoever answered last; "
        "name the stage or procedure that answered");
}

TEST_CASE("a field of an answer is there when the answer that carries it is") {
  const std::string stages =
      "stages:\n"
      "  a: [ { id: a.1, when: { slot: rw }, then: { error: EFAULT, info: none }, E },\n"
      "       { id: a.2, when: { slot: none }, then: { error: EINVAL }, E },\n"
      "       { id: a.3, then: ok, E } ]\n";
  const auto with = [&](const std::string& when) {
    return said(stages + procedure("    - { id: p.1, decide: a, E }\n    - { id: p.2, when: { " +
                                   when + " }, do: map_page, E }\n"));
  };
  CHECK(with("a: error, error: EFAULT") == "accepted");
  CHECK(with("result: error, error: EFAULT") == "accepted");
  CHECK(
      with("error: EFAULT") ==
      "toy.yaml:9:26: error: row 'p.2' tests 'error', which may have no value here: it surely has "
      "one only when a is error; test it under the same conditions, or give it earlier");
  // Only one of the rows that answer `error` says `info`.
  CHECK(with("a: error, info: none") ==
        "toy.yaml:9:36: error: row 'p.2' tests 'info', which may have no value here: no row before "
        "gives it for certain; test it under the same conditions, or give it earlier");
  CHECK(with("a: error, error: ENOMEM") ==
        "toy.yaml:9:43: error: 'error' cannot be 'ENOMEM' (accepted: EFAULT or EINVAL)");
}

TEST_CASE("what a procedure takes has to be given where it is called") {
  const std::string callee =
      "  q: { takes: [a], rows: [ { id: q.1, when: { a: x }, do: map_page, E } ] }\n";
  CHECK(said(kTwoStages +
             procedure("    - { id: p.1, decide: a, E }\n"
                       "    - { id: p.2, call: q, E }\n") +
             callee) == "accepted");
  CHECK(said(kTwoStages + procedure("    - { id: p.2, call: q, E }\n") + callee) ==
        "toy.yaml:7:24: error: row 'p.2' calls 'q', which takes 'a', and that may have no value "
        "here: no row before gives it for certain");
  CHECK(said("procedures: { q: { takes: [slot], rows: [ { id: q.1, do: map_page, E } ] } }") ==
        "toy.yaml:2:28: error: 'slot' cannot be taken: no row gives it; rows test it directly");
}

TEST_CASE("a stage that tests a procedure's answer need not care for what is never answered") {
  CHECK(said("stages:\n"
             "  s: [ { id: s.1, when: { q: good }, then: a, E }, { id: s.2, when: { q: bad }, "
             "then: b, E } ]\n"
             "procedures:\n"
             "  p: [ { id: p.1, call: q, E }, { id: p.2, decide: s, E } ]\n"
             "  q: [ { id: q.1, when: { slot: rw }, return: good, E }, { id: q.2, return: bad, E } "
             "]\n") == "accepted");  // `done` is not possible: the last row always returns
}

// --- steps ---

TEST_CASE("a loop needs a step of its own") {
  CHECK(said(procedure(
            "    - { id: p.1, each: pages, source: toy, evidence: code, rows: [\n"
            "        { id: p.2, when: { slot: rw }, do: map_page, step: new, E } ] }\n")) ==
        "toy.yaml:4:7: error: row 'p.1' is a loop without a step of its own, so a step might never "
        "end; put `step: new` on it, or on a row inside that has no `when`");
  CHECK(said(procedure("    - { id: p.1, repeat: { while: { lock: held } }, E }\n")) ==
        "toy.yaml:4:7: error: row 'p.1' is a loop without rows");
}

TEST_CASE("an each in an each is refused: a frame has one cursor") {
  CHECK(said(procedure(
            "    - { id: p.1, each: pages, step: new, source: toy, evidence: code, rows: [\n"
            "        { id: p.2, each: pages, step: new, source: toy, evidence: code, rows: [\n"
            "            { id: p.3, do: map_page, E } ] } ] }\n")) ==
        "toy.yaml:5:9: error: row 'p.2' is an `each` inside an `each`; a frame has one cursor: let "
        "the inner one be a procedure of its own");
}

TEST_CASE("calls in a circle need a step") {
  const std::string q = "  q: [ { id: q.1, call: r, E } ]\n  r: [ { id: r.1, call: q, E } ]\n";
  CHECK(
      said(procedure("    - { id: p.1, call: q, E }\n") + q) ==
      "toy.yaml:6:8: error: row 'r.1' makes a circle of calls without a step: 'q' calls 'r' calls "
      "'q'; put `step: new` on one of the calls");
  CHECK(said("exports: [p]\n" + procedure("    - { id: p.1, call: q, E }\n") +
             "  q: [ { id: q.1, when: { slot: none }, call: p, step: new, E } ]\n") == "accepted");
}

TEST_CASE("a wait for what cannot change is refused") {
  CHECK(said(procedure("    - { id: p.1, wait: { guest: plain }, E }\n")) ==
        "toy.yaml:4:7: error: row 'p.1' waits for 'guest', which does not change while it waits");
}

// --- sealed guests ---

const char* const kGate =
    "exports: [npf]\n"
    "stages:\n"
    "  gate: [ { id: gate.plain, when: { guest: plain }, then: go, E },\n"
    "          { id: gate.sealed, then: retry, E } ]\n"
    "procedures:\n"
    "  npf: [ { id: npf.emulate, call: emulate_it, E } ]\n"
    "  emulate_it:\n"
    "    - { id: emulate.gate, decide: gate, E }\n";

TEST_CASE("behind a gate that lets only open guests through, the emulator is allowed") {
  CHECK(said(std::string(kGate) +
             "    - { id: emulate.do, when: { gate: go }, do: emulate, E }\n") == "accepted");
  CHECK(said(std::string(kGate) +
             "    - { id: emulate.retry, when: { gate: retry }, return: retry, E }\n"
             "    - { id: emulate.do, do: emulate, E }\n") == "accepted");
  CHECK(said(std::string(kGate) +
             "    - { id: emulate.do, when: { result: go }, do: emulate, E }\n") == "accepted");
}

TEST_CASE("without a gate it is refused, with the rows that lead there") {
  CHECK(said(std::string(kGate) + "    - { id: emulate.do, do: emulate, E }\n") ==
        "toy.yaml:10:7: error: action 'emulate' needs the guest's registers, but guest.sealed: yes "
        "can reach it: 'npf' is entered; row 'npf.emulate' (toy.yaml:7:10) calls 'emulate_it'; row "
        "'emulate.do' (toy.yaml:10:7) does it; let one of these rows hold only for a guest that is "
        "not sealed, or use an action that works without registers");
}

TEST_CASE("an action of a stage's row is reached where the stage is decided") {
  const std::string emulating =
      "stages:\n"
      "  s: [ { id: s.1, when: { slot: none }, do: emulate, then: a, E }, { id: s.2, then: b, E } "
      "]\n";
  CHECK(said(emulating +
             procedure("    - { id: p.1, when: { guest.sealed: no }, decide: s, E }\n")) ==
        "accepted");
  CHECK(said(emulating +
             procedure("    - { id: p.1, when: { fault.write: yes }, decide: s, E }\n")) ==
        "toy.yaml:3:8: error: action 'emulate' needs the guest's registers, but guest.sealed: yes "
        "can "
        "reach it: 'p' is entered; row 'p.1' (toy.yaml:6:7) decides 's'; row 's.1' (toy.yaml:3:8) "
        "does it; let one of these rows hold only for a guest that is not sealed, or use an action "
        "that works without registers");
}

TEST_CASE("what a caller rules out holds in the callee") {
  CHECK(said("exports: [p]\n" +
             procedure("    - { id: p.1, when: { guest: plain }, call: q, E }\n") +
             "  q: [ { id: q.1, do: emulate, E } ]\n") == "accepted");
}

// --- limits ---

TEST_CASE("a table that hides a hard question is refused, quickly") {
  // Parity of 12 params: every row excludes half of the others.
  std::string params = "params:\n";
  std::string rows;
  for (int i = 0; i < 30; ++i) params += "  x" + std::to_string(i) + ": { default: on }\n";
  unsigned seed = 7;
  for (int i = 0; i < 200; ++i) {
    rows += "    - { id: s." + std::to_string(i) + ", when: { ";
    unsigned last = 0;
    for (int k = 0; k < 3; ++k) {
      seed = seed * 1103515245 + 12345;
      const unsigned fact = k * 10 + (seed >> 16) % 10;
      rows += (last++ ? ", x" : "x") + std::to_string(fact) + ((seed >> 28) & 1 ? ": on" : ": off");
    }
    rows += " }, then: a, E }\n";
  }
  const std::string refused = said(params + stage(rows));
  CHECK(refused != "accepted");
}

TEST_CASE("more rows than a stage may have") {
  std::string rows;
  for (int i = 0; i < 251; ++i) rows += "    - { id: s." + std::to_string(i) + ", then: a, E }\n";
  CHECK(said(stage(rows)) == "toy.yaml:3:3: error: stage 's' has 251 rows (accepted: at most 250)");
}

// --- what a model exports ---

TEST_CASE("a checked model says what its entry procedures answer") {
  const auto checked = toy::checked_of(
      "exports: [p]\n"
      "procedures:\n"
      "  p:\n"
      "    locals: [gpa]\n"
      "    rows:\n"
      "      - { id: p.1, call: q, E }\n"
      "      - { id: p.2, when: { result: error }, return: result, E }\n"
      "  q: [ { id: q.1, when: { slot: none }, return: { error: EFAULT }, E }, { id: q.2, return: "
      "ok, E } ]\n");
  REQUIRE_MESSAGE(checked.ok(), toy::refusal(checked));
  const std::vector<Exported>& exported = checked.value().exported();
  REQUIRE(exported.size() == 1);
  CHECK(exported[0].name == "p");
  CHECK(exported[0].locals == std::vector<std::string>{"gpa"});
  REQUIRE(exported[0].answers.size() == 2);
  CHECK(exported[0].answers[0].word == "done");
  CHECK(exported[0].answers[1].word == "error");
  REQUIRE(exported[0].answers[1].fields.size() == 1);
  CHECK(exported[0].answers[1].fields[0].name == "error");
  CHECK(exported[0].answers[1].fields[0].values == std::vector<std::string>{"EFAULT"});
}

TEST_CASE("two layers that call each other are linked before they are checked") {
  const auto kernel = toy::model_of(
      "procedures:\n"
      "  run: [ { id: k.1, exit: userspace, return: result, E } ]\n"
      "  set: [ { id: k.2, when: { slot: rw }, return: { error: EEXIST }, E }, { id: k.3, return: "
      "ok, E } ]\n");
  const auto vmm = toy::model_of(
      "procedures:\n"
      "  userspace: [ { id: v.1, ioctl: set, E }, { id: v.2, when: { result: ok }, return: run, E "
      "},\n"
      "               { id: v.3, return: { stop: shutdown }, E } ]\n");
  REQUIRE(kernel.ok());
  REQUIRE(vmm.ok());
  const LinkedPair pair = link_exports(kernel.value(), vmm.value());
  const auto checked_kernel = check(kernel.value(), toy::vocabulary(), pair.lower);
  const auto checked_vmm = check(vmm.value(), toy::vocabulary(), pair.upper);
  CHECK(toy::refusal(checked_kernel) == "accepted");
  CHECK(toy::refusal(checked_vmm) == "accepted");
  REQUIRE(pair.upper.ioctls.size() == 2);
  CHECK(pair.upper.ioctls[1].name == "set");
}

}  // namespace
}  // namespace nptsim::rules
