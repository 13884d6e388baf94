#include "sim/trace/recording.h"

#include <doctest/doctest.h>

#include <string>

#include "sim/trace/draft.h"
#include "tests/trace/views.h"

namespace nptsim::trace {
namespace {

const std::string kHead =
    "id: T99\ntitle: A touch\nkind: recording\nconfidence: low\nvm_type: default\n"
    "source: { url: null, medium: mail }\nplatform: { cpu: EPYC 7763, kernel: 6.11.4, cbit: null "
    "}\n"
    "initial: { access: { kind: read, gpa: 0x1000, cbit: 1, cpl: 3 } }\n";

Recording recording_of(const std::string& events) {
  auto recording = read_recording(kHead + "events:\n" + events, "t.yaml");
  REQUIRE_MESSAGE(recording.ok(), (recording.ok() ? "" : to_string(recording.error()[0])));
  return std::move(recording).value();
}

TEST_CASE("what a recording says") {
  const Recording one = recording_of(
      "- { event: kvm_exit, vcpu: [1, 2], reason: npf, info1: 0x14, note: x }\n"
      "- { event: pvalidate, result: success, count: 0 }\n"
      "- { event: npf, info1_low: 0x6, repeat: 516 }\n");
  CHECK(one.platform.cpu == "EPYC 7763");
  CHECK(!one.platform.cbit);
  REQUIRE(one.access);
  CHECK(one.access->gpa == 0x1000);
  CHECK(one.access->cpl == 3);
  REQUIRE(one.events.size() == 2);  // what happened 0 times did not happen
  CHECK(one.events[0].vcpus == std::vector<unsigned>{1, 2});
  CHECK(one.events[1].repeat == 516);
  const View view = view_of("kvm-6.8");
  const auto seen = see(one.events[0], view);
  REQUIRE(seen);
  CHECK(value_of(view, *seen, "reason").text == "npf");
  CHECK(value_of(view, *seen, "info1").number == 0x14);
}

TEST_CASE("what is missing or misspelt is said with its place") {
  for (const char* text :
       {"", "[]", "id: 1", "id: T1\nkind: rumour\nconfidence: high\nvm_type: snp\nevents: []",
        "id: T1\nkind: recording\nconfidence: high\nvm_type: snp\nevents: [ { gpa: 1 } ]",
        "id: T1\nkind: recording\nconfidence: high\nvm_type: snp\nevents: [ x ]"}) {
    CAPTURE(text);
    const auto recording = read_recording(text, "t.yaml");
    CHECK(!recording.ok());
  }
}

const std::vector<std::string> kKernels = {"kvm-5.17", "kvm-6.8", "kvm-6.11", "kvm-7.0"};

TEST_CASE("the kernel that a recording names") {
  CHECK(kernel_named("6.11.4", kKernels) == "kvm-6.11");
  CHECK(kernel_named("5.13-era with patches", kKernels) == "kvm-5.17");
  CHECK(kernel_named("6.11-rc", kKernels) == "kvm-6.8");
  CHECK(kernel_named("6.16-era", kKernels) == "kvm-6.11");
  CHECK(kernel_named("6.x development tree", kKernels) == std::nullopt);
  CHECK(kernel_named("", kKernels) == std::nullopt);
}

TEST_CASE("a draft names what was touched, and as what") {
  const View view = view_of("kvm-6.8");
  StoryTeller teller(view);
  teller.take(
      recording_of("- { event: kvm_page_fault, gpa: 0xfee00010, error_code: 0x100000006 }\n"));
  const Drafted drafted = draft(teller, kKernels);
  CHECK(drafted.why_not == "");
  CHECK(drafted.text.find("cpu: milan") != std::string::npos);
  CHECK(drafted.text.find("kernel: kvm-6.11") != std::string::npos);
  CHECK(drafted.text.find("gpa: 0xfee00000") != std::string::npos);
  CHECK(drafted.text.find("mov [rbx], al") != std::string::npos);
}

TEST_CASE("no draft without a touch") {
  const View view = view_of("kvm-6.8");
  StoryTeller teller(view);
  CHECK(draft(teller, kKernels).why_not != "");
}

}  // namespace
}  // namespace nptsim::trace
