// The VMSA: where an SEV-ES or SNP guest's registers are (APM vol. 2 rev. 3.45, appendix B; Linux
// `struct sev_es_save_area`). As far as an outcome depends on a field.
#ifndef NPTSIM_SIM_ARCH_SVM_VMSA_H_
#define NPTSIM_SIM_ARCH_SVM_VMSA_H_

#include <string_view>

#include "sim/base/bug.h"

namespace nptsim::svm::vmsa {

struct Field {
  std::string_view name;
  unsigned offset = 0;
};
inline constexpr unsigned kSize = 1648;
inline constexpr Field kFields[] = {
    {"es", 0x000},
    {"cs", 0x010},
    {"ss", 0x020},
    {"ds", 0x030},
    {"fs", 0x040},
    {"gs", 0x050},
    {"gdtr", 0x060},
    {"ldtr", 0x070},
    {"idtr", 0x080},
    {"tr", 0x090},
    {"vmpl", 0x0ca},
    {"cpl", 0x0cb},
    {"efer", 0x0d0},
    {"xss", 0x140},
    {"cr4", 0x148},
    {"cr3", 0x150},
    {"cr0", 0x158},
    {"dr7", 0x160},
    {"dr6", 0x168},
    {"rflags", 0x170},
    {"rip", 0x178},
    {"rsp", 0x1d8},
    {"rax", 0x1f8},
    {"cr2", 0x240},
    {"g_pat", 0x268},
    {"pkru", 0x2e8},
    {"tsc_aux", 0x2ec},
    {"rcx", 0x308},
    {"rdx", 0x310},
    {"rbx", 0x318},
    {"rbp", 0x328},
    {"rsi", 0x330},
    {"rdi", 0x338},
    {"r8", 0x340},
    {"r9", 0x348},
    {"r10", 0x350},
    {"r11", 0x358},
    {"r12", 0x360},
    {"r13", 0x368},
    {"r14", 0x370},
    {"r15", 0x378},
    {"guest_exit_info_1", 0x390},
    {"guest_exit_info_2", 0x398},
    {"guest_exit_int_info", 0x3a0},
    {"guest_nrip", 0x3a8},
    {"sev_features", 0x3b0},
    {"vintr_ctrl", 0x3b8},
    {"guest_exit_code", 0x3c0},
    {"virtual_tom", 0x3c8},
    {"event_inj", 0x3e0},
    {"xcr0", 0x3e8},
};

constexpr unsigned offset_of(std::string_view name) {
  for (const Field& field : kFields) {
    if (field.name == name) return field.offset;
  }
  NPTSIM_BUG("a field that the VMSA does not have");
}

}  // namespace nptsim::svm::vmsa

#endif  // NPTSIM_SIM_ARCH_SVM_VMSA_H_
