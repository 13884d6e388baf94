// The editors' schema says what the readers accept.
#include "sim/scenario/schema.h"

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "sim/machine/outcome.h"
#include "sim/scenario/expect.h"
#include "tests/scenario/support.h"

namespace nptsim::scenario {
namespace {

using Json = nlohmann::json;

TEST_CASE("the schema is JSON, and every reference leads somewhere") {
  const std::string text = scenario_schema();
  const Json schema = Json::parse(text, nullptr, false);
  REQUIRE(schema.is_object());
  const std::string mark = "\"#/definitions/";
  for (std::size_t at = text.find(mark); at != std::string::npos; at = text.find(mark, at + 1)) {
    const std::size_t begin = at + mark.size();
    const std::string name = text.substr(begin, text.find('"', begin) - begin);
    CAPTURE(name);
    CHECK(schema["definitions"].contains(name));
  }
}

TEST_CASE("every key has a sentence") {
  const Json schema = Json::parse(scenario_schema());
  const auto check = [](const Json& section) {
    if (!section.contains("properties")) return;
    for (const auto& item : section["properties"].items()) {
      const std::string& key = item.key();
      CAPTURE(key);
      CHECK(item.value().value("description", "").ends_with("."));
    }
  };
  check(schema);
  for (const auto& [name, section] : schema["definitions"].items()) check(section);
}

TEST_CASE("what the schema says of some keys") {
  const Json schema = Json::parse(scenario_schema());
  CHECK(schema["required"] == Json({"nptsim", "name"}));
  CHECK(schema["properties"]["script"]["type"] == "array");
  const Json& region = schema["definitions"]["region"];
  CHECK(region["required"] == Json({"gpa", "size"}));
  CHECK(region["properties"]["mode"]["enum"] == Json({"romd", "mmio"}));
  CHECK(schema["definitions"]["cpu_start"]["properties"]["mode"]["enum"] ==
        Json({"16", 16, "32", 32, "64", 64}));
}

TEST_CASE("the words of outcomes are the machine's") {
  for (unsigned i = 0; i < outcome_words().size(); ++i) {
    CHECK(outcome_words()[i] == machine::name_of(static_cast<machine::OutcomeKind>(i)));
  }
  CHECK(outcome_words().back() == machine::name_of(machine::OutcomeKind::kHostFault));
  const std::vector<std::string>& spins = spin_words();
  for (unsigned i = 0; i < spins.size(); ++i) {
    CHECK(spins[i] == machine::name_of(static_cast<machine::SpinKind>(i + 1)));
  }
}

}  // namespace
}  // namespace nptsim::scenario
