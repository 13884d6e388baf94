// Instructions that the processor must ask its host about: which exit code each has, and what it
// does when nobody intercepts it.
#ifndef NPTSIM_SIM_ARCH_SVM_SPECIALS_H_
#define NPTSIM_SIM_ARCH_SVM_SPECIALS_H_

#include "sim/arch/svm/exits.h"
#include "sim/arch/svm/rules.h"
#include "sim/arch/svm/vcpu.h"
#include "sim/isa/instruction.h"
#include "sim/isa/special.h"

namespace nptsim::svm {

// What happens without an intercept.
enum class Native : u8 {
  kRegisters,  // isa::complete_natively: registers and memory are enough
  kControl,    // MOV to CR, CLTS, LMSW: the same, with the reserved bits and the TLB in mind
  kInterrupt,  // INT n, INT3, INTO: an event through the guest's own IDT
  kMsr,        // the register, if the model has it
  kTsc,        // RDTSC, RDTSCP, RDPID: the scenario's value
  kXcr,        // XGETBV, XSETBV
  kSwapgs,
  kFlushPage,  // INVLPG
  kFlushAsid,  // INVPCID, coarser than it must be
  kHalt,
  kUd,        // #UD: VMMCALL
  kRmp,       // PVALIDATE and its kind: the RMP
  kVmgexit,   // always exits for SEV-ES, else it is VMMCALL
  kCpuidGap,  // unspecified: nothing answers
  kPortGap,
  kUnsupported,
};

inline constexpr u64 kNoIntercept = 0xfff;  // there is no exit code for it

struct SpecialRow {
  isa::SpecialKind kind;
  u64 exit_code;  // of the first register, where it has one
  Native native;
};
const SpecialRow& special_row(isa::SpecialKind kind);

// The exit code: the row's, plus the register's number.
u64 exit_code_of(const isa::Special& special);

// What becomes of a special instruction.
enum class Verdict : u8 { kNative, kExit, kVc };
struct Decision {
  Verdict verdict = Verdict::kNative;
  RuleId rule = RuleId::kNone;
};
//   intercepted    guest           the exit code is   verdict
//   no             any                                native
//   yes            plain, SEV      any                exit
//   yes            SEV-ES, SNP     automatic          exit
//   yes            SEV-ES, SNP     another            #VC with the exit code
// An SNP-active guest has IOIO and CPUID intercepted, any SEV-ES guest VMSAVE
// (APM vol. 2 rev. 3.45, 15.35.5, 15.36).
Decision decide_special(const VmcbControl& control, u64 exit_code);

// EXITINFO1 and EXITINFO2 of an intercepted instruction (APM vol. 2 rev. 3.45, 15.8.1, 15.10.2,
// 15.11). `decode_assists`: Fn8000_000A EDX[7].
struct InterceptInfo {
  u64 info_1 = 0;
  u64 info_2 = 0;
};
InterceptInfo intercept_info(const isa::Special& special, const isa::Instruction& instruction,
                             bool decode_assists);

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_SPECIALS_H_
