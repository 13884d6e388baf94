// Diagnostics: one line that says where, what, and how to mend it.
#include "sim/base/diagnostic.h"

#include <string>
#include <vector>

#include "doctest/doctest.h"

namespace nptsim {
namespace {

const std::vector<std::string> kKeys = {"machine", "memory", "map", "program"};

TEST_CASE("a mistyped key names the nearest one and all that are accepted") {
  const Diagnostic d = unknown_word({"a.yaml", 3, 7}, "key", "memroy", kKeys);
  CHECK(to_string(d) ==
        "a.yaml:3:7: error: unknown key 'memroy'; did you mean 'memory'? "
        "(accepted: machine, memory, map or program)");
}

TEST_CASE("a word that is near to nothing gets no suggestion") {
  CHECK(nearest_spelling("kvm-6.12", kKeys).empty());
  CHECK(nearest_spelling("", kKeys).empty());
  CHECK(nearest_spelling(std::string(100000, 'm'), kKeys).empty());
}

TEST_CASE("the first of equally near spellings wins") {
  const std::vector<std::string> words = {"bat", "cat"};
  CHECK(nearest_spelling("rat", words) == "bat");
}

TEST_CASE("places leave out what is not known") {
  CHECK(to_string(SourcePos{"f", 0, 0}) == "f");
  CHECK(to_string(SourcePos{"f", 2, 0}) == "f:2");
  CHECK(to_string(SourcePos{"f", 2, 5}) == "f:2:5");
}

}  // namespace
}  // namespace nptsim
