// What is written can be read, and says the same.
#include "sim/record/write.h"

#include <doctest/doctest.h>

#include "sim/trace/read_view.h"
#include "sim/trace/recording.h"

namespace nptsim::record {
namespace {

HostFacts some_host() {
  HostFacts host;
  host.kernel = "6.18.1";
  host.cpu = "AMD \"EPYC\" \\ 7";
  host.maxphyaddr = 48;
  host.api = 12;
  host.caps = {{"KVM_CAP_READONLY_MEM", 1}};
  return host;
}

Observation some_observation() {
  Observation seen;
  seen.events.push_back({"set_slot", std::nullopt, {{"id", "0x1"}, {"result", "EEXIST"}}});
  seen.events.push_back({"KVM_EXIT_MMIO", 1, {{"gpa", "0xd0000000"}, {"write", "no"}}});
  Ending ending;
  ending.vcpu = 1;
  ending.how = "exception";
  ending.vector = 14;
  ending.error_code = 2;
  ending.registers.emplace();
  ending.registers->gpr[isa::kRbx] = 0xffffffffffffffff;
  seen.endings.push_back(ending);
  seen.memory.push_back({"bank", 0x1008, 0x1122334455667788});
  return seen;
}

Provenance some_provenance() {
  Provenance from;
  from.id = "R01";
  from.title = "It's \"quoted\": yes";
  from.scenario = "scenarios/mmio/moved-slot.yaml";
  from.hash = "0123456789012345";
  from.point = {{"program.vcpu0", "mov al, [rbx]  # \"x\""}};
  from.vcpus = 2;
  return from;
}

trace::Recording read_back(const Observation& seen) {
  const auto recording =
      trace::read_recording(recording_text(seen, some_host(), some_provenance()), "written");
  REQUIRE_MESSAGE(recording.ok(), (recording.ok() ? "" : to_string(recording.error()[0])));
  return recording.value();
}

TEST_CASE("provenance is read back as it was written") {
  const trace::Recording recording = read_back(some_observation());
  CHECK(recording.id == "R01");
  CHECK(recording.title == some_provenance().title);
  CHECK(recording.platform.cpu == some_host().cpu);
  CHECK(recording.platform.kernel == "6.18.1");
  CHECK(recording.platform.maxphyaddr == 48);
  REQUIRE(recording.scenario);
  CHECK(recording.scenario->file == some_provenance().scenario);
  CHECK(recording.scenario->hash == "0123456789012345");  // no number, for all its digits
  CHECK(recording.scenario->point == some_provenance().point);
}

TEST_CASE("what the VMM does is every vCPU's, an exit is one's") {
  const trace::Recording recording = read_back(some_observation());
  REQUIRE(recording.events.size() == 2);
  CHECK(recording.events[0].vcpus == std::vector<unsigned>{0, 1});
  CHECK(recording.events[1].vcpus == std::vector<unsigned>{1});
}

TEST_CASE("endings and memory are read back") {
  const trace::Recording recording = read_back(some_observation());
  REQUIRE(recording.endings.size() == 1);
  const trace::RecordedEnding& ending = recording.endings[0];
  CHECK(ending.vcpu == 1);
  CHECK(ending.outcome_class == "exception");
  CHECK(ending.vector == 14);
  CHECK(ending.error_code == 2);
  CHECK(ending.registers.at("rbx") == 0xffffffffffffffff);
  CHECK(!ending.registers.contains("rax"));  // 0
  REQUIRE(recording.memory);
  CHECK(*recording.memory == some_observation().memory);
}

TEST_CASE("a run that was stopped says nothing of memory") {
  Observation seen = some_observation();
  seen.stopped = true;
  CHECK(!read_back(seen).memory);
}

TEST_CASE("every event that the recorder watches is one of the view's") {
  const auto view = trace::load_view({".", "kvm-6.18"});
  REQUIRE(view.ok());
  for (const std::string& name : read_back(some_observation()).watched) {
    CAPTURE(name);
    const auto which = view.value().find(name);
    REQUIRE(which);
    CHECK(!view.value().events()[*which].origins.empty());
  }
}

}  // namespace
}  // namespace nptsim::record
