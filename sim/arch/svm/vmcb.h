// The VMCB's control area in memory. The model keeps its fields as words of a vCPU (vcpu.h); these
// are their places for whoever prints or reads a VMCB (APM vol. 2 rev. 3.45, appendix B).
#ifndef NPTSIM_SIM_ARCH_SVM_VMCB_H_
#define NPTSIM_SIM_ARCH_SVM_VMCB_H_

#include <string_view>

namespace nptsim::svm::vmcb {

struct Field {
  std::string_view name;
  unsigned offset = 0;
};
inline constexpr Field kControlFields[] = {
    {"iopm_base_pa", 0x40},
    {"msrpm_base_pa", 0x48},
    {"tsc_offset", 0x50},
    {"asid", 0x58},
    {"tlb_control", 0x5c},
    {"vintr", 0x60},
    {"interrupt_shadow", 0x68},
    {"exit_code", 0x70},
    {"exit_info_1", 0x78},
    {"exit_info_2", 0x80},
    {"exit_int_info", 0x88},
    {"nested_ctl", 0x90},
    {"avic_bar", 0x98},
    {"ghcb_msr", 0xa0},
    {"event_inj", 0xa8},
    {"ncr3", 0xb0},
    {"virt_ext", 0xb8},
    {"clean", 0xc0},
    {"nrip", 0xc8},
    {"insn_count", 0xd0},
    {"insn_bytes", 0xd1},
    {"avic_backing_page", 0xe0},
    {"avic_logical_table", 0xf0},
    {"avic_physical_table", 0xf8},
    {"vmsa", 0x108},
    {"vmgexit_rax", 0x110},
    {"vmgexit_cpl", 0x118},
    {"bus_lock_counter", 0x120},
    {"allowed_sev_features", 0x138},
    {"guest_sev_features", 0x140},
    {"requested_irr", 0x150},
    {"pml_base", 0x1c8},
    {"pml_index", 0x1d0},
};

// VMCB 0x90 (APM vol. 2 rev. 3.45, 15.25, 15.34 to 15.36).
struct NestedControlBit {
  unsigned bit = 0;
  std::string_view name;
};
inline constexpr NestedControlBit kNestedControlBits[] = {
    {0, "np_enable"}, {1, "sev"},   {2, "sev_es"},  {3, "gmet"}, {4, "sss_check"},
    {5, "vte"},       {6, "rogpt"}, {7, "invlpgb"}, {11, "pml"},
};

}  // namespace nptsim::svm::vmcb

#endif  // NPTSIM_SIM_ARCH_SVM_VMCB_H_
