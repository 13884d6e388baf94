// Scenarios on the KVM of this machine beside the model. Where there is none the test says so and
// checks only that the recorder says so, too.
#include "sim/record/session.h"

#include <doctest/doctest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "models/library.h"
#include "sim/cli/points.h"
#include "sim/cli/trace_check.h"
#include "sim/record/refusals.h"
#include "sim/record/write.h"
#include "sim/scenario/build.h"
#include "sim/scenario/canonical.h"

namespace nptsim::record {
namespace {

constexpr std::uint64_t kSteps = 1'000'000;

// Null where nothing can be recorded, which is told once.
const Host* this_host() {
  static const auto kHost = Host::open();
  if (kHost.ok()) return &kHost.value();
  MESSAGE("NOT RUN FOR REAL: " << kHost.error());
  return nullptr;
}

Observation run(const cli::PointToRun& point, models::Library& library, unsigned milliseconds) {
  auto built = scenario::build(point.point.scenario, library);
  REQUIRE(built.ok());
  Limits limits;
  limits.milliseconds = milliseconds;
  auto seen = run_for_real(point.point.scenario, *built.value().machine, *this_host(), limits);
  REQUIRE_MESSAGE(seen.ok(), (seen.ok() ? "" : seen.error()));
  return std::move(seen).value();
}

// The first point of a text, run for real.
Observation run_text(const std::string& text, unsigned milliseconds = 250) {
  models::Library library(".");
  const cli::LoadedFile file = cli::load_points_of(text, "text", library);
  REQUIRE_MESSAGE(file.diagnostics.empty(),
                  (file.diagnostics.empty() ? "" : to_string(file.diagnostics[0])));
  return run(file.points.front(), library, milliseconds);
}

std::string guest(const std::string& program, const std::string& more = "") {
  return "nptsim: 1\nname: n\n"
         "machine: { cpu: milan, kernel: kvm-7.0, vmm: bare }\n"
         "memory: { ram: { gpa: 0, size: 2M } }\n" +
         more + "program:\n  vcpu0: |\n    " + program + "\n";
}

// What `record` and `check` do, one after the other.
trace::CheckedTrace recorded_and_checked(const std::string& file, std::size_t number) {
  models::Library library(".");
  const cli::LoadedFile loaded = cli::load_points(file, library);
  REQUIRE(number < loaded.points.size());
  const cli::PointToRun& point = loaded.points[number];
  CHECK(refusals(point.point.scenario, &this_host()->facts()).empty());
  Provenance from;
  from.id = "test";
  from.title = point.point.scenario.name;
  from.scenario = file;
  from.hash = scenario::scenario_hash(point.point.scenario);
  from.point = point.point.scenario.picks;
  const std::string path =
      std::filesystem::temp_directory_path() / ("recorded-" + std::to_string(getpid()) + ".yaml");
  std::ofstream(path) << recording_text(run(point, library, 250), this_host()->facts(), from);
  const auto check = cli::check_trace(path, "", library, kSteps);
  std::filesystem::remove(path);
  REQUIRE_MESSAGE(check.ok(), (check.ok() ? "" : to_string(check.error()[0])));
  return check.value().trace;
}

TEST_CASE("without a device there is a sentence that names it") {
  const auto host = Host::open("/dev/null/kvm");
  REQUIRE(!host.ok());
  CHECK(host.error().find("/dev/null/kvm") == 0);
  CHECK(!Host::open("/dev/null").ok());  // a device, but not KVM's
}

TEST_CASE("a program runs to its end, and its registers and its memory are seen") {
  if (this_host() == nullptr) return;
  const Observation seen = run_text(guest("mov rax, 0x1122334455667788\n    push rax"));
  REQUIRE(seen.endings.size() == 1);
  CHECK(seen.endings[0].how == "progress");
  REQUIRE(seen.endings[0].registers);
  CHECK(seen.endings[0].registers->gpr[isa::kRax] == 0x1122334455667788);
  CHECK(seen.events.empty());
  // The stack ends at 0x64000 (docs/places.md).
  CHECK(seen.memory == std::vector<trace::MemoryChange>{{"ram", 0x63ff8, 0x1122334455667788}});
}

TEST_CASE("a loop without an end is ended, and told as that") {
  if (this_host() == nullptr) return;
  const Observation seen = run_text(guest("again: jmp again"), 50);
  REQUIRE(seen.endings.size() == 1);
  CHECK(seen.endings[0].how == "spin");
  CHECK(seen.endings[0].detail.find("50 ms") != std::string::npos);
  CHECK(seen.stopped);
}

TEST_CASE("a loop through user space is ended as well") {
  if (this_host() == nullptr) return;
  const Observation seen =
      run_text(guest("mov dx, 0x80\n    again: out dx, al\n    jmp again"), 2000);
  CHECK(seen.endings[0].how == "spin");
  CHECK(seen.stopped);
}

TEST_CASE("an exception that nobody handles has its vector and its error code") {
  if (this_host() == nullptr) return;
  const Observation seen = run_text(guest("mov rbx, 0x40000000\n    mov [rbx], eax"));
  REQUIRE(seen.endings.size() == 1);
  CHECK(seen.endings[0].how == "exception");
  CHECK(seen.endings[0].vector == 14);
  CHECK(seen.endings[0].error_code == 2);  // a write, not present
  CHECK(seen.endings[0].registers->cr2 == 0x40000000);
}

// What this machine's KVM does in common with nested paging: calls on slots, and MMIO.
TEST_CASE("the model agrees with this machine") {
  if (this_host() == nullptr) return;
  struct Row {
    const char* file;
    std::size_t point;
  };
  const Row rows[] = {
      {"scenarios/mmio/moved-slot.yaml", 0},
      {"scenarios/mmio/slots-side-by-side.yaml", 0},
      {"scenarios/walk/guest-fault-first.yaml", 0},
  };
  for (const Row& row : rows) {
    CAPTURE(row.file);
    const trace::CheckedTrace checked = recorded_and_checked(row.file, row.point);
    CHECK_MESSAGE(trace::agreement_of(checked) == trace::Agreement::kAgrees,
                  trace::verdict_text(checked));
  }
}

}  // namespace
}  // namespace nptsim::record
