// Scenarios that nobody has written: with other models, and single points of large matrices.
#include "sim/scenario/large_matrix.h"
#include "sim/scenario/with_models.h"

#include <string>

#include "tests/scenario/support.h"

namespace nptsim::scenario {
namespace {

Scenario changed(const std::string& more, const ModelsChange& change) {
  const auto read = read_scenario(with_models(*only_scenario(small(more)).tree, change));
  REQUIRE_MESSAGE(read.ok(), all(read.error()));
  return read.value();
}

TEST_CASE("a model takes the place of the scenario's own, and of a list of them") {
  const Scenario one = changed("", {{{"kernel", "kvm-6.8"}}, {}});
  CHECK(one.vm.machine.kernel.value == "kvm-6.8");
  CHECK(one.vm.machine.cpu.value == "milan");
  const Scenario many = changed("set: { kernel: [kvm-6.11, kvm-7.0], kernel.x: [on, off] }\n",
                                {{{"kernel", "kvm-6.8"}}, {}});
  CHECK(many.vm.machine.kernel.value == "kvm-6.8");
  REQUIRE(many.set.size() == 1);
  CHECK(many.set[0].key.value == "kernel.x");
}

TEST_CASE("overlays come behind the scenario's own, each once") {
  const Scenario none = changed("", {{}, {"a", "b"}});
  REQUIRE(none.vm.machine.apply.size() == 2);
  CHECK(none.vm.machine.apply[1].value == "b");
  const auto with_apply = [](const std::string& apply) {
    std::string text = small();
    text.replace(text.find("kvm-7.0 }"), 9, "kvm-7.0, apply: " + apply + " }");
    const auto read = read_scenario(with_models(*only_scenario(text).tree, {{}, {"a", "b"}}));
    REQUIRE(read.ok());
    std::string names;
    for (const Text& name : read.value().vm.machine.apply) names += name.value + " ";
    return names;
  };
  CHECK(with_apply("[c]") == "c a b ");
  CHECK(with_apply("[b]") == "b a ");
}

TEST_CASE("what was claimed of the scenario's own models goes") {
  const Scenario scenario = changed("expect: { vcpu0: { outcome: spins } }\nxfail: no\n", {});
  CHECK(scenario.expect.empty());
  CHECK_FALSE(scenario.xfail.has_value());
}

TEST_CASE("points one at a time are the points of the list, and a large matrix has no limit") {
  const Scenario scenario = only_scenario(
      small("set: { vmm: [qemu, bare], kernel.x: [a, b, c], memory.flash.mode: [mmio, romd] }\n"));
  const LargeMatrix matrix(scenario);
  const auto points = expand(scenario);
  REQUIRE(points.ok());
  REQUIRE(matrix.size() == points.value().size());
  for (std::uint64_t i = matrix.size(); i-- > 0;) {  // in whatever order
    const auto point = matrix.at(i);
    REQUIRE(point.ok());
    const Point& wanted = points.value()[i];
    CHECK(point.value().scenario.picks == wanted.scenario.picks);
    CHECK(point.value().scenario.set.size() == wanted.scenario.set.size());
    CHECK(point.value().scenario.vm.machine.vmm.value == wanted.scenario.vm.machine.vmm.value);
    CHECK(point.value().scenario.setting("kernel.x") == wanted.scenario.setting("kernel.x"));
    CHECK(point.value().scenario.vm.region("flash")->romd ==
          wanted.scenario.vm.region("flash")->romd);
  }
  std::string lists = "set:\n";
  for (int i = 0; i < 20; ++i) lists += "  kernel.p" + std::to_string(i) + ": [0, 1]\n";
  const LargeMatrix large(only_scenario(small(lists)));
  CHECK(large.size() == 1u << 20);
  const auto last = large.at(large.size() - 1);
  REQUIRE(last.ok());
  CHECK(last.value().scenario.setting("kernel.p0") == "1");
  CHECK(last.value().scenario.setting("kernel.p19") == "1");
}

}  // namespace
}  // namespace nptsim::scenario
