// The end of a VM, when the last of its descriptors is closed (Linux virt/kvm/kvm_main.c
// kvm_destroy_vm, virt/kvm/guest_memfd.c kvm_gmem_release, arch/x86/kvm/x86.c kvm_arch_destroy_vm,
// arch/x86/kvm/svm/sev.c sev_vm_destroy, sev_free_vcpu).
#include <utility>

#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/launch.h"
#include "sim/arch/svm/vmrun_pages.h"

namespace nptsim::kvm {
namespace {

using machine::Outcome;
using machine::OutcomeKind;

namespace hole = kvm_uapi::hole;

// The guest_memfd that is closed is the one of the request for a hole: what happens is the same.
unsigned destroy_file(const View& view) {
  return kvm_uapi::kGmemHole.at(view.store(), 0).get(hole::kGmem) != 0;
}
unsigned destroy_vcpu(const View& view) {
  return vm_of(view).get(vm::kVmsaNext) < view.setup().vcpus;
}

// Threads that close descriptors are in no guest: a signal has brought them out, by #VMEXIT.
ActionResult leave_guest(View& view, const Args&) {
  arch::PhysicalMemory memory = view.memory();
  for (unsigned vcpu = 0; vcpu < view.setup().vcpus; ++vcpu) {
    svm::VcpuRecord& record = svm::vcpu_record(view.store(), vcpu);
    if (!record.pending.in_guest) continue;
    svm::release_vmrun_pages(view.setup().cpu, memory, record);
    record.pending.in_guest = false;
  }
  return ActionResult::done();
}

// All of the first file, or of the one behind the file that was closed last.
ActionResult take_file(View& view, const Args& args) {
  constexpr unsigned kFirst = 0;
  const Record request = kvm_uapi::kGmemHole.at(view.store(), 0);
  bool passed = args.word(0) == kFirst;
  const std::uint64_t last = request.get(hole::kGmem);
  request.set(hole::kGmem, 0);
  for (const machine::Region& region : view.setup().regions) {
    if (region.gmem == machine::kNoBacking) continue;
    if (passed) {
      request.set(hole::kGmem, region.gmem);
      request.set(hole::kOffset, 0);
      request.set(hole::kLength, region.size);
      break;
    }
    passed = region.gmem == last;
  }
  return ActionResult::done();
}

ActionResult decommission(View& view, const Args&) {
  return give(guest_firmware(view, {.command = svm::FirmwareCommand::kDecommission}).good());
}
ActionResult warn_asid_leaked(View& view, const Args&) {
  view.say("text", {{"text", std::string("failed to release guest context")}});
  return ActionResult::done();
}

// The page that KVM made for the vCPU; one that the guest made is the guest's memory.
ActionResult free_vmsa(View& view, const Args&) {
  const auto vcpu = static_cast<unsigned>(vm_of(view).get(vm::kVmsaNext));
  const HostPhysAddr page(kVcpus.at(view.store(), vcpu).get(vcpu::kOwnVmsa));
  const bool good = make_shared_page(view, page, svm::RmpPageSize::k4K);
  if (good) machine::free_frame(view.store(), page);
  return give(good);
}

ActionResult end_vcpus(View& view, const Args&) {
  Outcome outcome(OutcomeKind::kVmKilled, "the last descriptor of the VM is closed");
  outcome.who = "vmm";
  view.end_vcpus(outcome);
  return ActionResult::done();
}

}  // namespace

void add_teardown(rules::Vocabulary& v) {
  v.add(fact<destroy_file>("destroy.file", {"none", "open"}, "a guest_memfd that is still open"));
  v.add(fact<destroy_vcpu>("destroy.vcpu", {"none", "left"}, "a vCPU that is not freed yet"));
  v.add(action<leave_guest>("leave_guest", {}, "the vCPUs", "no thread is in KVM_RUN"));
  v.add(action<take_file>("take_file", {word_arg("which", {"first", "next"})},
                          "the file that is closed", "all of it"));
  v.add(giving({"firmware"}, action<decommission>("decommission", {}, "the guest's context",
                                                  "SNP_DECOMMISSION")));
  v.add(action<warn_asid_leaked>("warn_asid_leaked", {}, "nothing", "a line in the host's log"));
  v.add(giving({"reclaimed"}, action<free_vmsa>("free_vmsa", {}, "an RMP entry, a page",
                                                "rmp_make_shared of the VMSA, and it is free")));
  v.add(action<end_vcpus>("end_vcpus", {}, "the outcome of the vCPUs", "there is no VM any more"));
}

}  // namespace nptsim::kvm
