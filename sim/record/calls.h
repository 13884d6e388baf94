// What a scenario's script asks of the VMM, as real calls.
#ifndef NPTSIM_SIM_RECORD_CALLS_H_
#define NPTSIM_SIM_RECORD_CALLS_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sim/machine/setup.h"
#include "sim/record/memory.h"
#include "sim/record/observation.h"
#include "sim/record/vcpu.h"
#include "sim/record/vm.h"
#include "sim/scenario/scenario.h"

namespace nptsim::record {

// The operations of `vmm: bare` that a process can do on any host.
bool can_be_called(std::string_view operation);

// One process with its VM: what calls go to.
struct Process {
  const machine::Setup& setup;
  Memory& memory;
  Vm& vm;
  Vcpu* first_vcpu = nullptr;                 // KVM_PRE_FAULT_MEMORY is a call on a vCPU
  std::map<std::uint64_t, int> guest_memfds;  // by region
};

// "done", or the name of an errno.
std::string answer_of(int error);
Observed observed_slot(const SlotCall& call, int error);

// The slots that stand in the scenario, or follow from its regions.
std::vector<SlotCall> first_slots(const machine::Machine& start, Process& process);

// Does it, and says what was seen.
std::vector<Observed> call_for_real(const machine::ScriptAct& act, const std::string& operation,
                                    Process& process);

}  // namespace nptsim::record

#endif  // NPTSIM_SIM_RECORD_CALLS_H_
