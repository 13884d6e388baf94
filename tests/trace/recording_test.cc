#include "sim/trace/recording.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

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

TEST_CASE("an exit's reason in anybody's words") {
  const View view = view_of("kvm-6.8");
  for (const char* word : {"npf", "NPF", "EXIT_NPF", "SVM_EXIT_NPF", "0x400", "1024"}) {
    CAPTURE(word);
    const Recording one =
        recording_of(std::string("- { event: kvm_exit, vcpu: '1', reason: ") + word + " }\n");
    CHECK(one.events[0].vcpus == std::vector<unsigned>{1});
    const auto seen = see(one.events[0], view);
    REQUIRE(seen);
    CHECK(value_of(view, *seen, "reason").text == "npf");
  }
  const Recording other = recording_of("- { event: kvm_exit, reason: EXIT_IOIO }\n");
  CHECK(value_of(view, *see(other.events[0], view), "reason").text == "io");
}

TEST_CASE("line ends of another system") {
  std::string text = kHead + "events:\n- { event: npf, gpa: 0x1000 }\n";
  for (std::size_t at = text.find('\n'); at != std::string::npos; at = text.find('\n', at + 2)) {
    text.replace(at, 1, "\r\n");
  }
  const auto recording = read_recording(text, "t.yaml");
  REQUIRE_MESSAGE(recording.ok(), (recording.ok() ? "" : to_string(recording.error()[0])));
  CHECK(recording.value().vm_type == "default");
  CHECK(recording.value().events.size() == 1);
}

// A recording of a kernel that nobody names: what it was seen to do is the last candidate.
TEST_CASE("a draft with a kernel that is given") {
  const View view = view_of("");
  const std::string head =
      "id: T98\ntitle: A touch\nkind: recording\nconfidence: low\nvm_type: snp\n"
      "platform: { kernel: null }\nevents:\n";
  const auto draft_of = [&](const std::string& events) {
    auto recording = read_recording(head + events, "t.yaml");
    REQUIRE(recording.ok());
    StoryTeller teller(view);
    teller.take(recording.value());
    return draft(teller, kKernels).text;
  };
  const std::string fault = draft_of(
      "- { event: npf, gpa: 0x8000, info1: 0x500000004 }\n"
      "- { event: KVM_EXIT_MEMORY_FAULT, gpa: 0x8000, size: 0x1000, flags: 8 }\n");
  CHECK(fault.find("set:\n  cpu: [milan, genoa]\n  kernel: [given]") != std::string::npos);
  CHECK(fault.find("{ gpa: 0x8000, access: r, error: [enc], then: memory-fault }") !=
        std::string::npos);
  CHECK(fault.find("{ gpa: 0x8000, size: 4K, state: shared }") != std::string::npos);
  const std::string mapped = draft_of("- { event: npf, gpa: 0x8000, info1: 0x500000004 }\n");
  CHECK(mapped.find("then: assign }") != std::string::npos);
  CHECK(mapped.find("state: untouched") != std::string::npos);
}

// Without bits 32 and 33 an error code of a #NPF has been cut; of whom it is is not known. From bit
// 48 on it is KVM's own.
TEST_CASE("numbers that any version may have cut") {
  constexpr std::uint64_t kProcessors = 0xffff'ffff'ffff;
  const View any = view_of(""), one = view_of("kvm-7.0");
  for (const View* view : {&any, &one}) {
    const EventShape& shape = view->events()[*view->find("kvm_page_fault")];
    const auto field = shape.field("error_code");
    REQUIRE(field);
    Seen seen;
    seen.values[*field] = Value::of(std::uint64_t{0x14});
    CHECK(shape.mask(*field, seen) == (view == &any ? 0xffffffff : kProcessors));
    seen.values[*field] = Value::of(std::uint64_t{0x100000014});
    CHECK(shape.mask(*field, seen) == kProcessors);
  }
}

// Numbers that no machine here has, and threads: the first free vCPU, as a comparison takes them.
TEST_CASE("the vCPUs of a draft") {
  const View view = view_of("kvm-6.8");
  StoryTeller teller(view);
  const auto fault = view.find("kvm_page_fault");
  REQUIRE(fault);
  const EventShape& shape = view.events()[*fault];
  std::uint64_t gpa = 0xd0000000;
  for (const unsigned recorded : {219u, 1u, kFirstThread + 77, 219u, 0u}) {
    Seen seen;
    seen.event = *fault;
    seen.values[*shape.field("gpa")] = Value::of(gpa += 0x1000);
    seen.values[*shape.field("error_code")] = Value::of(std::uint64_t{0x100000004});
    teller.take(seen, recorded);
  }
  std::vector<unsigned> vcpus;
  for (const Touch& touch : teller.story().touches) vcpus.push_back(touch.vcpu);
  CHECK(vcpus == std::vector<unsigned>{0, 1, 2, 0, 3});
  CHECK(draft(teller, kKernels).text.find("vcpus: 4") != std::string::npos);
}

TEST_CASE("no draft without a touch") {
  const View view = view_of("kvm-6.8");
  StoryTeller teller(view);
  CHECK(draft(teller, kKernels).why_not != "");
}

}  // namespace
}  // namespace nptsim::trace
