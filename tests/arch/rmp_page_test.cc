// The chapter on the RMP shows the tables that the code works by.
#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "tests/arch/rmp_tables.h"

namespace nptsim::svm {
namespace {

std::string page() {
  std::ifstream file("docs/rmp.md");
  REQUIRE(file.good());
  std::stringstream all;
  all << file.rdbuf();
  return all.str();
}

TEST_CASE("docs/rmp.md has each table as the code prints it") {
  const std::string has = page();
  for (const std::string& table : {state_diagram(), state_table(), transition_table(),
                                   access_table(), hardware_table(), choice_table()}) {
    INFO("it should have:\n", table);
    CHECK(has.find(table) != std::string::npos);
  }
}

}  // namespace
}  // namespace nptsim::svm
