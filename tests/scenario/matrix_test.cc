// Lists in `set:` make points.
#include "sim/scenario/matrix.h"

#include <optional>
#include <string>

#include "sim/report/result.h"
#include "tests/scenario/support.h"

namespace nptsim::scenario {
namespace {

std::string points_of(const std::string& more, const Contradiction& contradiction = {}) {
  const auto points = expand(only_scenario(small(more)), contradiction);
  if (!points) return all(points.error());
  std::string text;
  for (const Point& point : points.value()) {
    text += report::describe(point.scenario.picks) +
            (point.invalid.empty() ? "" : " invalid: " + point.invalid) + "\n";
  }
  return text;
}

TEST_CASE("a scenario without lists has one point without a name") {
  CHECK(points_of("set: { kernel.x: 1, vcpus: 2 }\n") == "\n");
}

TEST_CASE("the last list turns fastest") {
  CHECK(
      points_of("set: { vmm: [qemu-7.2, qemu-9.1], kernel.x: 3, kernel: [kvm-6.8, kvm-7.0] }\n") ==
      "vmm=qemu-7.2 kernel=kvm-6.8\n"
      "vmm=qemu-7.2 kernel=kvm-7.0\n"
      "vmm=qemu-9.1 kernel=kvm-6.8\n"
      "vmm=qemu-9.1 kernel=kvm-7.0\n");
}

TEST_CASE("a point has its values where they belong") {
  const Scenario scenario =
      only_scenario(small("set: { vmm: [qemu], kernel.x: [a, b], memory.flash.mode: [mmio, romd], "
                          "start.npt: cold }\n"));
  CHECK(scenario.set.size() == 4);
  const auto points = expand(scenario);
  REQUIRE(points.ok());
  REQUIRE(points.value().size() == 4);
  const Scenario& third = points.value()[2].scenario;
  CHECK(report::describe(points.value()[2].scenario.picks) ==
        "vmm=qemu kernel.x=b memory.flash.mode=mmio");
  CHECK(third.vm.machine.vmm.value == "qemu");
  CHECK_FALSE(third.vm.region("flash")->romd);
  CHECK_FALSE(third.vm.start.npt.warm);
  REQUIRE(third.set.size() == 1);
  CHECK(third.set[0].values.size() == 1);
  CHECK(third.setting("kernel.x") == "b");
  CHECK(third.setting("memory.flash.mode") == "mmio");
}

TEST_CASE("a point that contradicts itself is listed") {
  CHECK(points_of("set: { vcpus: [2, 1] }\nstart: { cpu: { vcpu1: { cpl: 3 } } }\n") ==
        "vcpus=2\n"
        "vcpus=1 invalid: start.cpu.vcpu1, but vcpus is 1\n");
  const Contradiction no_old_kernel = [](const Scenario& s) -> std::optional<std::string> {
    if (s.vm.machine.kernel.value != "kvm-5.10") return std::nullopt;
    return "kvm-5.10 knows no snp";
  };
  CHECK(points_of("set: { kernel: [kvm-5.10, kvm-7.0], vm: snp }\n", no_old_kernel) ==
        "kernel=kvm-5.10 invalid: kvm-5.10 knows no snp\n"
        "kernel=kvm-7.0\n");
}

TEST_CASE("where no point fits, or a value is none, it is an error") {
  CHECK(points_of("set: { kernel.x: [1, 2] }\nstart: { cpu: { vcpu1: { cpl: 3 } } }\n") ==
        "f.yaml:7:24: error: start.cpu.vcpu1, but vcpus is 1 (accepted: vCPUs below 1)\n");
  CHECK(points_of("set: { vcpus: [1, x] }\n") ==
        "f.yaml:6:19: error: machine.vcpus: 'x' is not a number (accepted: hex like 0xffc00000, "
        "decimal, or with K, M, G, T like 16M)\n");
}

TEST_CASE("a matrix has its limit") {
  std::string lists = "set:\n";
  for (int i = 0; i < 20; ++i) lists += "  kernel.p" + std::to_string(i) + ": [0, 1]\n";
  CHECK(points_of(lists) ==
        "f.yaml:19:3: error: set: the lists make more than 4096 points (accepted: fewer or shorter "
        "lists)\n");
}

TEST_CASE("the first expectation whose `when` holds is the point's") {
  const Scenario scenario = only_scenario(small(R"(set: { kernel: [kvm-6.8, kvm-7.0, kvm-6.1] }
expect:
  - { when: { kernel: [kvm-6.8, kvm-6.1], cpu: milan }, vcpu0: { outcome: waits } }
  - { vcpu0: { outcome: completes } }
)"));
  const auto points = expand(scenario);
  REQUIRE(points.ok());
  const char* wanted[] = {"waits", "completes", "waits"};
  for (int i = 0; i < 3; ++i) {
    const Expectation* expectation = expectation_for(points.value()[i].scenario);
    REQUIRE(expectation != nullptr);
    CHECK(expectation->vcpus.at("vcpu0").outcome->value == wanted[i]);
  }
  CHECK(expectation_for(only_scenario(small())) == nullptr);
}

}  // namespace
}  // namespace nptsim::scenario
