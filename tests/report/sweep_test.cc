// Sweeps as tables, and their parts.
#include "sim/report/sweep.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "sim/report/text.h"
#include "tests/report/result_shape.h"

namespace nptsim::report {
namespace {

// 2 x 3 x 4 points; what they come to depends on the first and the last axis.
Sweep whole() {
  Sweep sweep;
  sweep.file = "f.yaml";
  sweep.name = "A sweep";
  sweep.hash = "0123456789abcdef";
  sweep.axes = {{"kernel", {"kvm-6.8", "kvm-7.0"}},
                {"cpu.tlb", {"off", "on", "x"}},
                {"cpu.c_bit", {"48", "49", "50", "51"}}};
  sweep.cells = {{"completes", "guest", ""},
                 {"spins (fault)", "kernel", ""},
                 {"invalid", "", "no, \"such\" bit"}};
  for (std::uint64_t i = 0; i < sweep.total(); ++i) {
    const bool old = sweep.value_of(i, 0) == 0, last = sweep.value_of(i, 2) == 3;
    sweep.points.push_back(last ? 2 : old ? 1 : 0);
  }
  return sweep;
}

Sweep part_of(const Sweep& sweep, std::uint64_t first, std::uint64_t end) {
  Sweep part = sweep;
  part.first = first;
  part.points.assign(sweep.points.begin() + static_cast<std::ptrdiff_t>(first),
                     sweep.points.begin() + static_cast<std::ptrdiff_t>(end));
  return part;
}

Sweep read(const std::string& text) {
  auto part = read_part(text, "part");
  REQUIRE(part.ok());
  return std::move(part).value();
}

TEST_CASE("points and axes: the last one turns fastest") {
  const Sweep sweep = whole();
  CHECK(describe(sweep.point(0)) == "kernel=kvm-6.8 cpu.tlb=off cpu.c_bit=48");
  CHECK(describe(sweep.point(5)) == "kernel=kvm-6.8 cpu.tlb=on cpu.c_bit=49");
  CHECK(describe(sweep.point(23)) == "kernel=kvm-7.0 cpu.tlb=x cpu.c_bit=51");
}

TEST_CASE("an axis that changes nothing is found, and not shown") {
  CHECK(relevant_axes(whole()) == std::vector<std::size_t>{0, 2});
  const std::string text = print_sweep(whole(), "");
  CHECK(text.find("cpu.tlb: 3 values, changes nothing") != std::string::npos);
  CHECK(text.find("kvm-6.8              B   B   B   -") != std::string::npos);
  CHECK(text.find("kvm-7.0              A   A   A   -") != std::string::npos);
}

TEST_CASE("any way to cut a sweep merges to the bytes of the whole") {
  const Sweep sweep = whole();
  const auto normal = merge_parts({sweep});
  REQUIRE(normal.ok());
  for (std::uint64_t cut = 0; cut <= sweep.total(); ++cut) {
    CAPTURE(cut);
    const std::string first = print_part(part_of(sweep, 0, cut));
    const std::string second = print_part(part_of(sweep, cut, sweep.total()));
    const auto merged = merge_parts({read(second), read(first)});
    REQUIRE(merged.ok());
    CHECK(print_sweep_csv(merged.value()) == print_sweep_csv(normal.value()));
    CHECK(print_sweep_svg(merged.value(), "") == print_sweep_svg(normal.value(), ""));
    CHECK(print_sweep_json(merged.value()) == print_sweep_json(normal.value()));
  }
}

TEST_CASE("parts that are missing, twice there or of another sweep are refused") {
  const Sweep sweep = whole();
  const auto why = [](const auto& result) {
    REQUIRE_FALSE(result.ok());
    return result.error().front().found;
  };
  CHECK(why(merge_parts({part_of(sweep, 0, 5)})) == "the points from 5 on are missing");
  CHECK(why(merge_parts({part_of(sweep, 0, 5), part_of(sweep, 6, 24)})) ==
        "the points from 5 on are missing");
  CHECK(why(merge_parts({part_of(sweep, 0, 5), part_of(sweep, 4, 24)})) ==
        "the points from 4 on are there twice");
  Sweep other = part_of(sweep, 5, 24);
  other.hash = "fedcba9876543210";
  CHECK(
      why(merge_parts({part_of(sweep, 0, 5), other})).starts_with("these are parts of different"));
}

TEST_CASE("what is no part is told with its line") {
  const std::string good = print_part(whole());
  for (const std::string& bad :
       {std::string(), std::string("{}\n"), std::string("x\n"), good + "1 0\n", good + "1 9\n",
        good.substr(0, good.find('\n') + 1), good + "zero\n", good.substr(0, good.size() - 4)}) {
    CAPTURE(bad);
    const auto read = read_part(bad, "part");
    REQUIRE_FALSE(read.ok());
    CHECK(read.error().front().pos.file == "part");
  }
}

TEST_CASE("CSV has a line for each point, and quotes what needs it") {
  const std::vector<std::string> lines = split_lines(print_sweep_csv(whole()));
  REQUIRE(lines.size() == 25);
  CHECK(lines[0] == "kernel,cpu.tlb,cpu.c_bit,outcome,seen_by,why");
  CHECK(lines[1] == "kvm-6.8,off,48,spins (fault),kernel,");
  CHECK(lines[4] == "kvm-6.8,off,51,invalid,,\"no, \"\"such\"\" bit\"");
}

TEST_CASE("a picture is well-formed text with all outcomes in its legend") {
  const std::string svg = print_sweep_svg(whole(), "kernel");
  CHECK(svg.starts_with("<svg "));
  CHECK(svg.ends_with("</svg>\n"));
  CHECK(svg.find("spins (fault)") != std::string::npos);
  CHECK(svg.find("nan") == std::string::npos);
}

}  // namespace
}  // namespace nptsim::report
