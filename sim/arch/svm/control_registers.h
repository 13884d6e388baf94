// Writes of control and model-specific registers: what is legal, and what they flush.
#ifndef NPTSIM_SIM_ARCH_SVM_CONTROL_REGISTERS_H_
#define NPTSIM_SIM_ARCH_SVM_CONTROL_REGISTERS_H_

#include "sim/arch/svm/cpu_profile.h"
#include "sim/arch/svm/tlb.h"
#include "sim/arch/svm/vcpu.h"

namespace nptsim::svm {

// The registers whose change may flush the TLB.
struct ControlRegisters {
  u64 cr0 = 0, cr4 = 0, efer = 0;
  bool operator==(const ControlRegisters&) const = default;
};
inline ControlRegisters control_registers(const isa::Registers& r) {
  return {r.cr0, r.cr4, r.efer};
}

// Whether MOV to CR `index` of `value` is no #GP (APM vol. 2 rev. 3.45, 3.1, 5.2.1, 5.3.2).
bool control_write_allowed(const CpuProfile& profile, const VcpuRecord& vcpu, unsigned index,
                           u64 value);

// What MOV to CR3 leaves there: with CR4.PCIDE bit 63 only says what not to flush
// (APM vol. 2 rev. 3.45, 5.5.1). More is flushed here than has to be: entries have no PCID.
u64 stored_cr3(const isa::Registers& registers);

// Whether a MOV to CR0 changes more than TS and MP: the selective intercept, exit code 0x65
// (APM vol. 2 rev. 3.45, 15.9).
bool selective_cr0_write(u64 before, u64 after);

// APM vol. 2 rev. 3.45, 5.5.3.
void flush_after_control_write(Tlb& tlb, const ControlRegisters& before, const VcpuRecord& vcpu,
                               bool cr3_was_written);

// Whether the guest reaches an MSR itself: by the permission map; GHCB and SEV_STATUS of an SEV
// guest always (APM vol. 2 rev. 3.45, 15.34.10, 15.35.7).
bool msr_is_direct(const VmcbControl& control, u32 number);

// False: the model does not have it.
bool read_msr(const VcpuRecord& vcpu, u32 number, u64& value);

enum class MsrWrite : u8 { kDone, kRefused, kUnknown };  // kRefused: #GP(0)
MsrWrite write_msr(const CpuProfile& profile, VcpuRecord& vcpu, u32 number, u64 value);

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_CONTROL_REGISTERS_H_
