#include "sim/trace/line_pattern.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

namespace nptsim::trace {
namespace {

LinePattern pattern_of(const std::string& shape, std::vector<std::string>& fields) {
  auto pattern = LinePattern::compile(shape, fields);
  REQUIRE(pattern.ok());
  return std::move(pattern).value();
}

TEST_CASE("each way to take a field") {
  std::vector<std::string> fields;
  const LinePattern pattern = pattern_of("a {u:u} {x:x} {d:d} {w:w} [{r:r}] {n:n} {m:n}", fields);
  Seen seen;
  REQUIRE(pattern.match("a 10 ff -3 word-1 [any thing] 0x20 21 and more", seen));
  CHECK(seen.values[0].number == 10);
  CHECK(seen.values[1].number == 0xff);
  CHECK(seen.values[2].number == ~std::uint64_t{2});
  CHECK(seen.values[3].text == "word-1");
  CHECK(seen.values[4].text == "any thing");
  CHECK(seen.values[5].number == 0x20);
  CHECK(seen.values[6].number == 21);
  CHECK(pattern.print(seen) == "a 10 ff -3 word-1 [any thing] 0x20 0x15");
}

TEST_CASE("what is no such line") {
  std::vector<std::string> fields;
  const LinePattern pattern = pattern_of("gpa 0x{gpa:x} len {len:u}", fields);
  for (const char* line :
       {"", "gpa", "gpa 0x", "gpa 0xg len 1", "gpa 0x1", "gpa 0x1 len ", "gpa 0x1 len x",
        "gpa 0x11112222333344445 len 1", "gpa 0x1 len 18446744073709551616", " gpa 0x1 len 1"}) {
    CAPTURE(line);
    Seen seen;
    CHECK(!pattern.match(line, seen));
  }
  Seen seen;
  CHECK(pattern.match("gpa 0x1111222233334444 len 18446744073709551615", seen));
  CHECK(pattern.find("[ 12.3] kvm: gpa 0x gpa 0x5 len 6 more", seen));
  CHECK(seen.values[0].number == 5);
}

TEST_CASE("shapes that make no sense are refused with a reason") {
  for (const char* shape : {"", "{", "{a", "{a}", "{a:}", "{:x}", "{a:q}", "x {a:xx}"}) {
    CAPTURE(shape);
    std::vector<std::string> fields;
    const auto pattern = LinePattern::compile(shape, fields);
    CHECK(!pattern.ok());
  }
}

}  // namespace
}  // namespace nptsim::trace
