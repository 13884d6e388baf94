// The instructions of SEV-SNP that read and change RMP entries, as functions of memory, operands
// and who executes them (APM vol. 2 rev. 3.45, 15.36; vol. 3, instruction pages). An instruction is
// one step: it changes all or nothing.
//
//   a guest's       PVALIDATE, RMPADJUST, RMPQUERY    take a linear address
//   a hypervisor's  RMPUPDATE, PSMASH, RMPREAD        take a system physical address
//
// FAIL_INUSE is never a matter of chance: RmpResult::held names the page whose holder has to let
// go.
#ifndef NPTSIM_SIM_ARCH_SVM_RMP_INSTRUCTIONS_H_
#define NPTSIM_SIM_ARCH_SVM_RMP_INSTRUCTIONS_H_

#include <optional>

#include "sim/arch/svm/rmp_check.h"

namespace nptsim::svm {

// EAX (Microsoft C++ intrinsics; Linux arch/x86/include/asm/sev.h).
enum class RmpCode : u32 {
  kSuccess = 0,
  kFailInput = 1,
  kFailPermission = 2,
  kFailInuse = 3,
  kFailOverlap = 4,
  kFailSizemismatch = 6,
  kFailBadaddr = 7,
};
std::string_view name_of(RmpCode code);

struct RmpResult {
  RmpVerdict verdict;  // an exception or #NPF instead of a result, or kAllowed with the rule
  RmpCode code = RmpCode::kSuccess;  // EAX; OF ZF AF PF SF follow it
  bool carry = false;                // CF: PVALIDATE that changed nothing
  std::optional<HostPhysAddr> held =
      std::nullopt;    // FAIL_INUSE, FAIL_OVERLAP: the entry that is held
  bool flush = false;  // translations to the page must go (15.36: RMPUPDATE, PSMASH)

  bool ends() const { return verdict.allowed(); }  // it ended with a code
};

// Who executes it. The agent is kSnpGuest with its ASID and VMPL, or kHost with ASID 0; kGuest is
// any other guest.
struct RmpExecutor {
  RmpAgentState agent;
  bool snp_enabled = true;  // SYSCFG.SecureNestedPagingEn
  bool long_mode = true;    // 64-bit mode
  u8 cpl = 0;
  unsigned gpa_bits = 48;  // of the part: its raw physical width
  u8 vmpls = kVmpls;       // of the part, at most kVmpls
  bool vmpl_sss = false;   // the part has VMPL supervisor shadow stack rights
};

// What a guest's instruction found by its translation. Only looked at when the operands are good.
struct RmpGuestPage {
  GuestVirtAddr gva;
  GuestPhysAddr gpa;
  HostPhysAddr spa;
  u64 nested_size = kPageSize;  // of the nested leaf
};

struct PvalidateOperands {
  GuestVirtAddr gva;                    // rAX; of a 4-KByte request bits 11:0 are ignored
  RmpPageSize size = RmpPageSize::k4K;  // ECX bit 0
  bool validate = false;                // EDX bit 0
};
constexpr PvalidateOperands pvalidate_operands(u64 rax, u64 rcx, u64 rdx) {
  return {GuestVirtAddr(rax), static_cast<RmpPageSize>(rcx & 1), (rdx & 1) != 0};
}

struct RmpadjustOperands {
  GuestVirtAddr gva;                    // RAX
  RmpPageSize size = RmpPageSize::k4K;  // RCX bit 0
  u8 target_vmpl = 0;                   // RDX bits 7:0
  u8 permissions = 0;                   // RDX bits 15:8
  bool vmsa = false;                    // RDX bit 16
};
constexpr RmpadjustOperands rmpadjust_operands(u64 rax, u64 rcx, u64 rdx) {
  return {GuestVirtAddr(rax), static_cast<RmpPageSize>(rcx & 1), static_cast<u8>(rdx),
          static_cast<u8>(rdx >> 8), has_bit(rdx, 16)};
}

struct RmpqueryOperands {
  GuestVirtAddr gva;   // RAX
  u8 target_vmpl = 0;  // RDX bits 7:0
};
constexpr RmpqueryOperands rmpquery_operands(u64 rax, u64 rdx) {
  return {GuestVirtAddr(rax), static_cast<u8>(rdx)};
}

// The 16 bytes at RCX that RMPUPDATE reads and RMPREAD writes: the architectural form of an entry.
struct RmpOperand {
  u64 low = 0;   // the GPA
  u64 high = 0;  // bytes 8 Assigned, 9 Page_Size, 10 Immutable, 11 reserved, 12 to 15 ASID

  bool operator==(const RmpOperand&) const = default;
  constexpr GuestPhysAddr gpa() const { return GuestPhysAddr(low); }
  constexpr bool assigned() const { return has_bit(high, 0); }
  constexpr RmpPageSize size() const { return static_cast<RmpPageSize>(get_bits(high, 8, 8)); }
  constexpr bool region_status() const { return has_bit(high, 9); }  // RMPREAD only
  constexpr bool immutable() const { return has_bit(high, 16); }
  constexpr u32 asid() const { return static_cast<u32>(high >> 32); }
  constexpr u64 reserved() const {
    return high & (bit_range(7, 1) | bit_range(15, 9) | bit_range(31, 17));
  }
};
struct RmpOperandFields {
  GuestPhysAddr gpa;
  bool assigned = false;
  RmpPageSize size = RmpPageSize::k4K;
  bool immutable = false;
  u32 asid = 0;
};
constexpr RmpOperand rmp_operand(const RmpOperandFields& f) {
  return {f.gpa.value, u64{f.assigned} | u64{static_cast<u8>(f.size)} << 8 |
                           u64{f.immutable} << 16 | u64{f.asid} << 32};
}

// What the operands alone decide, before anything is translated: nothing if the instruction goes
// on.
std::optional<RmpResult> pvalidate_refusal(const RmpExecutor&, const PvalidateOperands&);
std::optional<RmpResult> rmpadjust_refusal(const RmpExecutor&, const RmpadjustOperands&);
std::optional<RmpResult> rmpquery_refusal(const RmpExecutor&, const RmpqueryOperands&);

// These ask for the refusal first; `page` is where the address leads.
RmpResult pvalidate(const Rmp&, const RmpExecutor&, const PvalidateOperands&, const RmpGuestPage&);
RmpResult rmpadjust(const Rmp&, const RmpExecutor&, const RmpadjustOperands&, const RmpGuestPage&);
struct RmpqueryResult {
  RmpResult result;
  u64 rdx = 0;                            // the target's rights in bits 15:8, VMSA in bit 16
  std::optional<u64> rcx = std::nullopt;  // the page size, where RMPQUERY leaves it there
};
RmpqueryResult rmpquery(const Rmp&, const RmpExecutor&, const RmpqueryOperands&,
                        const RmpGuestPage&);

RmpResult rmpupdate(const Rmp&, const RmpExecutor&, HostPhysAddr spa, const RmpOperand&);
RmpResult psmash(const Rmp&, const RmpExecutor&, HostPhysAddr spa);
struct RmpreadResult {
  RmpResult result;
  RmpOperand entry = {};
};
RmpreadResult rmpread(const Rmp&, const RmpExecutor&, HostPhysAddr spa);

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_RMP_INSTRUCTIONS_H_
