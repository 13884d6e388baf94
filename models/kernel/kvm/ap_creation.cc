// AP creation: a guest gives a vCPU another VMSA, a page of its own that it filled and marked by
// RMPADJUST (Linux arch/x86/kvm/svm/sev.c sev_snp_ap_creation,
// __sev_snp_update_protected_guest_state; GHCB specification, SNP AP Creation).
#include <utility>

#include "models/kernel/kvm/ap_creation.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/gmem.h"
#include "models/kernel/kvm/launch.h"
#include "sim/arch/svm/ghcb.h"
#include "sim/arch/svm/sev.h"

namespace nptsim::kvm {
namespace {

using machine::Hex;

// SW_EXITINFO1: the request in the low half, the APIC ID in the high one.
std::uint64_t creation_word(const View& view) {
  return get_bits(vcpu_of(view).get(vcpu::kExitInfo1), 31, 0);
}
std::uint64_t target_apic_id(const View& view) { return vcpu_of(view).get(vcpu::kExitInfo1) >> 32; }
Record target_record(View& view) {
  const std::uint64_t target = target_apic_id(view);
  NPTSIM_CHECK(target < view.setup().vcpus);
  return kVcpus.at(view.store(), target);
}

// --- facts ---

unsigned target(const View& view) { return target_apic_id(view) < view.setup().vcpus; }
unsigned creation(const View& view) {
  constexpr std::uint64_t kOther = 3;
  return static_cast<unsigned>(std::min(creation_word(view), kOther));
}

// RAX, what the new VMSA's SEV_FEATURES are said to be, against those of the VM.
enum Features : unsigned { kSame, kOtherInjection, kOthers };
unsigned features(const View& view) {
  const std::uint64_t differ = vcpu_of(view).get(vcpu::kRax) ^ svm::kSnpActive;
  if (differ & (svm::kRestrictedInjection | svm::kAlternateInjection)) return kOtherInjection;
  return differ != 0 ? kOthers : kSame;
}

enum VmsaAddress : unsigned { kBadAddress, kAligned2M, kGood };
unsigned vmsa_address(const View& view) {
  const std::uint64_t gpa = vcpu_of(view).get(vcpu::kExitInfo2);
  const unsigned width = view.setup().cpu.host_width();
  if ((gpa & kPageMask) != 0 || (gpa >> width) != 0) return kBadAddress;
  return gpa % kSize2M == 0 ? kAligned2M : kGood;
}

unsigned protected_state(const View& view) { return vcpu_of(view).get(vcpu::kUpdateState) != 0; }

// --- actions ---

ActionResult forget_vmsa(View& view, const Args&) {
  const Record target = target_record(view);
  target.set(vcpu::kSnpVmsaGpa, 0);
  target.set(vcpu::kApWaiting, 1);
  return ActionResult::done();
}

ActionResult set_vmsa(View& view, const Args& args) {
  constexpr unsigned kGiven = 0;
  const std::uint64_t gpa = vcpu_of(std::as_const(view)).get(vcpu::kExitInfo2);
  const Record target = target_record(view);
  target.set(vcpu::kSnpVmsaGpa, args.word(0) == kGiven ? gpa : 0);
  target.set(vcpu::kApWaiting, 1);
  return ActionResult::done();
}

// KVM_REQ_UPDATE_PROTECTED_GUEST_STATE and a kick. A vCPU that runs its guest notices at its next
// exit.
ActionResult kick_target(View& view, const Args&) {
  target_record(view).set(vcpu::kUpdateState, 1);
  return ActionResult::done();
}

ActionResult take_new_vmsa(View& view, const Args&) {
  vcpu_of(view).set(vcpu::kUpdateState, 0);
  update_protected_state(view, view.vcpu());
  return ActionResult::done();
}

}  // namespace

std::optional<HostPhysAddr> vmsa_frame(View& view, GuestPhysAddr gpa) {
  const auto place = gmem_of(view.store(), gpa.page_number());
  if (!place) {
    view.say("text", {{"text", std::string("snp: AP state update on init failed")}});
    return std::nullopt;
  }
  const bool known =
      machine::backing_page(view.store(), place->backing, place->page).frame.has_value();
  const HostPhysAddr frame = machine::populate(view.store(), place->backing, place->page);
  if (!known) make_private_page(view, frame, gpa, svm::RmpPageSize::k4K, false);
  return frame;
}

void update_protected_state(View& view, unsigned vcpu) {
  const Record record = kVcpus.at(view.store(), vcpu);
  if (!record.get(vcpu::kApWaiting)) return;
  record.set(vcpu::kApWaiting, 0);
  record.set(vcpu::kMpState, static_cast<std::uint64_t>(MpState::kHalted));
  svm::VmcbControl& control = svm::vcpu_record(view.store(), vcpu).control;
  control.vmsa = kInvalidPage;
  const GuestPhysAddr gpa(record.get(vcpu::kSnpVmsaGpa));
  if (gpa.value == 0) return;
  const auto frame = vmsa_frame(view, gpa);
  if (!frame) return;
  control.vmsa = frame->value;
  record.set(vcpu::kMpState, static_cast<std::uint64_t>(MpState::kRunnable));
  record.set(vcpu::kSnpVmsaGpa, 0);
}

void add_ap_creation(rules::Vocabulary& v) {
  v.add(fact<target>("ap.target", {"none", "some"}, "a vCPU with the APIC ID of the request"));
  v.add(fact<creation>("ap.request", {"create-on-init", "create", "destroy", "other"},
                       "SW_EXITINFO1 bits 31:0"));
  v.add(fact<features>("ap.features", {"same", "other-injection", "other"},
                       "RAX against the VM's SEV_FEATURES"));
  v.add(fact<vmsa_address>("ap.vmsa", {"no-page", "aligned-2m", "ok"}, "SW_EXITINFO2"));
  v.add(fact<protected_state>("protected_state", {"current", "pending"},
                              "KVM_REQ_UPDATE_PROTECTED_GUEST_STATE of this vCPU"));
  v.add(action<forget_vmsa>("forget_vmsa", {}, "the target vCPU",
                            "snp_vmsa_gpa = INVALID_PAGE, and it waits for a reset"));
  v.add(action<set_vmsa>("set_vmsa", {word_arg("to", {"given", "none"})}, "the target vCPU",
                         "snp_vmsa_gpa, and it waits for a reset"));
  v.add(action<kick_target>("kick_target", {}, "the target vCPU",
                            "KVM_REQ_UPDATE_PROTECTED_GUEST_STATE, and a kick"));
  v.add(action<take_new_vmsa>("take_new_vmsa", {}, "the vCPU: its VMSA, mp_state",
                              "sev_snp_init_protected_guest_state"));
}

}  // namespace nptsim::kvm
