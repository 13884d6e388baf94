// One vCPU's words in Space::kVcpu: registers, VMCB control fields, pending state, TLB.
//
// Each vCPU has kVcpuPages pages. The first is a VcpuRecord: plain words with names, read and
// written in place. The others are the TLB's (tlb.h); they stay empty while it is off.
#ifndef NPTSIM_SIM_ARCH_SVM_VCPU_H_
#define NPTSIM_SIM_ARCH_SVM_VCPU_H_

#include <cstddef>
#include <type_traits>

#include "sim/arch/svm/entry.h"
#include "sim/arch/svm/exits.h"
#include "sim/base/layout.h"
#include "sim/base/store.h"
#include "sim/isa/registers.h"

namespace nptsim::svm {

// As the processor tells guests apart: VMCB 0x90 bits 1 and 2, SEV_FEATURES bit 0.
enum class GuestType : u64 { kPlain, kSev, kSevEs, kSnp };
constexpr bool has_sev(GuestType type) { return type != GuestType::kPlain; }
// The guest's registers are encrypted: SEV-ES and SNP.
constexpr bool has_sev_es(GuestType type) { return type >= GuestType::kSevEs; }

// VMCB 0x90, the bits that are no guest type (APM vol. 2 rev. 3.45, appendix B).
inline constexpr u64 kNestedGmet = bit(3), kNestedSssCheck = bit(4), kNestedVte = bit(5),
                     kNestedRogpt = bit(6), kNestedPml = bit(11);

// What the host program sets before VMRUN.
struct VmcbControl {
  u64 asid = 1;
  u64 guest_type = 0;      // GuestType
  u64 nested_ctl = 0;      // kNestedGmet...
  u64 ncr3 = 0;            // with the C-bit if the tables are encrypted with the host's key
  u64 tlb_control = 0;     // VMCB 0x5C
  u64 intercepts[4] = {};  // bit n: exit code n, 0 to 255
  u64 msr_direct = 0;      // the MSR permission map: bit n: MSR kModelledMsrs[n] is the guest's
  u64 event_inj = 0;       // VMCB 0xA8; taken at the next vmrun
  u64 ghcb_msr = 0;        // VMCB 0xA0, guest MSR C001_0130
  u64 pml_base = 0;        // VMCB 0x1C8
  u64 pml_index = 0;       // VMCB 0x1D0
  u64 allowed_sev_features = 0;                          // VMCB 0x138
  u64 host_efer = bit(8) | bit(10) | bit(11) | bit(12);  // hEFER: LME, LMA, NXE, SVME
  u64 host_cr4 = bit(5);  // hCR4: PAE; LA57 makes the nested tables 5 levels deep
  u64 guest_key = 0;      // arch::KeyId: what the memory controller holds for this ASID
  u64 vmcb = 0;           // the operand of VMRUN; 0: it lies nowhere
  u64 vmsa = 0;           // VMCB 0x108; 0: it lies nowhere
};

// What the processor tells the host program at #VMEXIT: all that a host may see of an SEV-ES guest.
struct ExitRecord {
  u64 exit_code = 0;
  u64 exit_info_1 = 0;
  u64 exit_info_2 = 0;
  u64 exit_int_info = 0;
  u64 nrip = 0;
  u64 insn_count = 0;  // VMCB 0xD0: how many of the bytes below are valid
  u64 insn_bytes[2] = {};
  u64 vmgexit_rax = 0;  // VMCB 0x110, with SEV_FEATURES.VmgexitParameter
  u64 vmgexit_cpl = 0;  // VMCB 0x118

