// How recordings that are whole are compared to their end.
#include "sim/trace/ending.h"

#include <doctest/doctest.h>

#include "sim/trace/compare_ending.h"
#include "sim/trace/recording.h"

namespace nptsim::trace {
namespace {

machine::RunResult run_that(machine::OutcomeKind kind) {
  machine::RunResult run;
  run.vcpus.emplace_back(kind);
  return run;
}

RecordedEnding ending_of(const std::string& outcome_class) {
  RecordedEnding ending;
  ending.outcome_class = outcome_class;
  return ending;
}

TEST_CASE("a register that a recording leaves out was 0") {
  machine::RunResult run = run_that(machine::OutcomeKind::kCompletes);
  run.vcpus[0].registers = {};
  run.vcpus[0].registers.gpr[isa::kRbx] = 5;
  RecordedEnding ending = ending_of("progress");
  ending.registers = {{"rip", 0}, {"rflags", 2}, {"rbx", 5}};
  CHECK(differences(ending, run).empty());
  ending.registers["rbx"] = 6;
  CHECK(differences(ending, run) ==
        std::vector<std::string>{"vcpu0 rbx: recorded 0x6, the model 0x5"});
  ending.registers.erase("rbx");
  CHECK(differences(ending, run).size() == 1);
  ending.registers.clear();  // nobody looked
  CHECK(differences(ending, run).empty());
}

TEST_CASE("another outcome is told, and nothing besides") {
  const machine::RunResult run = run_that(machine::OutcomeKind::kSpins);
  RecordedEnding ending = ending_of("progress");
  ending.registers = {{"rip", 0x1234}};
  CHECK(differences(ending, run) ==
        std::vector<std::string>{"vcpu0 ended: recorded progress, the model spins"});
  CHECK(differences(ending_of("spin"), run).empty());
}

TEST_CASE("vector and error code of an exception count") {
  machine::RunResult run = run_that(machine::OutcomeKind::kException);
  run.vcpus[0].vector = 14;
  run.vcpus[0].error_code = 2;
  RecordedEnding ending = ending_of("exception");
  ending.vector = 14;
  ending.error_code = 3;
  CHECK(differences(ending, run).size() == 1);
  ending.error_code = 2;
  CHECK(differences(ending, run).empty());
  ending.error_code.reset();
  CHECK(differences(ending, run).size() == 1);
}

TEST_CASE("memory that only one side has changed is told with its side") {
  const std::vector<MemoryChange> one = {{"bank", 8, 1}}, other = {{"bank", 8, 2}};
  CHECK(differences(one, one).empty());
  CHECK(differences(one, other) == std::vector<std::string>{"memory: recorded bank+0x8 is 0x1",
                                                            "memory: the model's bank+0x8 is 0x2"});
  CHECK(differences({}, other).size() == 1);
}

}  // namespace
}  // namespace nptsim::trace
