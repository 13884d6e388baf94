// The same results in every format, letter by letter: programs and people read them.
#include <doctest/doctest.h>

#include <string>

#include "sim/report/human.h"
#include "sim/report/json.h"
#include "sim/report/junit.h"
#include "sim/report/tap.h"
#include "tests/report/result_shape.h"
#include "tests/report/samples.h"

namespace nptsim::report {
namespace {

TEST_CASE("a person gets a line for each result, and below it what differs") {
  CHECK(print_human(sample_report(), Style{}) ==
        R"~(pass   flash.yaml: A write spins [kernel=kvm-6.8 vcpus=1]
FAIL   flash.yaml: A <write> & more
       flash.yaml:9:3: vcpu0: expected completes, but it is spins (fault)
       vcpu0 spins (fault) at `mov byte ptr [rbx], 0x40`
ERROR  bad.yaml
       unknown key 'memroy'
invalid flash.yaml: A write spins [kernel=kvm-6.8 vcpus=0]
       a machine has a vCPU
1 passed, 1 failed, 1 error, 1 invalid point not run
)~");
}

TEST_CASE("a point is named on one line, whatever its values") {
  CHECK(describe({{"vm", "snp"}, {"program.vcpu0", "mov al, [rbx]\n\n  hlt\n"}}) ==
        "vm=snp program.vcpu0=mov al, [rbx]; hlt");
  CHECK(describe({}) == "");
}

TEST_CASE("colour is in the style and nowhere else") {
  const std::string plain = print_human(sample_report(), Style{false});
  const std::string painted = print_human(sample_report(), Style{true});
  CHECK(plain.find('\033') == std::string::npos);
  CHECK(painted.find("\033[31;1mFAIL\033[0m") != std::string::npos);
}

TEST_CASE("a known disagreement is told with its reason") {
  Report report;
  report.results = {passed_result()};
  report.results[0].xfail = true;
  report.results[0].why = "a known disagreement: the board has no VGA";
  const std::string text = print_human(report, Style{});
  CHECK(text.find("xfail  flash.yaml") == 0);
  CHECK(text.find("the board has no VGA") != std::string::npos);
  CHECK(text.find("1 passed, 0 failed") != std::string::npos);
}

TEST_CASE("no input can drive the terminal") {
  Report report;
  report.results = {passed_result()};
  report.results[0].name = "\033[2Jgone";
  CHECK(print_human(report, Style{}).find('\033') == std::string::npos);
}

TEST_CASE("diagnostics have a line each") {
  CHECK(print_diagnostics({unreadable_why()}, Style{}) ==
        "bad.yaml:3:1: error: unknown key 'memroy'; did you mean 'memory'? (accepted: memory, "
        "map)\n");
}

TEST_CASE("TAP: numbers, a block below what is not ok, invalid points skipped") {
  CHECK(print_tap(sample_report()) == R"~(TAP version 14
1..4
ok 1 - flash.yaml: A write spins [kernel=kvm-6.8 vcpus=1]
not ok 2 - flash.yaml: A <write> & more
  ---
  status: fail
  outcome: "vcpu0 spins (fault) at `mov byte ptr [rbx], 0x40`"
  differences:
    - "flash.yaml:9:3: vcpu0: expected completes, but it is spins (fault)"
  ...
not ok 3 - bad.yaml
  ---
  status: error
  why: "unknown key 'memroy'"
  ...
ok 4 - flash.yaml: A write spins [kernel=kvm-6.8 vcpus=0] # SKIP a machine has a vCPU
# bad.yaml:3:1: error: unknown key 'memroy'; did you mean 'memory'? (accepted: memory, map)
)~");
}

TEST_CASE("TAP: a name cannot make a directive") {
  Report report;
  report.results = {passed_result()};
  report.results[0].name = "x # TODO\nok 2";
  CHECK(print_tap(report).find("x \\# TODO ok 2") != std::string::npos);
}

TEST_CASE("JUnit: a suite for each file, nothing unescaped") {
  CHECK(print_junit(sample_report()) == R"~(<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="nptsim run" tests="4" failures="1" errors="1" skipped="1">
  <testsuite name="flash.yaml" tests="3" failures="1" errors="0" skipped="1">
    <testcase classname="flash.yaml" name="A write spins [kernel=kvm-6.8 vcpus=1]"/>
    <testcase classname="flash.yaml" name="A &lt;write&gt; &amp; more">
      <failure message="flash.yaml:9:3: vcpu0: expected completes, but it is spins (fault)">flash.yaml:9:3: vcpu0: expected completes, but it is spins (fault)&#10;vcpu0 spins (fault) at `mov byte ptr [rbx], 0x40`</failure>
    </testcase>
    <testcase classname="flash.yaml" name="A write spins [kernel=kvm-6.8 vcpus=0]">
      <skipped message="a machine has a vCPU"/>
    </testcase>
  </testsuite>
  <testsuite name="bad.yaml" tests="1" failures="0" errors="1" skipped="0">
    <testcase classname="bad.yaml" name="">
      <error message="unknown key 'memroy'"></error>
    </testcase>
  </testsuite>
</testsuites>
)~");
}

TEST_CASE("JSON has the shape that is documented") {
  Json json = to_json(sample_report());
  CHECK(problem_of_report(AnyJson::parse(print_json(sample_report()))) == "");
  CHECK(
      json["results"][0].dump() ==
      R"~({"file":"flash.yaml","name":"A write spins",)~"
      R"~("point":{"kernel":"kvm-6.8","vcpus":"1"},"status":"pass","why":"",)~"
      R"~("outcomes":{"vcpu0":{"outcome":"spins","kind":"fault","at":"mov byte ptr [rbx], 0x40",)~"
      R"~("loop":["vcpu0 cpu: npf (npt.permission)"],"registers":{"rbx":"0xffc00000"}}},)~"
      R"~("vm":{"outcome":"completes"},"harm":[],"seen_by":"kernel",)~"
      R"~("hash":"0123456789abcdef","differences":[]})~");
  CHECK(json["results"][1]["harm"].dump() == R"~(["rom-modified"])~");
  CHECK(json["results"][2]["vm"].is_null());
  CHECK(json["summary"].dump() == R"~({"passed":1,"failed":1,"errors":1,"invalid":1})~");
  CHECK(json["errors"][0]["line"] == 3);
}

TEST_CASE("JSON: bytes that are no UTF-8 do not stop it") {
  Report report;
  report.results = {passed_result()};
  report.results[0].name = "\xff\xfe";
  CHECK(print_json(report).find("\xEF\xBF\xBD") != std::string::npos);
}

TEST_CASE("coverage names the rows that nobody reached first") {
  Report report;
  report.coverage = std::vector<ModelCoverage>{{"kernel kvm-7.0", {{"a.one", 3}, {"a.two", 0}}}};
  const std::string text = print_human(report, Style{});
  CHECK(
      text.find("kernel kvm-7.0: 1 of 2 rows reached\n  never    a.two\n  reached  a.one (3)\n") !=
      std::string::npos);
  CHECK(to_json(report)["coverage"].dump() ==
        R"~([{"model":"kernel kvm-7.0","reached":{"a.one":3},"never":["a.two"]}])~");
}

}  // namespace
}  // namespace nptsim::report
