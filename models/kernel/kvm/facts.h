// The facts that KVM's rows may ask for, by subject.
#ifndef NPTSIM_MODELS_KERNEL_KVM_FACTS_H_
#define NPTSIM_MODELS_KERNEL_KVM_FACTS_H_

#include "sim/rules/vocabulary.h"

namespace nptsim::kvm {

void add_exit_facts(rules::Vocabulary& vocabulary);     // the #VMEXIT and the fault
void add_vm_facts(rules::Vocabulary& vocabulary);       // the VM's type, masks, the processor
void add_memory_facts(rules::Vocabulary& vocabulary);   // slot, host mapping, nested entry
void add_vmgexit_facts(rules::Vocabulary& vocabulary);  // GHCB and MSR protocol
void add_request_facts(rules::Vocabulary& vocabulary);  // the memslot ioctl

void add_fault_actions(rules::Vocabulary& vocabulary);
void add_write_tracking(rules::Vocabulary& vocabulary);  // facts and actions
void add_emulation_actions(rules::Vocabulary& vocabulary);
void add_exit_actions(rules::Vocabulary& vocabulary);
void add_vmgexit_actions(rules::Vocabulary& vocabulary);
void add_memslot_actions(rules::Vocabulary& vocabulary);
void add_create_actions(rules::Vocabulary& vocabulary);

// Facts and actions of one subject.
void add_dirty_log(rules::Vocabulary& vocabulary);
void add_mmio_bus(rules::Vocabulary& vocabulary);
void add_pio_bus(rules::Vocabulary& vocabulary);
void add_lapic(rules::Vocabulary& vocabulary);
void add_coalesced(rules::Vocabulary& vocabulary);
void add_large_pages(rules::Vocabulary& vocabulary);
void add_mmu_role(rules::Vocabulary& vocabulary);
void add_string_io(rules::Vocabulary& vocabulary);
void add_string_io_request(rules::Vocabulary& vocabulary);

// SNP guests: private memory and the RMP.
void add_snp_facts(rules::Vocabulary& vocabulary);
void add_snp_actions(rules::Vocabulary& vocabulary);
void add_page_state_changes(rules::Vocabulary& vocabulary);  // facts and actions
void add_launch(rules::Vocabulary& vocabulary);              // KVM_SEV_SNP_LAUNCH_START, _FINISH
void add_populate(rules::Vocabulary& vocabulary);            // KVM_SEV_SNP_LAUNCH_UPDATE
void add_ap_creation(rules::Vocabulary& vocabulary);         // SVM_VMGEXIT_AP_CREATION
void add_guest_request(rules::Vocabulary& vocabulary);       // SVM_VMGEXIT_GUEST_REQUEST
void add_gmem_hole(rules::Vocabulary& vocabulary);           // fallocate of a guest_memfd
void add_teardown(rules::Vocabulary& vocabulary);            // the end of a VM

// What only proposals use.
void add_large_mmio(rules::Vocabulary& vocabulary);
void add_mmio_fault_flag(rules::Vocabulary& vocabulary);
void add_vmpls(rules::Vocabulary& vocabulary);

}  // namespace nptsim::kvm

#endif  // NPTSIM_MODELS_KERNEL_KVM_FACTS_H_
