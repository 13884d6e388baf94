// Where KVM without nested paging goes its own way, by the recording alone.
#include "sim/trace/not_shared.h"

#include <doctest/doctest.h>

#include <string>

namespace nptsim::trace {
namespace {

Recording recording_of(const std::string& kvm, const std::string& events) {
  const auto recording = read_recording(
      "id: R\nkind: recording\nconfidence: high\nvm_type: default\n"
      "platform: { maxphyaddr: 48 }\n"
      "kvm: { " +
          kvm + " }\nevents:\n" + events,
      "text");
  REQUIRE_MESSAGE(recording.ok(), (recording.ok() ? "" : to_string(recording.error()[0])));
  return recording.value();
}

// vCPU 0 parts at its event of that number.
Verdict parts_at(std::uint64_t number) {
  Verdict verdict;
  verdict.agreement = Agreement::kParts;
  verdict.streams.emplace_back();
  verdict.streams[0].parting.emplace();
  verdict.streams[0].parting->number = number;
  return verdict;
}

constexpr char kNone[] = "paging: none, capabilities: { KVM_CAP_PRE_FAULT_MEMORY: 0 }";
constexpr char kNested[] =
    "paging: nested, capabilities: { KVM_CAP_PRE_FAULT_MEMORY: 1, KVM_CAP_MULTI_ADDRESS_SPACE: 2 }";

TEST_CASE("each reason needs its event and its KVM") {
  struct Row {
    const char* events;
    std::uint64_t at;
    const char* reason;  // without nested paging; empty: none
  };
  const Row rows[] = {
      {"- { event: dirty_log, vcpu: 0, id: 1 }\n", 1, "dirty log"},
      {"- { event: pre_fault_memory, vcpu: 0, result: EOPNOTSUPP }\n", 1, "KVM_PRE_FAULT_MEMORY"},
      {"- { event: set_slot, vcpu: 0, id: 0x10001 }\n", 1, "no SMM"},
      {"- { event: set_slot, vcpu: 0, id: 1, gpa: 0x1000000000000, size: 0x1000 }\n", 1, "2^52"},
      {"- { event: set_slot, vcpu: 0, id: 1, gpa: 0xfffffffff000, size: 0x1000 }\n", 1, ""},
      {"- { event: protect, vcpu: 0 }\n- { event: KVM_EXIT_MMIO, vcpu: 0 }\n", 2, "host's mapping"},
      {"- { event: KVM_EXIT_MMIO, vcpu: 0 }\n- { event: protect, vcpu: 0 }\n", 1, ""},
      {"- { event: KVM_EXIT_MMIO, vcpu: 0 }\n", 1, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.events);
    const std::string why = not_shared(recording_of(kNone, row.events), parts_at(row.at));
    CHECK_MESSAGE((why.find(row.reason) != std::string::npos), why);
    CHECK(why.empty() == std::string(row.reason).empty());
    CHECK(not_shared(recording_of(kNested, row.events), parts_at(row.at)) == "");
  }
}

TEST_CASE("events are counted as their vCPU saw them") {
  const Recording recording = recording_of(kNone,
                                           "- { event: KVM_EXIT_MMIO, vcpu: 1 }\n"
                                           "- { event: dirty_log, vcpu: [0, 1], id: 1 }\n"
                                           "- { event: KVM_EXIT_MMIO, vcpu: 0 }\n");
  CHECK(not_shared(recording, parts_at(1)) != "");
  CHECK(not_shared(recording, parts_at(2)) == "");
  CHECK(not_shared(recording, parts_at(3)) == "");  // behind the last
}

TEST_CASE("nothing is excused that agrees, or of which nobody says how it was recorded") {
  const Recording recording = recording_of(kNone, "- { event: dirty_log, vcpu: 0, id: 1 }\n");
  Verdict agrees = parts_at(1);
  agrees.agreement = Agreement::kAgrees;
  CHECK(not_shared(recording, agrees) == "");
  Recording published = recording;
  published.kvm.reset();
  CHECK(not_shared(published, parts_at(1)) == "");
}

}  // namespace
}  // namespace nptsim::trace
