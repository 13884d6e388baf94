// One vCPU: its registers, and KVM_RUN with a limit.
#ifndef NPTSIM_SIM_RECORD_VCPU_H_
#define NPTSIM_SIM_RECORD_VCPU_H_

#include <linux/kvm.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "sim/isa/registers.h"
#include "sim/record/fd.h"
#include "sim/record/host.h"
#include "sim/record/kvm_api.h"
#include "sim/record/vm.h"

namespace nptsim::record {

// How KVM_RUN came back for good.
enum class Came : unsigned char {
  kExit,        // kvm_run.exit_reason says why
  kErrno,       // it failed; so does exit_reason, perhaps
  kBreakpoint,  // at one of the addresses of stop_at()
  kHalted,      // the kernel keeps a vCPU in HLT that nothing will wake
  kTime,        // the limit is over
};

class Vcpu {
 public:
  using Clock = std::chrono::steady_clock;

  Vcpu() = default;
  ~Vcpu();
  Vcpu(const Vcpu&) = delete;
  Vcpu& operator=(const Vcpu&) = delete;

  // The error is a sentence with the call that failed.
  std::optional<std::string> create(const Host& host, const Vm& vm, unsigned index);
  std::optional<std::string> set_registers(const isa::Registers& registers);
  isa::Registers registers() const;

  // A linear address through the guest's tables as they are now.
  std::optional<std::uint64_t> translate(std::uint64_t linear) const;

  // At most four linear addresses, instead of those before (the breakpoints of the processor, which
  // KVM lends to a debugger: nothing in the guest's memory changes).
  std::optional<std::string> stop_at(std::span<const std::uint64_t> addresses);
  Came run(Clock::time_point deadline);
  int error() const { return error_; }

  int fd() const { return fd_.get(); }
  kvm_run& shared() { return *run_; }
  const kvm_run& shared() const { return *run_; }
  // Null where the kernel has none.
  api::CoalescedRing* coalesced_ring();

 private:
  bool halted() const;

  Fd fd_;
  kvm_run* run_ = nullptr;
  std::size_t run_size_ = 0;
  int ring_page_ = 0;
  int error_ = 0;
};

}  // namespace nptsim::record

#endif  // NPTSIM_SIM_RECORD_VCPU_H_
