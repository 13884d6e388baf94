// Every recorded case of KVM's memory slots through the model.
#include <doctest/doctest.h>

#include "tests/oracle/kvm_replay.h"

namespace nptsim::oracle::kvm {
namespace {

struct Expected {
  const char* file;
  unsigned cases, steps;  // compared: a file that says nothing would agree with anything
};
constexpr Expected kFiles[] = {
    {"kvm-api-real", 4, 57},         {"kvm-fetch-long64", 8, 17},   {"kvm-fetch-prot32", 10, 22},
    {"kvm-fetch-real", 11, 21},      {"kvm-ptab-long64", 14, 124},  {"kvm-single-long64", 147, 522},
    {"kvm-single-prot32", 111, 386}, {"kvm-single-real", 117, 409}, {"kvm-slots-long64", 16, 90},
    {"kvm-slots-prot32", 13, 69},    {"kvm-slots-real", 17, 89},    {"kvm-span-long64", 104, 453},
    {"kvm-span-prot32", 77, 335},    {"kvm-span-real", 77, 337},    {"kvm-string-long64", 91, 335},
    {"kvm-string-prot32", 92, 332},  {"kvm-string-real", 92, 344},  {"kvm-vma-long64", 12, 60},
    {"kvm-vma-prot32", 15, 74},      {"kvm-vma-real", 15, 77},
};

TEST_CASE("every recorded case ends as it did, or is listed with the reason") {
  for (const Expected& expected : kFiles) {
    const auto file = read_cases(std::string("tests/oracle/") + expected.file + ".yaml.gz");
    REQUIRE(file.ok());
    const CaseTally tally = replay(file.value());
    INFO(expected.file, "\n", report(tally));
    CHECK(tally.good());
    CHECK(tally.unknown.empty());
    CHECK(tally.all.cases == expected.cases);
    CHECK(tally.steps >= expected.steps);
  }
}

constexpr char kCase[] = R"(
- id: a
  group: g
  mode: long64
  steps:
  - {op: backing, name: b1, size: 0x1000, fill: 1}
  - {op: set_slot, slot: 1, flags: [readonly], gpa: 0x20000, size: 0x1000, backing: b1, offset: 0x0, rc: 0}
  - {op: access, kind: store, size: 4, gpa: 0x20010, value: 0x7, exits: [{exit: mmio, gpa: 0x20010, len: 4, write: 1, data: "07000000"}], nexits: 1, end: ok, rax: 0x7}
  - {op: peek, backing: b1, offset: 0x10, bytes: "959ca3aa"}
)";

CaseTally tally_of(std::string from = "", const std::string& to = "") {
  std::string text = kCase;
  if (!from.empty()) {
    REQUIRE(text.find(from) != std::string::npos);
    text.replace(text.find(from), from.size(), to);
  }
  const auto file = parse_cases("x.yaml", text);
  REQUIRE(file.ok());
  return replay(file.value());
}

TEST_CASE("a wrong recording is noticed, whatever is wrong in it") {
  CHECK(tally_of().all.match == 1);
  struct Change {
    const char *from, *to;
  };
  for (const Change& change : {Change{"rc: 0}", "rc: EINVAL}"},
                               {"len: 4, write", "len: 2, write"},
                               {"write: 1", "write: 0"},
                               {"\"07000000\"", "\"08000000\""},
                               {"nexits: 1", "nexits: 2"},
                               {"end: ok", "end: shutdown"},
                               {"rax: 0x7}", "rax: 0x8}"},
                               {"\"959ca3aa\"", "\"959ca3ab\""},
                               {"gpa: 0x20010, len", "gpa: 0x20011, len"},
                               {"[readonly]", "[]"}}) {
    INFO(change.from);
    CHECK(tally_of(change.from, change.to).all.differ == 1);
  }
}

TEST_CASE("what the replay does not know is counted and named") {
  CHECK(tally_of("op: peek", "op: frobnicate").unknown.count("op 'frobnicate'") == 1);
  CHECK(
      tally_of("kind: store", "kind: teleport").unknown.count("the kind 'teleport' is not known") ==
      1);
  CHECK(tally_of("backing: b1, offset: 0x0, rc", "backing: b7, offset: 0x0, rc").all.unknown == 1);
}

TEST_CASE("hostile values end a case and nothing else") {
  struct Change {
    const char *from, *to;
  };
  for (const Change& change : {Change{"size: 0x1000, fill", "size: 0xffffffffffffffff, fill"},
                               {"fill: 1", "fill: [1]"},
                               {"slot: 1,", "slot: 0xffffffffffffffff,"},
                               {"size: 4,", "size: 3,"},
                               {"size: 4,", "size: -1,"},
                               {"offset: 0x0", "offset: 0xfffffffffffffff0"},
                               {"bytes: \"959ca3aa\"", "bytes: \"9\""},
                               {"bytes: \"959ca3aa\"", "bytes: {}"},
                               {"gpa: 0x20010, value", "gpa: 0xffffffffffffffff, value"},
                               {"gpa: 0x20000", "gpa: 0xfffffffffffff000"},
                               {"exits: [", "exits: [4, "},
                               {"flags: [readonly]", "flags: [wishful]"},
                               {"flags: [readonly]", "flags: {}"},
                               {"kind: store", "kind: rep_stos, count: 0xffffffffffff"},
                               {"op: access", "op: {}"},
                               {"op: peek", "op: mprotect_none, size: 0x7000000000000000"}}) {
    INFO(change.from, " -> ", change.to);
    std::string text = kCase;
    text.replace(text.find(change.from), std::string_view(change.from).size(), change.to);
    const auto file = parse_cases("x.yaml", text);
    if (file.ok()) CHECK(replay(file.value()).all.match == 0);
  }
  CHECK_FALSE(parse_cases("x.yaml", "- 1\n- {id: a, mode: vm86, steps: []}\n").ok());
  CHECK_FALSE(parse_cases("x.yaml", "{}").ok());
  CHECK_FALSE(read_cases("no/such/file.yaml").ok());
}

}  // namespace
}  // namespace nptsim::oracle::kvm
