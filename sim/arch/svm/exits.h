// #VMEXIT codes: their names, and which of them are automatic for an SEV-ES guest.
#ifndef NPTSIM_SIM_ARCH_SVM_EXITS_H_
#define NPTSIM_SIM_ARCH_SVM_EXITS_H_

#include <string>
#include <string_view>

#include "sim/arch/svm/entry.h"

namespace nptsim::svm {

// APM vol. 2 rev. 3.45, appendix C. CRs, DRs and exceptions are ranges: code + number. kVc is what
// the manual calls VMEXIT_VC (15.36.9), without a number: see rule vc.reflected.
namespace exit_code {
inline constexpr u64 kReadCr0 = 0x00, kWriteCr0 = 0x10, kReadDr0 = 0x20, kReadDr7 = 0x27,
                     kWriteDr0 = 0x30, kWriteDr7 = 0x37, kException0 = 0x40, kVc = 0x5d,
                     kIntr = 0x60, kNmi = 0x61, kSmi = 0x62, kInit = 0x63, kVintr = 0x64,
                     kCr0Selective = 0x65, kReadIdtr = 0x66, kReadGdtr = 0x67, kReadLdtr = 0x68,
                     kReadTr = 0x69, kWriteIdtr = 0x6a, kWriteGdtr = 0x6b, kWriteLdtr = 0x6c,
                     kWriteTr = 0x6d, kRdtsc = 0x6e, kRdpmc = 0x6f, kPushf = 0x70, kPopf = 0x71,
                     kCpuid = 0x72, kRsm = 0x73, kIret = 0x74, kSwint = 0x75, kInvd = 0x76,
                     kPause = 0x77, kHlt = 0x78, kInvlpg = 0x79, kInvlpga = 0x7a, kIoio = 0x7b,
                     kMsr = 0x7c, kTaskSwitch = 0x7d, kFerrFreeze = 0x7e, kShutdown = 0x7f,
                     kVmrun = 0x80, kVmmcall = 0x81, kVmload = 0x82, kVmsave = 0x83, kStgi = 0x84,
                     kClgi = 0x85, kSkinit = 0x86, kRdtscp = 0x87, kIcebp = 0x88, kWbinvd = 0x89,
                     kMonitor = 0x8a, kMwait = 0x8b, kMwaitCond = 0x8c, kXsetbv = 0x8d,
                     kRdpru = 0x8e, kEferWriteTrap = 0x8f, kCr0WriteTrap = 0x90, kInvlpgb = 0xa0,
                     kInvpcid = 0xa2, kTlbsync = 0xa4, kBuslock = 0xa5, kIdleHlt = 0xa6,
                     kNpf = 0x400, kAvicIncompleteIpi = 0x401, kAvicNoAccel = 0x402,
                     kVmgexit = 0x403, kPageNotValidated = 0x404, kNotRestartable = 0x406,
                     kPmlFull = 0x407, kInvalid = ~0ull, kBusy = ~0ull - 1,
                     kIdleRequired = ~0ull - 2, kInvalidPmc = ~0ull - 3;
}  // namespace exit_code

// "NPF", "CR3_WRITE", "EXCP14"; a number in hex for codes without a name.
std::string exit_name(u64 code);

// The events that exit from an SEV-ES or SNP guest; every other intercepted one is #VC in the guest
// (APM vol. 2 rev. 3.45, 15.35.3, table 15-33). For #NPF the answer is by EXITINFO1: see
// is_automatic_npf().
struct AutomaticExit {
  u64 code;
  std::string_view event;
  bool rip_advanced;  // trap-like: the saved RIP is behind the instruction
};
inline constexpr AutomaticExit kAutomaticExits[] = {
    {0x52, "#MC", false},
    {exit_code::kIntr, "INTR", false},
    {exit_code::kNmi, "NMI", false},
    {exit_code::kSmi, "SMI", false},
    {exit_code::kInit, "INIT", false},
    {exit_code::kVintr, "VINTR", false},
    {exit_code::kPause, "PAUSE", true},
    {exit_code::kHlt, "HLT", true},
    {exit_code::kShutdown, "SHUTDOWN", false},
    {exit_code::kEferWriteTrap, "EFER write trap", true},
    {exit_code::kCr0WriteTrap + 0, "CR0 write trap", true},
    {exit_code::kCr0WriteTrap + 3, "CR3 write trap", true},
    {exit_code::kCr0WriteTrap + 4, "CR4 write trap", true},
    {exit_code::kBuslock, "BUSLOCK", false},
    {exit_code::kIdleHlt, "IDLE_HLT", true},
    {exit_code::kNpf, "NPF, only with RSV=0", false},
    {exit_code::kVmgexit, "VMGEXIT", true},
    {exit_code::kPmlFull, "PML_FULL", false},
    {exit_code::kInvalid, "INVALID", false},
    {exit_code::kBusy, "BUSY", false},
    {exit_code::kIdleRequired, "IDLE_REQUIRED", false},
    {exit_code::kInvalidPmc, "INVALID_PMC", false},
};

constexpr const AutomaticExit* find_automatic_exit(u64 code) {
  for (const AutomaticExit& row : kAutomaticExits) {
    if (row.code == code) return &row;
  }
  return nullptr;
}

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_EXITS_H_
