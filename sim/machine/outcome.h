// How a run ended, as each vCPU sees it (the outcomes of docs/formats.md).
#ifndef NPTSIM_SIM_MACHINE_OUTCOME_H_
#define NPTSIM_SIM_MACHINE_OUTCOME_H_

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sim/isa/registers.h"
#include "sim/machine/event.h"

namespace nptsim::machine {

enum class OutcomeKind : std::uint8_t {
  kCompletes,        // the program's end was reached
  kException,        // an exception that the guest did not survive or that nobody handled
  kSpins,            // the same machine comes back for ever, proved
  kWaits,            // for something that never comes, or the VM was stopped by another
  kGuestTerminated,  // the guest asked for its end through the GHCB
  kShutdown,         // triple fault
  kUnspecified,      // no source says what happens; the gap is named
  kUndecided,        // a bound was reached; never an answer
  kRefused,          // creation, capability, slot or launch was refused
  kVmKilled,         // the VMM or the kernel stopped the VM
  kHostFault,        // RMP violation in the host
};
std::string_view name_of(OutcomeKind kind);
std::optional<OutcomeKind> outcome_named(std::string_view name);

enum class SpinKind : std::uint8_t {
  kNone,
  kFault,   // nothing retires
  kKernel,  // the kernel loops without the guest
  kVmm,     // through user space
  kGuest,   // the guest's own loop
};
std::string_view name_of(SpinKind kind);

struct Outcome {
  Outcome() = default;
  explicit Outcome(OutcomeKind what, std::string why = "") : kind(what), text(std::move(why)) {}

  OutcomeKind kind = OutcomeKind::kUndecided;
  SpinKind spin = SpinKind::kNone;
  std::optional<unsigned> vector;            // exception
  std::optional<std::uint64_t> error_code;   // exception
  std::optional<unsigned> reason_set;        // guest-terminated
  std::optional<unsigned> reason_code;       // guest-terminated
  std::string at;                            // source text of the instruction it stopped at
  std::string who;                           // refused, vm-killed: "kvm", "qemu", ...
  std::string text;                          // what a person would see, or the gap that is named
  std::optional<bool> process_alive;         // vm-killed
  std::vector<std::string> loop;             // spins: the steps of one round
  bool survived_wrap = false;                // spins: the round advances a counter, past its wrap
  isa::Registers registers;                  // at the end; what the guest itself would read
};

struct RunResult {
  std::vector<Outcome> vcpus;      // vcpu0, vcpu1, ...
  Outcome vm;                      // kCompletes when nothing happened to the VM as a whole
  std::set<std::string> harm;      // harm flags raised
  std::string seen_by;             // guest, kernel, vmm, firmware or nobody
  std::vector<Event> events;       // empty unless they were asked for
  std::uint64_t steps = 0;
  std::vector<std::string> failed_checks;  // `.check` lines that did not hold
  std::vector<std::string> input_errors;   // instructions that the model does not execute
};

}  // namespace nptsim::machine

#endif  // NPTSIM_SIM_MACHINE_OUTCOME_H_
