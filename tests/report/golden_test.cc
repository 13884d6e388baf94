#include "sim/report/golden.h"

#include <doctest/doctest.h>

#include <string>

#include "sim/report/text_diff.h"
#include "tests/report/samples.h"

namespace nptsim::report {
namespace {

using Lines = std::vector<std::string>;

Golden golden_of(const PointResult& result) {
  auto golden = read_golden(golden_text({&result}), "flash.golden.json");
  REQUIRE(golden.ok());
  return std::move(golden).value();
}

// What comparing `result` with the golden file of `before` says.
PointResult compared(const PointResult& before, PointResult result) {
  std::vector<PointResult> gone;
  compare_with_golden(golden_of(before), result.file, {&result}, gone);
  CHECK(gone.empty());
  return result;
}

TEST_CASE("a golden file lies beside its scenario") {
  CHECK(golden_path("a/flash.yaml") == "a/flash.golden.json");
}

TEST_CASE("what has not changed passes") {
  const PointResult result = compared(passed_result(), passed_result());
  CHECK(result.status == Status::kPass);
  CHECK(result.golden.empty());
}

TEST_CASE("another decision fails, and the difference names it") {
  PointResult now = passed_result();
  now.milestones[1] = "vcpu0 kernel decide error_pfn.ro-no-mmio -> error error=EFAULT";
  const PointResult result = compared(passed_result(), now);
  CHECK(result.status == Status::kFail);
  CHECK(result.golden ==
        Lines{" }", " event: vcpu0 cpu npf npt.permission present write user final",
              "-event: vcpu0 kernel decide error_pfn.ro-fault -> emulate",
              "+event: vcpu0 kernel decide error_pfn.ro-no-mmio -> error error=EFAULT"});
}

TEST_CASE("another value in a register fails") {
  PointResult now = passed_result();
  now.run->vcpus[0].registers.gpr[isa::kRax] = 0x80;
  CHECK(compared(passed_result(), now).status == Status::kFail);
}

TEST_CASE("where a round of a spin was entered does not matter") {
  PointResult now = passed_result();
  now.run->vcpus[0].loop = {"the other half first"};
  CHECK(compared(passed_result(), now).status == Status::kPass);
}

TEST_CASE("a point that the golden file does not have fails") {
  PointResult now = passed_result();
  now.point[0].second = "kvm-7.0";
  std::vector<PointResult> gone;
  compare_with_golden(golden_of(passed_result()), now.file, {&now}, gone);
  CHECK(now.status == Status::kFail);
  REQUIRE(gone.size() == 1);
  CHECK(gone[0].name == "A write spins [kernel=kvm-6.8 vcpus=1]");
  CHECK(gone[0].status == Status::kFail);
}

TEST_CASE("a result that is an error stays one") {
  PointResult now = passed_result();
  now.status = Status::kError;
  now.trouble = Trouble::kIncomplete;
  now.run->seen_by = "nobody";
  CHECK(compared(passed_result(), now).status == Status::kError);
}

TEST_CASE("points with the same events share their text") {
  const PointResult one = passed_result();
  PointResult two = passed_result();
  two.point[1].second = "2";
  const std::string text = golden_text({&one, &two});
  CHECK(text.find("ro-fault") == text.rfind("ro-fault"));
  CHECK(golden_text({&one, &two}) == text);
}

TEST_CASE("what is no golden file is refused, whatever it is") {
  for (const char* text :
       {"", "{", "[]", "null", R"({"golden": 1})", R"({"golden": 1, "points": [{}], "events": {}})",
        R"({"golden": 1, "points": [], "events": {"x": 1}})",
        R"({"golden": 1, "events": {}, "points": [
                               {"name": "a", "point": {}, "events": "missing"}]})"}) {
    CAPTURE(text);
    CHECK_FALSE(read_golden(text, "x.golden.json").ok());
  }
}

TEST_CASE("a difference shows two lines around each change") {
  const Lines before = {"1", "2", "3", "4", "5", "6", "7", "8", "9"};
  Lines after = before;
  after[4] = "five";
  CHECK(diff_lines(before, after) == Lines{" 3", " 4", "-5", "+five", " 6", " 7"});
  CHECK(diff_lines(before, before).empty());
  after[0] = "one";
  CHECK(diff_lines(before, after) ==
        Lines{"-1", "+one", " 2", " 3", " 4", "-5", "+five", " 6", " 7"});
  CHECK(diff_lines(before, after, 0) == Lines{"-1", "+one", "...", "-5", "+five"});
  CHECK(diff_lines({}, {"a"}) == Lines{"+a"});
  CHECK(diff_lines({"a"}, {}) == Lines{"-a"});
  CHECK(diff_lines({"a", "b", "a"}, {"a", "a"}) == Lines{" a", "-b", " a"});
}

TEST_CASE("very long texts are still compared") {
  const Lines before(4000, "x"), after(4000, "y");
  CHECK(diff_lines(before, after).size() == 8000);
}

}  // namespace
}  // namespace nptsim::report
