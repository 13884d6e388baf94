// PVALIDATE, RMPADJUST, RMPQUERY and, in a guest, RMPUPDATE, PSMASH and RMPREAD: from the registers
// to the result. The linear address goes through both dimensions as any access of the guest; the
// final page's RMP checks are the instruction's own (rmp_instructions.h).
#ifndef NPTSIM_SIM_ARCH_SVM_RMP_EXECUTE_H_
#define NPTSIM_SIM_ARCH_SVM_RMP_EXECUTE_H_

#include <optional>

#include "sim/arch/svm/rmp_instructions.h"
#include "sim/arch/svm/tlb.h"
#include "sim/arch/svm/walk_context.h"
#include "sim/arch/svm/walk_observer.h"
#include "sim/isa/outcome.h"

namespace nptsim::svm {

// Who executes it: the vCPU of the context, or the host.
RmpExecutor rmp_executor(const CpuProfile& profile, const WalkContext& context,
                         const VcpuRecord& vcpu);
RmpExecutor rmp_host_executor(const CpuProfile& profile);

struct RmpExecution {
  std::optional<Failure> failure = std::nullopt;  // the address led nowhere
  RmpResult result = {};
  std::optional<u64> rdx = std::nullopt, rcx = std::nullopt;  // what RMPQUERY leaves there
};

// One of the six, by its operands in the vCPU's registers. `operand` is what lies at RCX, for
// RMPUPDATE.
class RmpInstruction {
 public:
  RmpInstruction(const CpuProfile& profile, const WalkContext& context,
                 arch::PhysicalMemory& memory, VcpuRecord& vcpu, WalkListener* listener)
      : context_(context),
        memory_(memory),
        v_(vcpu),
        listener_(listener),
        rmp_(profile.rmp, memory),
        by_(rmp_executor(profile, context, vcpu)) {}

  RmpExecution run(isa::SpecialKind kind, const RmpOperand& operand);

 private:
  RmpExecution pvalidate_now();
  RmpExecution rmpadjust_now();
  RmpExecution rmpquery_now();
  RmpExecution by_host_address(isa::SpecialKind kind, const RmpOperand& operand);
  std::optional<Failure> find(GuestVirtAddr gva, RmpGuestPage& page);
  void tell(isa::SpecialKind kind, const RmpExecution& done) const;

  const WalkContext& context_;
  arch::PhysicalMemory& memory_;
  VcpuRecord& v_;
  WalkListener* listener_;
  Rmp rmp_;
  RmpExecutor by_;
  RmpGuestPage page_;
  bool found_ = false;
  RmpWords before_;
};

// The entry that speaks for the page: what it was, as `before`, and what it is.
void note_entry(RmpNote& note, const Rmp& rmp, HostPhysAddr spa, const RmpWords& before);

// What the hypervisor's instructions do to cached translations, in every TLB.
void flush_after_rmp_change(const CpuProfile& profile, Store& store, unsigned vcpus,
                            HostPhysAddr spa);

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_RMP_EXECUTE_H_
