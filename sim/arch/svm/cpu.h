// The processor as a vCPU meets it: one attempt at a time, each ending in a value.
//
// An attempt is one instruction (or one iteration of a rep instruction), one access, or one event
// delivery, up to the exit or the exception that it causes. Faults are routed here: a guest #PF
// goes through the guest's own IDT, a #NPF exits or becomes #VC, an intercepted event exits. What
// an exit tells the host is in the vCPU's ExitRecord and nowhere else.
#ifndef NPTSIM_SIM_ARCH_SVM_CPU_H_
#define NPTSIM_SIM_ARCH_SVM_CPU_H_

#include <memory>

#include "sim/arch/common/physical_memory.h"
#include "sim/arch/svm/cpu_profile.h"
#include "sim/arch/svm/fault.h"
#include "sim/arch/svm/vcpu.h"
#include "sim/arch/svm/walk_observer.h"
#include "sim/isa/decode.h"
#include "sim/isa/deliver.h"

namespace nptsim::svm {

enum class AttemptKind : u8 {
  kRetired,      // done; for an instruction RIP is at the next one
  kIteration,    // one iteration of a rep instruction is done
  kDelivered,    // an event went through the guest's IDT: its handler's first instruction is next
  kExit,         // #VMEXIT: see VcpuRecord::exit (a shutdown is exit 0x7F)
  kHalted,       // HLT that nobody intercepts: waits for an interrupt
  kHostFault,    // the host takes an exception instead of entering the guest: `event`
  kUnsupported,  // the model does not execute this instruction; registers are as before
  kUnspecified,  // no source says what happens: `gap` names it; registers are as before
};
std::string_view name_of(AttemptKind kind);

struct Attempt {
  AttemptKind kind = AttemptKind::kRetired;
  RuleId rule = RuleId::kNone;  // which rule routed the event that ended the attempt
  Gap gap = Gap::kNone;
  // The translation that failed, if one did: of the instruction, the access or the delivery.
  FailureKind failure = FailureKind::kNone;
  isa::Event event = {};  // kDelivered: what was delivered; kHostFault: to the host
  u64 exit_code = 0;      // kExit
  u64 cr2 = 0;            // kDelivered: what CR2 was given, if the event has an address
  bool has_cr2 = false;
};

// An access by guest software that is no instruction: `.load`, `.store`, `.fetch` and modelled
// guest code. It has the privilege of the vCPU's CPL.
struct GuestAccess {
  AccessKind kind = AccessKind::kRead;
  GuestVirtAddr gva;
  unsigned size = 8;  // at most isa::kMaxAccess
};

class EntryRuleSets;

class Cpu {
 public:
  // `profile` must outlive the Cpu. A Cpu holds only derived data: it may serve any store.
  explicit Cpu(const CpuProfile& profile);
  ~Cpu();
  Cpu(Cpu&&) noexcept;
  Cpu& operator=(Cpu&&) noexcept;

  // What entries mean to this processor, in every state of a guest or host.
  const EntryRuleSets& entry_rules() const;

  // Where an attempt happens.
  struct Place {
    arch::PhysicalMemory& memory;
    unsigned vcpu = 0;
    WalkListener* listener = nullptr;  // told of every entry read, A/D write and decision
  };

  // The next thing that this vCPU does: a pending event's delivery, else the instruction at RIP.
  Attempt attempt_instruction(const Place& place);

  // RIP does not move. For a write `data` is stored, for the others filled.
  Attempt attempt_access(const Place& place, const GuestAccess& access, void* data);

  // Raises `event` in the guest as if the current instruction had caused it: intercepts first, then
  // the IDT; faults of the delivery combine (APM vol. 2 rev. 3.45, 8.2.9). `cr2` is for a #PF.
  Attempt deliver(const Place& place, const isa::Event& event, u64 cr2 = 0);

  // VMRUN: consistency checks, TLB_CONTROL, then EVENTINJ becomes the pending event, which the next
  // attempt delivers. An illegal state gives an exit with code INVALID, otherwise kRetired.
  Attempt vmrun(const Place& place);

  // Writes the exit record and leaves the guest: for exits that come from outside (INTR, NMI...).
  Attempt external_exit(const Place& place, u64 code, u64 info_1 = 0, u64 info_2 = 0);

  const CpuProfile& profile() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// EVENTINJ and EXITINTINFO (APM vol. 2 rev. 3.45, 15.20).
u64 event_inj_of(const isa::Event& event);
isa::Event event_of_inj(u64 event_inj);
constexpr bool event_inj_valid(u64 event_inj) { return has_bit(event_inj, 31); }

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_CPU_H_
