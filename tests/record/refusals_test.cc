// What no process can make real is refused by its name.
#include "sim/record/refusals.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "sim/scenario/load.h"
#include "sim/scenario/matrix.h"

namespace nptsim::record {
namespace {

constexpr char kBegin[] =
    "nptsim: 1\n"
    "name: n\n"
    "memory: { ram: { gpa: 0, size: 2M } }\n";

// All that is said of a scenario, in one text.
std::string refused(const std::string& rest, const HostFacts* host = nullptr) {
  const auto scenarios = scenario::load_text(kBegin + rest, "n");
  REQUIRE_MESSAGE(scenarios.ok(), (scenarios.ok() ? "" : to_string(scenarios.error()[0])));
  const auto points = scenario::expand(scenarios.value().front());
  REQUIRE(points.ok());
  std::string text;
  for (const Diagnostic& one : refusals(points.value().front().scenario, host)) {
    text += to_string(one) + "\n";
  }
  return text;
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

constexpr char kMachine[] = "machine: { cpu: milan, kernel: kvm-7.0, vmm: bare }\n";
constexpr char kProgram[] = "program: { vcpu0: nop }\n";

TEST_CASE("a plain VM with slots, protections and a script can be recorded") {
  CHECK(refused(std::string(kMachine) +
                "start: { host: { ram: r } }\n"
                "script: [ { vmm: { get_dirty_log: { id: 0 } } }, { vmm: { discard: { backing: "
                "ram, size: 4K } } } ]\n" +
                kProgram) == "");
}

TEST_CASE("each thing that is a model's own is named, all at once") {
  struct Row {
    std::string text, named;
  };
  const Row rows[] = {
      {"machine: { cpu: milan, kernel: kvm-7.0, vmm: qemu }\n" + std::string(kProgram),
       "machine.vmm: qemu"},
      {std::string(kMachine) + "set: { kernel.mmio_caching: off }\n" + kProgram,
       "set.kernel.mmio_caching"},
      {std::string(kMachine) + "set: { cpu.maxphyaddr: 52 }\n" + kProgram, "set.cpu.maxphyaddr"},
      {std::string(kMachine) + "program: { vcpu0: \".load 0x1000\" }\n", ".load 0x1000"},
      {std::string(kMachine) + "start: { npt: [ { gpa: 0x1000, to: ram+0x1000 } ] }\n" + kProgram,
       "start.npt"},
      {std::string(kMachine) +
           "script: [ { vmm: { rmpupdate: { page: ram, gpa: 0, asid: 1 } } } ]\n" + kProgram,
       "'rmpupdate'"},
      {std::string(kMachine) + "start: { host: { ram: poisoned } }\n" + kProgram, "poisoned"},
  };
  for (const Row& row : rows) {
    const std::string text = refused(row.text);
    CHECK_MESSAGE(has(text, row.named), (row.named + " <> " + text));
  }
  const std::string two = refused(
      "machine: { cpu: milan, vm: snp, kernel: kvm-7.0, vmm: qemu }\n"
      "program: { vcpu0: \".fetch 0x1000\" }\n");
  CHECK(has(two, "machine.vm: snp"));
  CHECK(has(two, "machine.vmm: qemu"));
  CHECK(has(two, ".fetch"));
}

// The types that a host offers are a mask (KVM_CAP_VM_TYPES): 0x1d is all but software-protected.
TEST_CASE("of a guest of SEV it is said what it would need, and whether this host has the type") {
  HostFacts host;
  host.vm_types = 0x1;
  const std::string snp =
      "machine: { cpu: milan, vm: snp, kernel: kvm-7.0, vmm: bare }\n" + std::string(kProgram);
  CHECK(has(refused(snp, &host), "KVM_SEV_SNP_LAUNCH_START"));
  CHECK(has(refused(snp, &host), "0x1, without it"));
  host.vm_types = 0x1d;
  CHECK(has(refused(snp, &host), "0x1d, which offers the type"));
  CHECK(!has(refused(snp), "KVM_CAP_VM_TYPES"));
}

}  // namespace
}  // namespace nptsim::record