  bool operator==(const ExitRecord&) const = default;
};

// VMSA 0x390 to 0x3A8 and 0x3C0: what the last automatic exit of an SNP-active guest told the host;
// of a reflected #VC what an exit for its event would have told (APM vol. 2 rev. 3.45, 15.36.9).
struct GuestExit {
  u64 code = 0;
  u64 info_1 = 0;
  u64 info_2 = 0;
  u64 int_info = 0;
  u64 nrip = 0;
};

// Guest state that is in no isa::Registers.
struct GuestState {
  u64 sev_features = 0;  // VMSA 0x3B0
  u64 vmpl = 0;          // VMSA 0x0CA
  u64 virtual_tom = 0;   // VMSA 0x3C8
  u64 kernel_gs_base = 0;
  u64 star = 0, lstar = 0, cstar = 0, sfmask = 0;
  u64 sysenter_cs = 0, sysenter_esp = 0, sysenter_eip = 0;
  u64 tsc = 0;  // what RDTSC answers; a scenario's value, time does not pass
  u64 tsc_aux = 0;
  u64 xcr0 = 1;
  GuestExit exit;
};

// An event that waits for delivery at the next attempt: EVENTINJ after vmrun, or an exception that
// the delivery of another made (APM vol. 2 rev. 3.45, 15.20: the format of EVENTINJ). Bit 31 valid.
struct Pending {
  u64 event = 0;
  u64 halted = 0;    // HLT without intercept: waits for an interrupt
  u64 in_guest = 0;  // between a good VMRUN and #VMEXIT
  u64 vmsa = 0;      // the page whose registers are those of this record; 0 before the first VMRUN
};

struct TlbControl {
  u64 enabled = 0;    // the TLB is modelled; off: every access walks
  u64 has_large = 0;  // it may hold 2-MByte or 1-GByte entries
};

struct VcpuRecord {
  isa::Registers registers;
  VmcbControl control;
  ExitRecord exit;
  GuestState state;
  Pending pending;
  TlbControl tlb;
};
static_assert(std::is_standard_layout_v<VcpuRecord> && std::is_trivially_copyable_v<VcpuRecord>);
static_assert(sizeof(VcpuRecord) <= kWordsPerPage * sizeof(u64));

inline constexpr u64 kVcpuPages = 4;
inline constexpr u64 kTlbPages = kVcpuPages - 1;
constexpr u64 vcpu_page(unsigned vcpu) { return vcpu * kVcpuPages; }
constexpr u64 tlb_page(unsigned vcpu, u64 n) { return vcpu_page(vcpu) + 1 + n; }

// The record in place. The reference is good until the store is copied.
inline VcpuRecord& vcpu_record(Store& store, unsigned vcpu) {
  return *reinterpret_cast<VcpuRecord*>(store.writable_page(Space::kVcpu, vcpu_page(vcpu)));
}
// To be read only. Good until the vCPU is written or the store is copied.
inline const VcpuRecord& vcpu_record(const Store& store, unsigned vcpu) {
  return *reinterpret_cast<const VcpuRecord*>(store.words_of_page(Space::kVcpu, vcpu_page(vcpu)));
}

// A vCPU that nobody has touched: every word has its default from above.
void reset_vcpu(Store& store, unsigned vcpu);

inline GuestType guest_type(const VcpuRecord& v) {
  return static_cast<GuestType>(v.control.guest_type);
}
inline bool intercepts(const VmcbControl& control, u64 exit_code) {
  return exit_code < 256 && has_bit(control.intercepts[exit_code / 64], exit_code % 64);
}
inline void set_intercept(VmcbControl& control, u64 exit_code, bool on = true) {
  u64& word = control.intercepts[exit_code / 64];
  word = with_bits(word, exit_code % 64, exit_code % 64, on);
}

// The word of a member of VcpuRecord: word_of(offsetof(VcpuRecord, control.ncr3)).
constexpr unsigned word_of(std::size_t offset) {
  return static_cast<unsigned>(offset / sizeof(u64));
}
// Names of all words of a VcpuRecord, for whoever prints a machine.
const RecordLayout& vcpu_layout();
// The same, only what the host may see of any guest: the control fields and the exit record.
const RecordLayout& vcpu_host_layout();

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_VCPU_H_
