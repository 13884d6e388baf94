// The VM's type, the MMIO mask, and what the processor offers.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"

namespace nptsim::kvm {
namespace {

// KVM's number of the type: a default-type VM may still become an SEV guest (KVM_SEV_INIT,
// KVM_SEV_ES_INIT).
unsigned vm_type(const View& view) {
  const std::string& type = view.setup().kernel_vm_type;
  if (type == "sev") return 1;
  if (type == "sev-es") return 2;
  if (type == "snp") return 3;
  return 0;
}

unsigned guest(const View& view) { return static_cast<unsigned>(view.setup().guest_type); }
unsigned sealed(const View& view) { return view.setup().sealed(); }

unsigned enable_mmio_caching(const View& view) { return vm_of(view).get(vm::kMmioValue) != 0; }
unsigned memory_encryption(const View& view) { return view.setup().cpu.memory_encryption; }
unsigned raw_width_full(const View& view) { return view.setup().cpu.maxphyaddr >= 52; }

// svm_adjust_mmio_mask: the first reduced bit, or the one above when that is the C-bit.
unsigned adjusted_beyond(const View& view) {
  const svm::CpuProfile& cpu = view.setup().cpu;
  unsigned mask_bit = cpu.host_width();
  if (cpu.c_bit && mask_bit == *cpu.c_bit) ++mask_bit;
  return mask_bit >= 52;
}

unsigned cpu_sev(const View& view) {
  const svm::CpuProfile& cpu = view.setup().cpu;
  return cpu.features.sev && cpu.memory_encryption && cpu.features.decode_assists;
}
unsigned nrips(const View& view) { return view.setup().cpu.features.nrips; }
unsigned cpu_sev_es(const View& view) { return view.setup().cpu.features.sev_es; }
// ASIDs below the boundary are for SEV-ES and SNP.
unsigned sev_es_asids(const View& view) { return view.setup().cpu.min_sev_only_asid > 1; }

}  // namespace

void add_vm_facts(rules::Vocabulary& v) {
  constexpr bool kFixed = true;
  v.add(fact<vm_type>("vm", {"default", "sev", "sev-es", "snp"}, "kvm->arch.vm_type", kFixed));
  rules::FactDef guest_fact =
      fact<guest>("guest", {"plain", "sev", "es", "snp"}, "which SEV feature is active", kFixed);
  guest_fact.implies = {{"plain", "guest.sealed", {"no"}},
                        {"sev", "guest.sealed", {"no"}},
                        {"es", "guest.sealed", {"yes"}},
                        {"snp", "guest.sealed", {"yes"}}};
  v.add(guest_fact);
  v.add(fact<sealed>("guest.sealed", kNoYes, "the guest's registers are encrypted", kFixed));
  v.add(fact<enable_mmio_caching>("enable_mmio_caching", {"off", "on"},
                                  "there is an MMIO mask (spte.c)"));
  v.add(fact<memory_encryption>("memory_encryption", {"off", "on"},
                                "SYSCFG.MemEncryptionModEn and CPUID 8000_001Fh", kFixed));
  v.add(fact<raw_width_full>("raw_width", {"below-52", "full"}, "CPUID 8000_0008h EAX[7:0]",
                             kFixed));
  v.add(fact<adjusted_beyond>("adjusted_mask_bit", {"up-to-51", "beyond-51"},
                              "mask_bit of svm_adjust_mmio_mask", kFixed));
  v.add(fact<cpu_sev>("cpu_sev", kNoYes, "SEV with what KVM needs for it (decode assists)", kFixed));
  v.add(fact<nrips>("nrips", kNoYes, "CPUID 8000_000Ah EDX[3]", kFixed));
  v.add(fact<cpu_sev_es>("cpu_sev_es", kNoYes, "CPUID 8000_001Fh EAX[3]", kFixed));
  v.add(fact<sev_es_asids>("sev_es_asids", {"none", "some"}, "min_sev_asid above 1", kFixed));
}

}  // namespace nptsim::kvm
