// Who may do what with a page of an SNP host: the RMP checks that follow a translation, in their
// order, and what a failed one is to whom (APM vol. 2 rev. 3.45, 15.36.10, tables 15-38 to 15-40).
//
// kRmpAccessRows is the manual's table; check_access() does what the row of the access says. Read
// it as: nothing is checked for who only reads without the guest's key, so such a read gives
// ciphertext and never a fault.
#ifndef NPTSIM_SIM_ARCH_SVM_RMP_CHECK_H_
#define NPTSIM_SIM_ARCH_SVM_RMP_CHECK_H_

#include <span>

#include "sim/arch/svm/cpu_profile.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/rmp_choices.h"
#include "sim/arch/svm/rmp_entry.h"
#include "sim/arch/svm/rules.h"

namespace nptsim::svm {

// The elementary checks.
enum class RmpTest : u8 {
  kCovered,     // the page has an entry
  kHvOwned,     // it has none, or Assigned=0; large translations: all 512 entries
  kHvOwned4K,   // the same for the one page, whatever the translation
  kNotInUse,    // no running vCPU holds it, or HvInUseWrAllowed
  kGuestOwned,  // the entry's ASID is the guest's
  kReverseMap,  // the entry's GPA is the access's
  kMutable,     // Immutable=0
  kPageSize,    // leaf and entry are both 4 KByte, or both larger
  kValidated,
  kVmpl,  // the VMPL's mask allows the access
  kVmsa,  // the entry has the VMSA bit
};

// Whose access it is, and so who takes the fault.
enum class RmpAgent : u8 { kHost, kGuest, kSnpGuest, kDevice };

enum class RmpUse : u8 {
  kRead,
  kWrite,
  kFetch,
  kTableRead,    // a page-table entry that is only read
  kTableUpdate,  // a page-table entry whose A or D bit is set
};
inline constexpr unsigned kRmpUses = 5;
constexpr bool is_table(RmpUse use) { return use >= RmpUse::kTableRead; }

// Table 15-38 of rev. 3.45 (15-39 before). One row for each agent, use and effective C-bit.
struct RmpAccessRow {
  std::string_view name;
  RmpAgent agent;
  bool is_private;                  // the effective C-bit; only an SNP guest's is asked for
  unsigned uses;                    // bits 1 << RmpUse
  std::span<const RmpTest> checks;  // in order
};
std::span<const RmpAccessRow> rmp_access_rows();
const RmpAccessRow& access_row(RmpAgent agent, RmpUse use, bool is_private);

// What came of it.
enum class RmpOutcome : u8 {
  kAllowed,
  kNpf,                // exit 0x400: error_code is EXITINFO1, address is EXITINFO2
  kVc,                 // #VC in the guest: error_code is 0x404, address is CR2
  kPageFault,          // #PF in the host: error_code, address is CR2
  kDeviceFault,        // the IOMMU reports it; no processor takes an exception
  kGeneralProtection,  // #GP(0)
  kInvalidOpcode,      // #UD
  kInvalidExit,        // VMEXIT_INVALID
  kUnspecified,        // no source says: the rule names the gap
};
std::string_view name_of(RmpOutcome outcome);

inline constexpr u64 kVcPageNotValidated = 0x404;

struct RmpVerdict {
  RmpOutcome outcome = RmpOutcome::kAllowed;
  RuleId rule = RuleId::kRmpAllowed;
  u64 error_code = 0;
  u64 address = 0;

  bool operator==(const RmpVerdict&) const = default;
  bool allowed() const { return outcome == RmpOutcome::kAllowed; }
};

// Who asks.
struct RmpAgentState {
  RmpAgent agent = RmpAgent::kHost;
  u32 asid = 0;
  u8 vmpl = 0;
  NestedErrorRules error;  // of a guest
  bool hv_in_use_write_allowed = false;
  RmpChoices choices;
};

struct RmpAccess {
  RmpUse use = RmpUse::kRead;
  Privilege privilege = Privilege::kSupervisor;
  bool is_private = false;    // the effective C-bit, by keys.h
  HostPhysAddr spa;           // what the translation gave
  GuestPhysAddr gpa;          // of a guest: what was translated, C removed
  u64 linear = 0;             // the linear address of the access: CR2
  u64 leaf_size = kPageSize;  // of the nested leaf, the host's leaf or the IOMMU's
  bool nested_write = false;  // of a guest table access: it was a nested write
};

// True if check_access() surely allows the access: what nearly every access meets, with few words
// read. False says nothing.
bool plainly_allowed(const Rmp& rmp, const RmpAgentState& state, const RmpAccess& access);

RmpVerdict check_access(const Rmp& rmp, const RmpAgentState& state, const RmpAccess& access);

// The #NPF of a guest access whose translation was allowed: EXITINFO1 and EXITINFO2 with RMP=1 and
// `extra` bits.
RmpVerdict rmp_npf(const RmpAgentState& state, const RmpAccess& access, RuleId rule, u64 extra);

// Pages that software hands to the hardware, which writes them by their physical address: table
// 15-40. IOPM, MSRPM, AVIC tables and the nested root are only read, and not checked.
enum class HardwarePage : u8 {
  kVmcb,           // VMRUN's operand
  kHsave,          // WRMSR of VM_HSAVE_PA
  kVmsa,           // of an SEV-ES guest without SNP
  kSnpVmsa,        // of an SNP guest
  kAvicBacking,    // AVIC backing page
  kPmlBuffer,      // page modification log
  kIbsBuffer,      // rev. 3.45
  kVmsave,         // VMSAVE's operand, in the host
  kVirtualVmsave,  // VMSAVE's operand, in a guest with virtual VMSAVE
  kNestedUpdate,   // a nested table whose A or D bit is set
};
inline constexpr unsigned kHardwarePages = 10;

struct HardwarePageRow {
  HardwarePage page;
  std::string_view name;
  std::span<const RmpTest> checks;
  RmpOutcome failure;
  bool held;  // in use from VMRUN to #VMEXIT
};
std::span<const HardwarePageRow> hardware_page_rows();
const HardwarePageRow& row_of(HardwarePage page);

// `access` is looked at for its spa, and for kVirtualVmsave and kNestedUpdate as that of the
// guest's access that meets the fault.
RmpVerdict check_hardware_page(const Rmp& rmp, const RmpAgentState& state, HardwarePage page,
                               const RmpAccess& access);

// In use from a successful VMRUN to #VMEXIT: the Lock bit of the page's own entry. A page without
// an entry cannot be held, and holding it does nothing. False if another vCPU holds the page: what
// VMRUN does then no source says.
[[nodiscard]] bool hold_page(const Rmp& rmp, HostPhysAddr spa);
void release_page(const Rmp& rmp, HostPhysAddr spa);

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_RMP_CHECK_H_
