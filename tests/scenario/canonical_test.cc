// One scenario, one hash, however it is written.
#include "sim/scenario/canonical.h"

#include <string>

#include "tests/scenario/support.h"

namespace nptsim::scenario {
namespace {

std::string hash_of(const std::string& text) { return scenario_hash(only_scenario(text)); }

TEST_CASE("the canonical form is written down") {
  CHECK(
      canonical_form(only_scenario(small())) ==
      R"({"nptsim":1,"vm":{"machine":{"cpu":"milan","kernel":"kvm-7.0"},"memory":[)"
      R"({"gpa":0,"name":"ram","size":16777216},)"
      R"({"device":2,"gpa":4290772992,"name":"flash","size":4194304}],"program":{"0":["nop"]}}})");
  CHECK(hash_of(small()).size() == 16);
  CHECK(hash_of(small()) == hash_of(small()));
}

TEST_CASE("the same test written differently") {
  const std::string same[] = {
      small("map: []\n"),
      small("start: { npt: warm, begin: running, ghcb: registered }\n"),
      small("expect: { vcpu0: { outcome: completes } }\nxfail: because\nabout: text\n"),
      small("set: { vcpus: 1 }\n"),
      "nptsim: 1\n"
      "name: another name\n"
      "program: { vcpu0: [ '  nop   # comment' ] }\n"
      "memory: { flash: { size: 0x400000, gpa: 0xffc0_0000, mode: romd, device: pflash }, ram: { "
      "size: 16777216, gpa: 0x0, device: ram } }\n"
      "machine: { kernel: kvm-7.0, cpu: milan, vm: default, vcpus: 1 }\n",
  };
  for (const std::string& text : same) {
    CAPTURE(text);
    CHECK(hash_of(text) == hash_of(small()));
  }
  CHECK(hash_of(small("set: { kernel.x: on, kernel.y: 0x10 }\n")) ==
        hash_of(small("set: { kernel.y: 16, kernel.x: yes }\n")));
}

TEST_CASE("another test has another hash") {
  const std::string others[] = {
      small("map: [ { gva: 0, gpa: 0 } ]\n"),
      small("start: { npt: cold }\n"),
      small("start: { slots: [] }\n"),
      small("start: { attributes: [] }\n"),
      small("start: { cpu: { cpl: 0 } }\n"),
      small("set: { vcpus: 2 }\n"),
      small("set: { kernel.x: on }\n"),
      small("place: { code: 0x1000 }\n"),
      small("script: [ { vmm: go } ]\n"),
      small("explore: { may: [ { host: reclaim ram } ] }\n"),
  };
  for (const std::string& text : others) {
    CAPTURE(text);
    CHECK(hash_of(text) != hash_of(small()));
  }
}

}  // namespace
}  // namespace nptsim::scenario
