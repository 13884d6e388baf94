#include "models/kernel/kvm/model.h"

#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/mmu_role.h"
#include "models/kernel/kvm/state.h"

namespace nptsim::kvm {

const rules::Vocabulary& vocabulary() {
  static const rules::Vocabulary kVocabulary = [] {
    rules::Vocabulary v;
    add_exit_facts(v);
    add_vm_facts(v);
    add_memory_facts(v);
    add_vmgexit_facts(v);
    add_request_facts(v);
    add_fault_actions(v);
    add_write_tracking(v);
    add_emulation_actions(v);
    add_exit_actions(v);
    add_vmgexit_actions(v);
    add_memslot_actions(v);
    add_create_actions(v);
    add_dirty_log(v);
    add_mmio_bus(v);
    add_pio_bus(v);
    add_lapic(v);
    add_coalesced(v);
    add_large_mmio(v);
    add_mmio_fault_flag(v);
    add_large_pages(v);
    add_mmu_role(v);
    add_string_io(v);
    add_string_io_request(v);
    add_snp_facts(v);
    add_snp_actions(v);
    add_page_state_changes(v);
    add_launch(v);
    add_populate(v);
    add_gmem_hole(v);
    add_teardown(v);
    add_ap_creation(v);
    add_vmpls(v);
    add_guest_request(v);
    v.name_sealed_fact("guest.sealed");
    v.name_vm_fact("vm");
    return v;
  }();
  return kVocabulary;
}

void prepare(Store& store, const machine::Setup& setup) {
  const CounterId id = store.declare_counter(
      {{Space::kKernel, kVm.base + vm::kGeneration.word}, kMmioGenerationModulus});
  NPTSIM_CHECK(id == kGenerationCounter);
  if (!setup.sealed()) return;
  for (unsigned vcpu = 0; vcpu < setup.vcpus; ++vcpu) know_registers(store, vcpu);
}

}  // namespace nptsim::kvm
