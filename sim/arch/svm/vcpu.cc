#include "sim/arch/svm/vcpu.h"

#include <new>

namespace nptsim::svm {
namespace {

#define NPTSIM_WORD(name, member, meaning) \
  { name, word_of(offsetof(VcpuRecord, member)), 63, 0, meaning }

constexpr Field kRegisterFields[] = {
    NPTSIM_WORD("rax", registers.gpr[0], ""),
    NPTSIM_WORD("rcx", registers.gpr[1], ""),
    NPTSIM_WORD("rdx", registers.gpr[2], ""),
    NPTSIM_WORD("rbx", registers.gpr[3], ""),
    NPTSIM_WORD("rsp", registers.gpr[4], ""),
    NPTSIM_WORD("rbp", registers.gpr[5], ""),
    NPTSIM_WORD("rsi", registers.gpr[6], ""),
    NPTSIM_WORD("rdi", registers.gpr[7], ""),
    NPTSIM_WORD("r8", registers.gpr[8], ""),
    NPTSIM_WORD("r9", registers.gpr[9], ""),
    NPTSIM_WORD("r10", registers.gpr[10], ""),
    NPTSIM_WORD("r11", registers.gpr[11], ""),
    NPTSIM_WORD("r12", registers.gpr[12], ""),
    NPTSIM_WORD("r13", registers.gpr[13], ""),
    NPTSIM_WORD("r14", registers.gpr[14], ""),
    NPTSIM_WORD("r15", registers.gpr[15], ""),
    NPTSIM_WORD("rip", registers.rip, ""),
    NPTSIM_WORD("rflags", registers.rflags, ""),
    NPTSIM_WORD("cr0", registers.cr0, ""),
    NPTSIM_WORD("cr2", registers.cr2, ""),
    NPTSIM_WORD("cr3", registers.cr3, ""),
    NPTSIM_WORD("cr4", registers.cr4, ""),
    NPTSIM_WORD("cr8", registers.cr8, ""),
    NPTSIM_WORD("efer", registers.efer, ""),
    NPTSIM_WORD("dr6", registers.dr6, ""),
    NPTSIM_WORD("dr7", registers.dr7, ""),
    NPTSIM_WORD("pat", registers.pat, ""),
    NPTSIM_WORD("cpl", registers.cpl, ""),
    NPTSIM_WORD("interrupt_shadow", registers.interrupt_shadow, ""),
    NPTSIM_WORD("idtr.base", registers.idtr.base, ""),
    NPTSIM_WORD("idtr.limit", registers.idtr.limit, ""),
    NPTSIM_WORD("gdtr.base", registers.gdtr.base, ""),
    NPTSIM_WORD("gdtr.limit", registers.gdtr.limit, ""),
    NPTSIM_WORD("tr.base", registers.tr.base, ""),
    NPTSIM_WORD("cs.selector", registers.segments[isa::kCs].selector, ""),
    NPTSIM_WORD("cs.attributes", registers.segments[isa::kCs].attributes, ""),
    NPTSIM_WORD("ss.selector", registers.segments[isa::kSs].selector, ""),
    NPTSIM_WORD("sev_features", state.sev_features, "VMSA 0x3B0"),
    NPTSIM_WORD("vmpl", state.vmpl, "VMSA 0x0CA"),
    NPTSIM_WORD("virtual_tom", state.virtual_tom, "VMSA 0x3C8"),
    NPTSIM_WORD("kernel_gs_base", state.kernel_gs_base, ""),
    NPTSIM_WORD("tsc", state.tsc, "what RDTSC answers"),
    NPTSIM_WORD("tsc_aux", state.tsc_aux, ""),
    NPTSIM_WORD("xcr0", state.xcr0, ""),
    NPTSIM_WORD("guest_exit_code", state.exit.code, "VMSA 0x3C0"),
    NPTSIM_WORD("guest_exit_info_1", state.exit.info_1, "VMSA 0x390"),
    NPTSIM_WORD("guest_exit_info_2", state.exit.info_2, "VMSA 0x398"),
    NPTSIM_WORD("guest_exit_int_info", state.exit.int_info, "VMSA 0x3A0"),
    NPTSIM_WORD("guest_nrip", state.exit.nrip, "VMSA 0x3A8"),
    NPTSIM_WORD("pending_event", pending.event, "waits for delivery, in the format of EVENTINJ"),
    NPTSIM_WORD("halted", pending.halted, ""),
    NPTSIM_WORD("in_guest", pending.in_guest, "between VMRUN and #VMEXIT"),
    NPTSIM_WORD("vmsa_read", pending.vmsa, "the page whose registers these are"),
    NPTSIM_WORD("tlb_enabled", tlb.enabled, ""),
};

constexpr Field kHostFields[] = {
    NPTSIM_WORD("asid", control.asid, "VMCB 0x58"),
    NPTSIM_WORD("guest_type", control.guest_type, "0 plain, 1 SEV, 2 SEV-ES, 3 SNP"),
    NPTSIM_WORD("nested_ctl", control.nested_ctl, "VMCB 0x90"),
    NPTSIM_WORD("ncr3", control.ncr3, "VMCB 0xB0"),
    NPTSIM_WORD("tlb_control", control.tlb_control, "VMCB 0x5C"),
    NPTSIM_WORD("intercepts_0", control.intercepts[0], "exit codes 0x00 to 0x3F"),
    NPTSIM_WORD("intercepts_1", control.intercepts[1], "exit codes 0x40 to 0x7F"),
    NPTSIM_WORD("intercepts_2", control.intercepts[2], "exit codes 0x80 to 0xBF"),
    NPTSIM_WORD("intercepts_3", control.intercepts[3], "exit codes 0xC0 to 0xFF"),
    NPTSIM_WORD("msr_direct", control.msr_direct, "MSRs that are not intercepted"),
    NPTSIM_WORD("event_inj", control.event_inj, "VMCB 0xA8"),
    NPTSIM_WORD("ghcb_msr", control.ghcb_msr, "VMCB 0xA0"),
    NPTSIM_WORD("pml_base", control.pml_base, "VMCB 0x1C8"),
    NPTSIM_WORD("pml_index", control.pml_index, "VMCB 0x1D0"),
    NPTSIM_WORD("allowed_sev_features", control.allowed_sev_features, "VMCB 0x138"),
    NPTSIM_WORD("host_efer", control.host_efer, "EFER of the host at VMRUN"),
    NPTSIM_WORD("host_cr4", control.host_cr4, "CR4 of the host at VMRUN"),
    NPTSIM_WORD("guest_key", control.guest_key, "the key of this ASID"),
    NPTSIM_WORD("vmcb", control.vmcb, "where the VMCB lies"),
    NPTSIM_WORD("vmsa", control.vmsa, "VMCB 0x108"),
    NPTSIM_WORD("exit_code", exit.exit_code, "VMCB 0x70"),
    NPTSIM_WORD("exit_info_1", exit.exit_info_1, "VMCB 0x78"),
    NPTSIM_WORD("exit_info_2", exit.exit_info_2, "VMCB 0x80"),
    NPTSIM_WORD("exit_int_info", exit.exit_int_info, "VMCB 0x88"),
    NPTSIM_WORD("nrip", exit.nrip, "VMCB 0xC8"),
    NPTSIM_WORD("insn_count", exit.insn_count, "VMCB 0xD0"),
    NPTSIM_WORD("insn_bytes_0", exit.insn_bytes[0], "VMCB 0xD1"),
    NPTSIM_WORD("insn_bytes_1", exit.insn_bytes[1], "VMCB 0xD9"),
    NPTSIM_WORD("vmgexit_rax", exit.vmgexit_rax, "VMCB 0x110"),
    NPTSIM_WORD("vmgexit_cpl", exit.vmgexit_cpl, "VMCB 0x118"),
};
#undef NPTSIM_WORD

constexpr unsigned kRecordWords = kVcpuPages * kWordsPerPage;

}  // namespace

void reset_vcpu(Store& store, unsigned vcpu) {
  new (store.writable_page(Space::kVcpu, vcpu_page(vcpu))) VcpuRecord{};
}

const RecordLayout& vcpu_layout() {
  static constexpr RecordLayout kLayout{"vcpu", kRecordWords, kRegisterFields};
  return kLayout;
}

const RecordLayout& vcpu_host_layout() {
  static constexpr RecordLayout kLayout{"vmcb", kRecordWords, kHostFields};
  return kLayout;
}

}  // namespace nptsim::svm
