// Module load and VM creation.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "models/kernel/kvm/launch.h"
#include "sim/arch/svm/entry.h"
#include "sim/arch/svm/exits.h"
#include "sim/arch/svm/rmp_entry.h"
#include "sim/arch/svm/sev.h"

namespace nptsim::kvm {
namespace {

namespace code = svm::exit_code;

ActionResult set_mmio_mask(View& view, const Args& args) {
  constexpr unsigned kReducedWidth = 1, kNothing = 2;
  std::uint64_t value = 0;
  if (args.word(0) == kReducedWidth) {
    const svm::CpuProfile& cpu = view.setup().cpu;
    unsigned mask_bit = cpu.host_width();
    if (cpu.c_bit && mask_bit == *cpu.c_bit) ++mask_bit;
    value = bit_range(51, mask_bit) | svm::kEntryP;
  } else if (args.word(0) != kNothing) {
    value = bit(51) | svm::kEntryP;
  }
  vm_of(view).set(vm::kMmioValue, value);
  view.say("text", {{"text", "shadow_mmio_value"}, {"value", machine::Hex{value}}});
  return ActionResult::done().note(value);
}

// The VM is there; what it is to become is refused.
ActionResult refuse_init(View& view, const Args&) {
  kvm_uapi::kSevCommand.at(view.store(), 0).set(kvm_uapi::sev_cmd::kInitRefused, 1);
  return ActionResult::done();
}

// init_vmcb, init_sev_es: what svm.c intercepts with nested paging and decode assists.
constexpr std::uint64_t kIntercepts[] = {code::kIntr,
                                         code::kNmi,
                                         code::kSmi,
                                         code::kInit,
                                         code::kRdpmc,
                                         code::kCpuid,
                                         code::kInvd,
                                         code::kInvlpga,
                                         code::kHlt,
                                         code::kIoio,
                                         code::kMsr,
                                         code::kTaskSwitch,
                                         code::kShutdown,
                                         code::kVmrun,
                                         code::kVmmcall,
                                         code::kVmload,
                                         code::kVmsave,
                                         code::kStgi,
                                         code::kClgi,
                                         code::kSkinit,
                                         code::kWbinvd,
                                         code::kMonitor,
                                         code::kMwait,
                                         code::kXsetbv,
                                         code::kRdpru,
                                         code::kRsm,
                                         code::kException0 + isa::kMc,
                                         code::kException0 + isa::kAc};

void set_intercepts(svm::VmcbControl& control, svm::GuestType type) {
  for (const std::uint64_t exit : kIntercepts) svm::set_intercept(control, exit);
  if (!svm::has_sev_es(type)) svm::set_intercept(control, code::kException0 + isa::kDb);
  // sev_init_vmcb: KVM could do nothing with a #UD of a guest whose code it cannot read.
  if (!svm::has_sev(type)) svm::set_intercept(control, code::kException0 + isa::kUd);
  if (svm::has_sev_es(type)) {
    // Writes trap after the fact; registers cannot be read on the way.
    for (const unsigned cr : {0u, 4u}) svm::set_intercept(control, code::kCr0WriteTrap + cr);
    svm::set_intercept(control, code::kEferWriteTrap);
    svm::set_intercept(control, code::kReadDr7);
    svm::set_intercept(control, code::kWriteDr7);
    // sev_es_init_vmcb: XCR0 is encrypted state that KVM could not set.
    svm::set_intercept(control, code::kXsetbv, false);
  } else {
    for (const unsigned cr : {0u, 4u, 8u}) svm::set_intercept(control, code::kWriteCr0 + cr);
  }
}

// The MSR permission map: what KVM lets through for every guest, and the GHCB MSR for SEV-ES.
std::uint64_t direct_msrs(bool sealed) {
  namespace msr = svm::msr;
  std::uint64_t bits = 0;
  for (const std::uint32_t number :
       {msr::kStar, msr::kLstar, msr::kCstar, msr::kSfmask, msr::kFsBase, msr::kGsBase,
        msr::kKernelGsBase, msr::kSysenterCs, msr::kSysenterEsp, msr::kSysenterEip}) {
    bits |= svm::msr_direct_bit(number);
  }
  if (sealed) {
    for (const std::uint32_t number : {msr::kGhcb, msr::kEfer, msr::kPat, msr::kSevStatus}) {
      bits |= svm::msr_direct_bit(number);
    }
  }
  return bits;
}

// snp_safe_alloc_page: never a 2-MByte-aligned page (Linux 75253db41a46).
HostPhysAddr safe_page(Store& store) {
  const HostPhysAddr page = machine::allocate_frame(store);
  if (!page.aligned_to(kSize2M)) return page;
  const HostPhysAddr next = machine::allocate_frame(store);
  machine::free_frame(store, page);
  return next;
}

// After a launch the VMSA of an SNP guest is its page (launch.cc: snp_launch_update_vmsa).
void give_vmsa(View& view, HostPhysAddr page) {
  arch::PhysicalMemory memory = view.memory();
  const svm::Rmp rmp(view.setup().cpu.rmp, memory);
  svm::RmpEntry entry;
  entry.assigned = entry.validated = entry.vmsa = true;
  entry.gpa = kInitialVmsaGpa;
  entry.asid = view.setup().asid;
  entry.permissions[0] = svm::all_permissions(view.setup().cpu.features.vmpl_sss);
  rmp.write(page, entry);
}

// On a host with SNP it matters where the VMCB and the VMSA lie.
void place_vcpu(View& view, unsigned vcpu) {
  Store& store = view.store();
  svm::vcpu_record(store, vcpu).control.vmcb = safe_page(store).value;
  if (!view.setup().sealed()) return;
  const HostPhysAddr vmsa = safe_page(store);
  svm::vcpu_record(store, vcpu).control.vmsa = vmsa.value;
  kVcpus.at(store, vcpu).set(vcpu::kOwnVmsa, vmsa.value);
  if (view.setup().snp() && !view.setup().launch_open) give_vmsa(view, vmsa);
}

// A machine that begins behind the launch: the AMD-SP knows the guest, and that it runs.
void adopt_launched(View& view) {
  const HostPhysAddr context = machine::allocate_frame(view.store());
  arch::PhysicalMemory memory = view.memory();
  svm::SnpFirmware(view.setup().cpu, memory).adopt_running(context, view.setup().asid);
  vm_of(view).set(vm::kSnpContext, context.value);
  vm_of(view).set(vm::kLaunched, 1);
}

ActionResult create_vm(View& view, const Args&) {
  NestedTables tables = tables_of(view);
  tables.new_root();
  vm_of(view).set(vm::kCreated, 1);
  const bool sealed = view.setup().sealed();
  for (unsigned vcpu = 0; vcpu < view.setup().vcpus; ++vcpu) {
    svm::VmcbControl& control = svm::vcpu_record(view.store(), vcpu).control;
    control.ncr3 = tables.root().value;
    set_intercepts(control, view.setup().guest_type);
    control.msr_direct = direct_msrs(sealed);
    if (view.setup().cpu.checks_rmp()) place_vcpu(view, vcpu);
  }
  if (view.setup().snp() && !view.setup().launch_open) adopt_launched(view);
  return ActionResult::done();
}

ActionResult offer_readonly_mem(View& view, const Args&) {
  kvm_uapi::kVm.at(view.store(), 0).set(kvm_uapi::vm::kReadonlyMem, 1);
  return ActionResult::done();
}

}  // namespace

void add_create_actions(rules::Vocabulary& v) {
  v.add(action<set_mmio_mask>("set_mmio_mask",
                              {word_arg("from", {"bit-51", "reduced-width", "nothing"})},
                              "shadow_mmio_value", "kvm_mmu_set_mmio_spte_mask"));
  v.add(action<refuse_init>("refuse_init", {}, "the answer of KVM_SEV_INIT2",
                            "which command it was that failed"));
  v.add(action<create_vm>("create_vm", {}, "the VM, its nested root, the vCPUs' VMCBs",
                          "KVM_CREATE_VM and KVM_CREATE_VCPU"));
  v.add(action<offer_readonly_mem>("offer_readonly_mem", {}, "the VM's file descriptor",
                                   "KVM_CHECK_EXTENSION(KVM_CAP_READONLY_MEM) is 1"));
}

}  // namespace nptsim::kvm
