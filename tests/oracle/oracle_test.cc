// Every recorded row through the model.
#include <doctest/doctest.h>

#include "tests/oracle/compare.h"

namespace nptsim::oracle {
namespace {

void replay_all(const char* name) {
  const auto file = read_file(std::string("tests/oracle/") + name);
  REQUIRE(file.ok());
  const Tally tally = replay(file.value());
  INFO(report(file.value(), tally));
  CHECK(tally.good());
  CHECK(tally.all.rows > 4000);
  CHECK(tally.all.matches > tally.all.rows * 9 / 10);
}

TEST_CASE("two emulators' consensus") { replay_all("npt-consensus.csv.gz"); }
TEST_CASE("QEMU TCG") { replay_all("npt-tcg.csv.gz"); }
TEST_CASE("Bochs") { replay_all("npt-bochs.csv.gz"); }
TEST_CASE("5-level nested tables") { replay_all("npt-tcg-la57.csv.gz"); }
TEST_CASE("other values of MAXPHYADDR") { replay_all("npt-tcg-maxphyaddr.csv.gz"); }

constexpr std::string_view kHeader =
    "set,id,acc,size,gva,cpl,hnxe,hsmep,gnxe,gwp,gsmep,gsmap,gmode,inj,n4,n3,n2,n1,n1b,g4,g3,g2,g1,"
    "g1b,p4,p3,p2,p1,t4,t3,t2,d1,exit,info1,info2,intinfo,rip_delta,rax,mem,changed\n";
constexpr std::string_view kRow =
    "A,0,r,8,0x100002221100,3,0,0,1,1,0,0,lm64,0x0,0x2005027,0x2006027,0x2007027,0x2221067,"
    "0x2222067,0x12027,0x13027,0x14027,0x8002221067,0x8002222067,0x2011067,0x2012067,0x2013067,"
    "0x2014067,0x2002027,0x2003027,0x2004027,0x2221067,0x81,0x0,0x0,0x0,3,0x8877665544d9010f,"
    "0x8877665544d9010f,";

std::string with(std::string row, std::string_view from, std::string_view to) {
  return std::string(kHeader) + row.replace(row.find(from), from.size(), to) + "\n";
}

TEST_CASE("a good row is read, and a wrong one is noticed") {
  const auto good = parse_file("good.csv", std::string(kHeader) + std::string(kRow));
  REQUIRE(good.ok());
  CHECK(replay(good.value()).good());
  const auto other = parse_file("x.csv", with(std::string(kRow), "0x81,0x0", "0x400,0x0"));
  REQUIRE(other.ok());
  const Tally tally = replay(other.value());
  CHECK_FALSE(tally.good());
  REQUIRE(tally.first_differences.size() == 1);
  CHECK(tally.first_differences[0] == "x.csv:2: A 0 (agree): exit: recorded 0x400, model 0x81;");
}

TEST_CASE("malformed files are refused with the line") {
  const std::string row(kRow);
  const std::pair<std::string, std::string> cases[] = {
      {"", "f.csv: error: the file is empty"},
      {"set,id\n", "f.csv:1: error: there is no column 'acc'"},
      {with(row, "A,0,r,", "A,0,q,"), "f.csv:2: error: column 'acc' holds 'q'"},
      {with(row, "lm64", "real"), "f.csv:2: error: column 'gmode' holds 'real'"},
      {with(row, "0x2005027", "2x5"), "f.csv:2: error: column 'n4' holds '2x5'"},
      {with(row, ",8,", ",3,"), "f.csv:2: error: column 'size' holds '3'"},
      {with(row, ",0x81,", ","), "f.csv:2: error: the row has 39 fields, the header 40"},
      {std::string(kHeader) + row + "n1", "f.csv:2: error: column 'changed' holds 'n1'"},
  };
  for (const auto& [text, expected] : cases) {
    const auto file = parse_file("f.csv", text);
    REQUIRE_FALSE(file.ok());
    CHECK(to_string(file.error().front()).starts_with(expected));
  }
  CHECK_FALSE(read_file("no/such/file.csv").ok());
  CHECK_FALSE(read_file("no/such/file.csv.gz").ok());
}

}  // namespace
}  // namespace nptsim::oracle
