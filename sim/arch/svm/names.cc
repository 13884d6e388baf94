// Names of exit codes and failures, for people.
#include <cstdio>

#include "sim/arch/svm/exits.h"
#include "sim/arch/svm/fault.h"

namespace nptsim::svm {
namespace {

struct Named {
  u64 code;
  std::string_view name;
};
// APM vol. 2 rev. 3.45, appendix C, without the prefix VMEXIT_.
constexpr Named kNames[] = {
    {0x60, "INTR"},
    {0x61, "NMI"},
    {0x62, "SMI"},
    {0x63, "INIT"},
    {0x64, "VINTR"},
    {0x65, "CR0_SEL_WRITE"},
    {0x66, "IDTR_READ"},
    {0x67, "GDTR_READ"},
    {0x68, "LDTR_READ"},
    {0x69, "TR_READ"},
    {0x6a, "IDTR_WRITE"},
    {0x6b, "GDTR_WRITE"},
    {0x6c, "LDTR_WRITE"},
    {0x6d, "TR_WRITE"},
    {0x6e, "RDTSC"},
    {0x6f, "RDPMC"},
    {0x70, "PUSHF"},
    {0x71, "POPF"},
    {0x72, "CPUID"},
    {0x73, "RSM"},
    {0x74, "IRET"},
    {0x75, "SWINT"},
    {0x76, "INVD"},
    {0x77, "PAUSE"},
    {0x78, "HLT"},
    {0x79, "INVLPG"},
    {0x7a, "INVLPGA"},
    {0x7b, "IOIO"},
    {0x7c, "MSR"},
    {0x7d, "TASK_SWITCH"},
    {0x7e, "FERR_FREEZE"},
    {0x7f, "SHUTDOWN"},
    {0x80, "VMRUN"},
    {0x81, "VMMCALL"},
    {0x82, "VMLOAD"},
    {0x83, "VMSAVE"},
    {0x84, "STGI"},
    {0x85, "CLGI"},
    {0x86, "SKINIT"},
    {0x87, "RDTSCP"},
    {0x88, "ICEBP"},
    {0x89, "WBINVD"},
    {0x8a, "MONITOR"},
    {0x8b, "MWAIT"},
    {0x8c, "MWAIT_CONDITIONAL"},
    {0x8d, "XSETBV"},
    {0x8e, "RDPRU"},
    {0x8f, "EFER_WRITE_TRAP"},
    {0xa0, "INVLPGB"},
    {0xa2, "INVPCID"},
    {0xa4, "TLBSYNC"},
    {0xa5, "BUSLOCK"},
    {0xa6, "IDLE_HLT"},
    {0x400, "NPF"},
    {0x401, "AVIC_INCOMPLETE_IPI"},
    {0x402, "AVIC_NOACCEL"},
    {0x403, "VMGEXIT"},
    {0x404, "PAGE_NOT_VALIDATED"},
    {0x406, "NOT_RESTARTABLE"},
    {0x407, "PML_FULL"},
    {exit_code::kInvalid, "INVALID"},
    {exit_code::kBusy, "BUSY"},
    {exit_code::kIdleRequired, "IDLE_REQUIRED"},
    {exit_code::kInvalidPmc, "INVALID_PMC"},
};

std::string numbered(const char* before, u64 n, const char* after) {
  return before + std::to_string(n) + after;
}

}  // namespace

std::string exit_name(u64 code) {
  if (code < 0x10) return numbered("CR", code, "_READ");
  if (code < 0x20) return numbered("CR", code - 0x10, "_WRITE");
  if (code < 0x30) return numbered("DR", code - 0x20, "_READ");
  if (code < 0x40) return numbered("DR", code - 0x30, "_WRITE");
  if (code < 0x60) return numbered("EXCP", code - 0x40, "");
  if (code >= 0x90 && code < 0xa0) return numbered("CR", code - 0x90, "_WRITE_TRAP");
  for (const Named& row : kNames) {
    if (row.code == code) return std::string(row.name);
  }
  char text[24];
  std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(code));
  return text;
}

std::string_view name_of(FailureKind kind) {
  constexpr std::string_view kKinds[] = {"none",
                                         "non-canonical",
                                         "guest not present",
                                         "guest reserved bit",
                                         "guest permission",
                                         "nested not present",
                                         "nested reserved bit",
                                         "nested permission",
                                         "RMP check",
                                         "page not validated",
                                         "PML full",
                                         "unspecified"};
  return kKinds[static_cast<unsigned>(kind)];
}

}  // namespace nptsim::svm
