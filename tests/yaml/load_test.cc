// What a person sees when YAML text is read, right or wrong.
#include "sim/yaml/load.h"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "sim/yaml/read.h"

namespace nptsim::yaml {
namespace {

std::string first_error(const std::string& text, const Limits& limits = {}) {
  const auto documents = load_text(text, "f.yaml", limits);
  return documents ? "" : to_string(documents.error().at(0));
}

Node only_document(const std::string& text) {
  auto documents = load_text(text, "f.yaml");
  REQUIRE(documents.ok());
  REQUIRE(documents.value().size() == 1);
  return documents.value()[0];
}

std::string place(const SourcePos& pos) {
  return std::to_string(pos.line) + ":" + std::to_string(pos.column);
}

std::string repeat(const std::string& text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST_CASE("values know what they are and where they stand") {
  const Node map = only_document("a: 1\nb: [x, {c: \"two\"}]\nempty:\nnul: ~\n");
  REQUIRE(map.entries.size() == 4);
  CHECK(map.find("a")->text == "1");
  CHECK_FALSE(map.find("a")->quoted);
  CHECK(place(map.find("a")->pos) == "1:4");
  const Node& c = *map.find("b")->items[1].find("c");
  CHECK(c.text == "two");
  CHECK(c.quoted);
  CHECK(place(c.pos) == "2:12");
  CHECK(map.find("empty")->is_null());
  CHECK(place(map.find("empty")->pos) == "3:1");
  CHECK(map.find("nul")->is_null());
  CHECK(map.find("nothing") == nullptr);
}

TEST_CASE("columns count characters, not bytes") {
  CHECK(place(only_document("é: ü\n").find("é")->pos) == "1:4");
}

TEST_CASE("a byte order mark and line ends of another system change nothing") {
  const Node map = only_document(
      "\xef\xbb\xbf"
      "a: |\r\n  x\r\n  y\r\nb: 2\r\n");
  CHECK(map.find("a")->text == "x\ny\n");
  CHECK(place(map.find("b")->pos) == "4:4");
}

TEST_CASE("each line of a text knows its place, however it is written") {
  struct Row {
    const char* yaml;
    const char* places;
  };
  const Row rows[] = {
      {"p: |\n  one\n    two\n", "one@2:3   two@3:3 "},
      {"p: |\n\n  one\n\n  two\n", "@2:1 one@3:3 @4:1 two@5:3 "},
      {"p: &anchor |-\n  one\n", "one@2:3 "},
      {"p: \"one\\n two\\nthree\"\n", "one@1:5  two@1:10 three@1:16 "},
      {"p: \"a \\\" b\\nc\"\n", "a \" b@1:5 c@1:13 "},
      {"p: 'one'\n", "one@1:5 "},
      {"p: one\n", "one@1:4 "},
      {"p: >\n  one\n  two\n\n  three\n", "one two@1:4 three@1:4 "},
  };
  for (const Row& row : rows) {
    CAPTURE(row.yaml);
    std::string places;
    const Node map = only_document(row.yaml);
    for (const TextLine& line : lines_of(*map.find("p"))) {
      places += line.text + "@" + place(line.pos) + " ";
    }
    CHECK(places == row.places);
  }
}

TEST_CASE("several documents, empty ones left out") {
  const auto documents = load_text("a: 1\n---\n---\nb: 2\n...\n---\nc: 3\n", "f.yaml");
  REQUIRE(documents.ok());
  REQUIRE(documents.value().size() == 3);
  CHECK(documents.value()[2].find("c")->text == "3");
  CHECK(load_text("", "f.yaml").value().empty());
  CHECK(load_text("# only a comment\n", "f.yaml").value().empty());
}

TEST_CASE("an alias repeats the value of its anchor") {
  const Node map = only_document("a: &x {b: 1}\nc: *x\n");
  CHECK(map.find("c")->find("b")->text == "1");
  CHECK(same_content(*map.find("a"), *map.find("c")));
}

TEST_CASE("what is not accepted, and what is said about it") {
  struct Row {
    std::string yaml;
    std::string message;
  };
  const Row rows[] = {
      {"a: 1\nb: {c: 1, c: 2}\n",
       "f.yaml:2:11: error: the key 'c' is given twice (accepted: each key once; the first is at "
       "line 2)"},
      {"a: b: c\n",
       "f.yaml:1:5: error: this is not YAML: illegal map value; a text that contains ': ' wants "
       "quotes"},
      {"a:\n\tb: c\n",
       "f.yaml:2:1: error: a tab at the start of the line (accepted: spaces to indent)"},
      {"a:\n  b: c\n \td: e\n",
       "f.yaml:3:2: error: this is not YAML: illegal tab when looking for indentation; the line is "
       "indented with a tab; use spaces"},
      {"a: \xe4\n", "f.yaml:1:4: error: the byte 0xe4 is not UTF-8 (accepted: UTF-8 text)"},
      {"a: \xc0\xaf\n", "f.yaml:1:4: error: the byte 0xc0 is not UTF-8 (accepted: UTF-8 text)"},
      {"a: \xed\xa0\x80\n", "f.yaml:1:4: error: the byte 0xed is not UTF-8 (accepted: UTF-8 text)"},
      {"a: \xf4\x90\x80\x80\n",
       "f.yaml:1:4: error: the byte 0xf4 is not UTF-8 (accepted: UTF-8 text)"},
      {std::string("\xff\xfe") + "a",
       "f.yaml:1:1: error: the file is UTF-16 (accepted: UTF-8 text)"},
      {std::string("a: b\0c\n", 7),
       "f.yaml:1:5: error: the control character 0x00 (accepted: text; in quotes, an escape)"},
      {"a: b\x04\n",
       "f.yaml:1:5: error: the control character 0x04 (accepted: text; in quotes, an escape)"},
      {"a: !!int 3\n",
       "f.yaml:1:4: error: the tag 'tag:yaml.org,2002:int' (accepted: values without tags)"},
      {"a: &x {b: 1}\nc: {<<: *x}\n",
       "f.yaml:2:5: error: the merge key '<<'; write the keys out, or use an alias for the map"},
      {"? [a, b]\n: c\n", "f.yaml:1:3: error: a list as a key (accepted: a word as a key)"},
      {"a: *nope\n",
       "f.yaml:1:4: error: this is not YAML: the referenced anchor is not defined; a text that "
       "begins with '*' wants quotes"},
      {"a: &a [*a]\n",
       "f.yaml:1:8: error: an alias of a value that it is itself a part of (accepted: aliases of "
       "values that are complete)"},
      {"a: \"b\nc: 2\n", "f.yaml:1:4: error: the quote that opens here is never closed"},
      {"a: 'b''\n", "f.yaml:1:4: error: the quote that opens here is never closed"},
      {"\"a\" \"b\"\n",
       "f.yaml:1:5: error: text after the end of the document (accepted: '---' on a line of its "
       "own "
       "before a further document)"},
      {"a: b\n]\n", "f.yaml:2:1: error: this is not YAML: illegal flow end"},
      {"a: [b\n", "f.yaml:2:1: error: this is not YAML: end of sequence flow not found"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.yaml);
    CHECK(first_error(row.yaml) == row.message);
  }
}

TEST_CASE("hostile texts end in a diagnostic, not in all of the memory") {
  struct Row {
    std::string yaml;
    std::string message;
  };
  std::string laughs = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n";
  std::string tower = "a0: &a0 [x]\n";
  for (int i = 1; i < 100; ++i) {
    const std::string one = "*a" + std::to_string(i - 1);
    const std::string name = "a" + std::to_string(i);
    laughs += name + ": &" + name + " [" + repeat(one + ", ", 8) + one + "]\n";
    tower += name + ": &" + name + " [" + one + "]\n";
  }
  std::string stairs;
  for (int i = 0; i < 1000; ++i) stairs += std::string(static_cast<std::size_t>(i), ' ') + "a:\n";
  const Row rows[] = {
      {repeat("[", 100'000),
       "f.yaml:1:257: error: more than 256 brackets are open (accepted: lists and maps at most 64 "
       "deep)"},
      {repeat("- ", 100'000) + "a",
       "f.yaml:1:129: error: lists and maps more than 64 deep (accepted: at most 64)"},
      {repeat("? ", 100'000),
       "f.yaml:1:129: error: lists and maps more than 64 deep (accepted: at most 64)"},
      {stairs, "f.yaml:65:65: error: lists and maps more than 64 deep (accepted: at most 64)"},
      {tower, "f.yaml:63:12: error: lists and maps more than 64 deep (accepted: at most 64)"},
      {laughs,
       "f.yaml:6:10: error: more than 200000 values, aliases written out (accepted: fewer values)"},
      {"[" + repeat(",", 4'000'000) + "]",
       "f.yaml:1:400001: error: more than 400000 brackets, commas and colons (accepted: at most "
       "200000 values in a file)"},
      {"a: &a \"" + repeat("x", 3'000'000) + "\"\nb: [*a, *a, *a]\n",
       "f.yaml:2:5: error: more than 8388608 bytes of text, aliases written out (accepted: less "
       "text)"},
      {repeat("--- a\n", 20'000),
       "f.yaml:10001:1: error: more than 10000 documents (accepted: fewer documents in a file)"},
      {repeat("x", (4 << 20) + 1),
       "f.yaml: error: the file is too long (accepted: a file of at most 4 MiB)"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.yaml.substr(0, 40));
    CHECK(first_error(row.yaml) == row.message);
  }
}

class TemporaryFolder {
 public:
  TemporaryFolder() {
    const char* base = std::getenv("TEST_TMPDIR");
    path_ = std::string(base == nullptr ? "/tmp" : base) + "/nptsim-load-XXXXXX";
    REQUIRE(::mkdtemp(path_.data()) != nullptr);
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

TEST_CASE("only an ordinary file of a sensible size is read") {
  const TemporaryFolder folder;
  std::ofstream(folder / "good.yaml") << "a: 1\n";
  std::ofstream(folder / "huge.yaml") << "";
  REQUIRE(::truncate((folder / "huge.yaml").c_str(), 100 << 20) == 0);
  REQUIRE(::mkfifo((folder / "pipe.yaml").c_str(), 0600) == 0);

  const auto good = load_file(folder / "good.yaml");
  REQUIRE(good.ok());
  CHECK(good.value()[0].pos.file == folder / "good.yaml");

  struct Row {
    const char* name;
    std::string message;
  };
  const Row rows[] = {
      {"", ": error: this is a folder (accepted: a file)"},
      {"missing.yaml", ": error: no such file"},
      {"good.yaml/x", ": error: no such file: a part of the path is not a folder"},
      {"huge.yaml", ": error: the file has 100 MiB (accepted: a file of at most 4 MiB)"},
      {"pipe.yaml", ": error: this is a pipe, socket or device (accepted: an ordinary file)"},
  };
  for (const Row& row : rows) {
    const std::string path = folder / row.name;
    const auto documents = load_file(path);
    REQUIRE_FALSE(documents.ok());
    CHECK(to_string(documents.error().at(0)) == path + row.message);
  }
}

}  // namespace
}  // namespace nptsim::yaml
