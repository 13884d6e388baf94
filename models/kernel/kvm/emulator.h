// What the instruction emulator finds at RIP.
#ifndef NPTSIM_MODELS_KERNEL_KVM_EMULATOR_H_
#define NPTSIM_MODELS_KERNEL_KVM_EMULATOR_H_

#include <optional>

#include "models/kernel/kvm/emulator_port.h"
#include "sim/isa/decode.h"
#include "sim/machine/view.h"

namespace nptsim::kvm {

struct Decoded {
  isa::DecodeStatus status = isa::DecodeStatus::kOk;
  std::optional<EmulatorPort::PageFault> page_fault;
  bool by_tables = false;  // decoded, and by the tables of KVM's emulator as well
};
// From the VMCB if the processor gave bytes, else from the guest's memory, which for an SEV guest
// is ciphertext to KVM. Where the guest's tables have no bytes left for it the fetch is a #PF of
// the guest (Linux arch/x86/kvm/emulate.c __do_insn_fetch_bytes).
Decoded decode_at_rip(machine::OpenView& view, isa::Instruction& instruction);

// inject_emulated_exception.
void inject_page_fault(machine::OpenView& view, const EmulatorPort::PageFault& fault);

// handle_emulation_failure traces the instruction too, with failed=1.
void trace_emulation(machine::OpenView& view, bool failed);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_EMULATOR_H_
