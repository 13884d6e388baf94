// Results as a run would leave them, made by hand.
#ifndef NPTSIM_TESTS_REPORT_SAMPLES_H_
#define NPTSIM_TESTS_REPORT_SAMPLES_H_

#include <string>
#include <utility>

#include "sim/report/result.h"

namespace nptsim::report {

inline machine::Outcome spinning() {
  machine::Outcome outcome(machine::OutcomeKind::kSpins);
  outcome.spin = machine::SpinKind::kFault;
  outcome.at = "mov byte ptr [rbx], 0x40";
  outcome.loop = {"vcpu0 cpu: npf (npt.permission)"};
  outcome.registers.gpr[isa::kRbx] = 0xffc00000;
  outcome.registers.gpr[isa::kRsp] = 0x9000;
  return outcome;
}

inline PointResult passed_result() {
  PointResult result;
  result.file = "flash.yaml";
  result.name = "A write spins";
  result.point = {{"kernel", "kvm-6.8"}, {"vcpus", "1"}};
  result.hash = "0123456789abcdef";
  machine::RunResult run;
  run.vcpus = {spinning()};
  run.vm = machine::Outcome(machine::OutcomeKind::kCompletes);
  run.seen_by = "kernel";
  result.run = std::move(run);
  result.milestones = {"vcpu0 cpu npf npt.permission present write user final",
                       "vcpu0 kernel decide error_pfn.ro-fault -> emulate"};
  return result;
}

inline PointResult failed_result() {
  PointResult result = passed_result();
  result.name = "A <write> & more";
  result.point.clear();
  result.status = Status::kFail;
  result.differences = {"flash.yaml:9:3: vcpu0: expected completes, but it is spins (fault)"};
  result.run->harm = {"rom-modified"};
  return result;
}

inline PointResult unreadable_result() {
  PointResult result;
  result.file = "bad.yaml";
  result.status = Status::kError;
  result.trouble = Trouble::kBadInput;
  result.why = "unknown key 'memroy'";
  return result;
}

inline Diagnostic unreadable_why() {
  return {{"bad.yaml", 3, 1}, "unknown key 'memroy'", "memory, map", "did you mean 'memory'?"};
}

inline Report sample_report() {
  Report report;
  report.verb = "run";
  report.results = {passed_result(), failed_result(), unreadable_result()};
  report.invalid = {{"flash.yaml",
                     "A write spins",
                     {{"kernel", "kvm-6.8"}, {"vcpus", "0"}},
                     "a machine has a vCPU"}};
  report.diagnostics = {unreadable_why()};
  return report;
}

}  // namespace nptsim::report

#endif  // NPTSIM_TESTS_REPORT_SAMPLES_H_
