// Accesses, and the ways a translation can fail. A failure knows no exception number and no exit
// code: exit_info.h makes the codes, cpu.h decides who gets them.
#ifndef NPTSIM_SIM_ARCH_SVM_FAULT_H_
#define NPTSIM_SIM_ARCH_SVM_FAULT_H_

#include "sim/arch/svm/entry.h"
#include "sim/arch/svm/rules.h"
#include "sim/base/address.h"

namespace nptsim::svm {

// A read-modify-write counts as a write: its fault says so too, locked or not.
enum class AccessKind : u8 { kRead, kWrite, kFetch };
inline constexpr unsigned kAccessKinds = 3;

enum class Privilege : u8 {
  kUser,                // CPL 3
  kSupervisor,          // CPL 0 to 2
  kImplicitSupervisor,  // descriptor tables, TSS and inner stacks: supervisor at any CPL, and
                        // RFLAGS.AC does not lift SMAP (APM vol. 2 rev. 3.45, 5.6.6)
};
inline constexpr unsigned kPrivileges = 3;

struct Access {
  AccessKind kind = AccessKind::kRead;
  Privilege privilege = Privilege::kSupervisor;

  bool operator==(const Access&) const = default;
};

enum class FailureKind : u8 {
  kNone,
  kNonCanonical,     // of the linear address
  kGuestNotPresent,  // the guest's own tables
  kGuestReserved,
  kGuestPermission,
  kNestedNotPresent,  // the nested tables
  kNestedReserved,
  kNestedPermission,
  kNestedRmp,         // the RMP refuses the page
  kPageNotValidated,  // the RMP has it as the guest's, which did not validate it
  kPmlFull,           // no room to log a nested D bit
  kUnspecified,       // no source says what happens: `gap` names it
};
std::string_view name_of(FailureKind kind);

constexpr bool is_guest_page_fault(FailureKind kind) {
  return kind >= FailureKind::kGuestNotPresent && kind <= FailureKind::kGuestPermission;
}
constexpr bool is_nested_page_fault(FailureKind kind) {
  return kind >= FailureKind::kNestedNotPresent && kind <= FailureKind::kNestedRmp;
}
// It is about a page that the nested tables were asked for, or gave.
constexpr bool has_gpa(FailureKind kind) {
  return is_nested_page_fault(kind) || kind == FailureKind::kPageNotValidated;
}

// What was being translated when the nested walk failed: bits 32 and 33 of EXITINFO1.
enum class Stage : u8 { kFinal, kTable };

struct Failure {
  FailureKind kind = FailureKind::kNone;
  Stage stage = Stage::kFinal;  // nested faults
  u8 level = 0;                 // of the entry that stopped the walk; 0: all levels together
  bool nested_write = false;    // nested faults: the access was a nested write
  bool is_private = false;      // nested faults: the effective C-bit
  Gap gap = Gap::kNone;         // kUnspecified
  RuleId rule = RuleId::kNone;  // which rule decided
  Access access;
  GuestVirtAddr gva;  // the first byte of the part of the access that failed
  GuestPhysAddr gpa;  // nested faults: the address that could not be translated; C removed
  HostPhysAddr spa;   // of the RMP: the page that was refused
  u64 extra = 0;      // of the RMP: what EXITINFO1 has besides

  explicit operator bool() const { return kind != FailureKind::kNone; }
};

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_FAULT_H_
