// An outcome in the words of `expect:`.
#ifndef NPTSIM_SIM_REPORT_OUTCOME_TEXT_H_
#define NPTSIM_SIM_REPORT_OUTCOME_TEXT_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "sim/machine/outcome.h"

namespace nptsim::report {

// "spins (fault) at `mov byte ptr [rbx], 0x40`".
std::string describe(const machine::Outcome& outcome);

// "vcpu0 completes, vcpu1 spins (fault) at ..."; only what befell the VM, if something did.
std::string describe(const machine::RunResult& run);

// rax to r15, without rsp, that are not zero.
std::vector<std::pair<std::string, std::uint64_t>> values_read(const machine::Outcome& outcome);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_OUTCOME_TEXT_H_
