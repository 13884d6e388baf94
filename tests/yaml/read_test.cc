// Typed readers: values, or a sentence that helps.
#include "sim/yaml/read.h"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "sim/yaml/load.h"
#include "sim/yaml/merge.h"

namespace nptsim::yaml {
namespace {

Node parse(const std::string& text) {
  auto documents = load_text(text, "f.yaml");
  REQUIRE(documents.ok());
  return documents.value().at(0);
}

std::string all(const Diagnostics& diagnostics) {
  std::string text;
  for (const Diagnostic& diagnostic : diagnostics) text += to_string(diagnostic) + "\n";
  return text;
}

// "key: value, ..." in the order of the tree, for comparing merged trees.
std::string flat(const Node& node) {
  if (node.is_null()) return "~";
  if (node.is_scalar()) return node.text;
  std::string text;
  for (const Node& item : node.items) text += (text.empty() ? "" : ", ") + flat(item);
  if (node.is_sequence()) return "[" + text + "]";
  for (const MapEntry& entry : node.entries) {
    text += (text.empty() ? "" : ", ") + entry.key.text + ": " + flat(entry.value);
  }
  return "{" + text + "}";
}

TEST_CASE("numbers as people write them") {
  struct Row {
    const char* text;
    std::uint64_t value;
  };
  const Row rows[] = {
      {"0", 0},
      {"42", 42},
      {"0x1f", 31},
      {"0XFF", 255},
      {"16M", 16 << 20},
      {"4K", 4096},
      {"1G", 1 << 30},
      {"2T", 2ull << 40},
      {"0xffff_0000", 0xffff0000},
      {"1_000", 1000},
      {"0x10K", 16384},
      {"0xffffffffffffffff", ~0ull},
      {"18446744073709551615", ~0ull},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto value = parse_number(row.text);
    REQUIRE(value.ok());
    CHECK(value.value() == row.value);
  }
}

TEST_CASE("what is no number, and why") {
  struct Row {
    const char* text;
    const char* reason;
  };
  const Row rows[] = {
      {"", "is not a number"},
      {"x", "is not a number"},
      {"0x", "is not a number"},
      {"K", "is not a number"},
      {"16k", "is not a number"},
      {"16MB", "is not a number"},
      {"_1", "is not a number"},
      {"1_", "is not a number"},
      {"1__0", "is not a number"},
      {"1.5", "is not a number"},
      {" 1", "is not a number"},
      {"0b1", "begins with 0 but is not hex"},
      {"010", "begins with 0 but is not hex"},
      {"-1", "is negative"},
      {"0x10000000000000000", "does not fit into 64 bits"},
      {"18446744073709551616", "does not fit into 64 bits"},
      {"16777216T", "does not fit into 64 bits"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    const auto value = parse_number(row.text);
    REQUIRE_FALSE(value.ok());
    CHECK(value.error() == row.reason);
  }
}

TEST_CASE("a map tells everything that is wrong with it at once") {
  const std::vector<std::string> keys = {"gpa", "size", "mode", "plain", "names"};
  const std::vector<std::string> modes = {"romd", "mmio"};
  const Node node = parse(
      "gpa: 0xg\n"
      "sise: 4K\n"
      "mode: rom\n"
      "plain: maybe\n"
      "names: {a: b}\n");
  Diagnostics diagnostics;
  MapReader reader(node, "region 'flash'", keys, diagnostics);
  CHECK_FALSE(reader.number("gpa").has_value());
  CHECK(reader.require("size") == nullptr);
  CHECK_FALSE(reader.word("mode", modes).has_value());
  CHECK_FALSE(reader.yes_no("plain").has_value());
  CHECK(reader.texts("names").empty());
  CHECK(
      all(diagnostics) ==
      "f.yaml:2:1: error: unknown key of region 'flash': 'sise'; did you mean 'size'? (accepted: "
      "gpa, size, mode, plain or names)\n"
      "f.yaml:1:6: error: 'gpa' of region 'flash': '0xg' is not a number (accepted: hex like "
      "0xffc00000, decimal, or with K, M, G, T like 16M)\n"
      "f.yaml:1:1: error: region 'flash' has no key 'size'\n"
      "f.yaml:3:7: error: unknown 'mode' of region 'flash': 'rom'; did you mean 'romd'? (accepted: "
      "romd or mmio)\n"
      "f.yaml:4:8: error: 'plain' of region 'flash' is the text 'maybe' (accepted: yes, no, on, "
      "off)\n"
      "f.yaml:5:8: error: 'names' of region 'flash' is a map (accepted: a text or a list of "
      "texts)\n");
}

TEST_CASE("a good map gives its values") {
  const std::vector<std::string> keys = {"n", "flag", "word", "list", "one", "none"};
  const std::vector<std::string> words = {"a", "b"};
  const Node node = parse("{n: 2M, flag: off, word: b, list: [x, y], one: z, none: }");
  Diagnostics diagnostics;
  MapReader reader(node, "thing", keys, diagnostics);
  CHECK(reader.number("n") == 0x200000u);
  CHECK(reader.yes_no("flag") == false);
  CHECK(reader.word("word", words) == "b");
  CHECK(reader.texts("list") == std::vector<std::string>{"x", "y"});
  CHECK(reader.texts("one") == std::vector<std::string>{"z"});
  CHECK(reader.texts("none").empty());
  CHECK_FALSE(reader.number("absent").has_value());
  CHECK(diagnostics.empty());
}

TEST_CASE("a list is no map, a number has its range") {
  const std::vector<std::string> keys = {"a", "b"};
  Diagnostics diagnostics;
  const Node list = parse("[1]");
  MapReader reader(list, "'set'", keys, diagnostics);
  CHECK_FALSE(reader.ok());
  CHECK(reader.require("a") == nullptr);
  CHECK_FALSE(read_number(parse("9"), "'vcpus'", diagnostics, {1, 8}).has_value());
  CHECK(all(diagnostics) ==
        "f.yaml:1:1: error: 'set' is a list (accepted: a map with the keys a and b)\n"
        "f.yaml:1:1: error: 'vcpus': '9' is out of range (accepted: 1 to 8)\n");
}

TEST_CASE("merging lays one tree over another and keeps places") {
  struct Row {
    const char* base;
    const char* over;
    const char* merged;
  };
  const Row rows[] = {
      {"{a: 1, b: 2}", "{b: 3, c: 4}", "{a: 1, b: 3, c: 4}"},
      {"{m: {x: 1, y: 2}}", "{m: {y: 3}}", "{m: {x: 1, y: 3}}"},
      {"{l: [1, 2]}", "{l: [3]}", "{l: [3]}"},
      {"{m: {x: 1}}", "{m: text}", "{m: text}"},
      {"{a: 1, b: 2}", "{a: ~}", "{b: 2}"},
      {"{a: 1}", "{b: ~}", "{a: 1}"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.base);
    CHECK(flat(merge(parse(row.base), parse(row.over))) == row.merged);
  }
  const Node merged = merge(parse("a: 1\nb: 2\n"), parse("\n\nb: 3\n"));
  CHECK(merged.find("a")->pos.line == 1);
  CHECK(merged.find("b")->pos.line == 3);
}

}  // namespace
}  // namespace nptsim::yaml
