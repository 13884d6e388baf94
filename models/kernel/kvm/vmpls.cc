// Several VMPLs on one vCPU, as a series for KVM has them: each has its own VMSA and GHCB, and the
// guest asks for another one to be run (Lendacky, KVM mailing list, 27 August 2024, "KVM: SVM:
// Provide SEV-SNP support for running an SVSM", patches 2 and 3). Only a proposal uses it.
#include <utility>

#include "models/kernel/kvm/ap_creation.h"
#include "models/kernel/kvm/facts.h"
#include "sim/arch/svm/ghcb.h"

namespace nptsim::kvm {
namespace {

ConstRecord vmpl_of(const View& view, unsigned vcpu, std::uint64_t level) {
  return kVmpls.at(view.store(), vcpu * vmpl::kLevels + level);
}
Record vmpl_of(View& view, unsigned vcpu, std::uint64_t level) {
  return kVmpls.at(view.store(), vcpu * vmpl::kLevels + level);
}
std::uint64_t current_level(const View& view, unsigned vcpu) {
  return vmpl_of(view, vcpu, 0).get(vmpl::kCurrent);
}

// SVM_VMGEXIT_AP_CREATION, SW_EXITINFO1: request in 15:0, VMPL in 19:16, APIC ID in 63:32.
std::uint64_t ap_info(const View& view) { return vcpu_of(view).get(vcpu::kExitInfo1); }
std::uint64_t ap_level(const View& view) { return get_bits(ap_info(view), 19, 16); }
unsigned ap_vcpu(const View& view) { return static_cast<unsigned>(ap_info(view) >> 32); }

// The VMPL to run: SW_EXITINFO1 bits 31:0, or bits 39:32 of the MSR.
std::uint64_t asked_level(const View& view) {
  const std::uint64_t msr = view.control().ghcb_msr;
  if (svm::ghcb::msr_code(msr) != 0) return get_bits(msr, 39, 32);
  return get_bits(vcpu_of(view).get(vcpu::kExitInfo1), 31, 0);
}

// --- facts ---

unsigned ap_vmpl(const View& view) {
  enum : unsigned { kZero, kLower, kNone };
  const std::uint64_t level = ap_level(view);
  return level == 0 ? kZero : level < vmpl::kLevels ? kLower : kNone;
}
unsigned ap_vmpl_request(const View& view) {
  constexpr std::uint64_t kOther = 3;
  const std::uint64_t request = get_bits(ap_info(view), 31, 0) & ~bit_range(19, 16);
  return static_cast<unsigned>(std::min(request, kOther));
}
// "VMPL0 can only be replaced by another vCPU running VMPL0".
unsigned ap_replaces(const View& view) {
  return ap_vcpu(view) != view.vcpu() && current_level(view, view.vcpu()) == 0;
}

unsigned vmpl_asked(const View& view) {
  enum : unsigned { kNone, kSame, kStarting, kWithout, kReady };
  const std::uint64_t level = asked_level(view);
  if (level >= vmpl::kLevels) return kNone;
  if (level == current_level(view, view.vcpu())) return kSame;
  const ConstRecord record = vmpl_of(view, view.vcpu(), level);
  if (record.get(vmpl::kWaiting)) return kStarting;
  // That of VMPL0 the vCPU has had from its first VMRUN on.
  return record.get(vmpl::kVmsa) != 0 ? kReady : kWithout;
}

unsigned vmpl_zero(const View& view) { return vmpl_of(view, view.vcpu(), 0).get(vmpl::kVmsa) != 0; }

// --- actions ---

ActionResult set_vmpl_vmsa(View& view, const Args& args) {
  constexpr unsigned kGiven = 0;
  const std::uint64_t gpa = vcpu_of(std::as_const(view)).get(vcpu::kExitInfo2);
  const Record target = vmpl_of(view, ap_vcpu(view), ap_level(view));
  target.set(vmpl::kVmsaGpa, args.word(0) == kGiven ? gpa : 0);
  target.set(vmpl::kWaiting, 1);
  return ActionResult::done();
}

// A VMPL that never ran finds its GHCB MSR as after a reset (sev_es_vcpu_reset).
std::uint64_t first_ghcb_msr(const View& view) {
  constexpr std::uint64_t kMaxVersion = 2, kMinVersion = 1;
  return kMaxVersion << 48 | kMinVersion << 32 | view.setup().cpu.c_bit.value_or(0) << 24 |
         svm::ghcb::kMsrSevInfo;
}

// By the MSR protocol the answer is written in advance: it is there when the VMPL runs again.
void answer_in_msr(View& view) {
  svm::VmcbControl& control = view.control();
  if (svm::ghcb::msr_code(control.ghcb_msr) != 0) control.ghcb_msr = svm::ghcb::kMsrRunVmpl;
}

// The vCPU leaves its VMPL, with VMSA and GHCB, for that of the target.
void change_level(View& view, std::uint64_t level) {
  const unsigned vcpu = view.vcpu();
  svm::VmcbControl& control = view.control();
  const Record vcpu_record = vcpu_of(view);
  const Record old = vmpl_of(view, vcpu, current_level(view, vcpu));
  old.set(vmpl::kVmsa, control.vmsa);
  old.set(vmpl::kGhcbMsr, control.ghcb_msr);
  old.set(vmpl::kRegisteredGhcb, vcpu_record.get(vcpu::kRegisteredGhcb));
  old.set(vmpl::kKnown, 1);
  const Record next = vmpl_of(view, vcpu, level);
  control.vmsa = next.get(vmpl::kVmsa) != 0 ? next.get(vmpl::kVmsa) : kInvalidPage;
  control.ghcb_msr = next.get(vmpl::kKnown) ? next.get(vmpl::kGhcbMsr) : first_ghcb_msr(view);
  vcpu_record.set(vcpu::kRegisteredGhcb, next.get(vmpl::kRegisteredGhcb));
  vmpl_of(view, vcpu, 0).set(vmpl::kCurrent, level);
}

// __sev_snp_update_protected_guest_state for a VMPL that waits for its first VMSA, or for another.
ActionResult start_vmpl(View& view, const Args&) {
  const std::uint64_t level = asked_level(view);
  const Record target = vmpl_of(view, view.vcpu(), level);
  const GuestPhysAddr gpa(target.get(vmpl::kVmsaGpa));
  const auto frame = gpa.value != 0 ? vmsa_frame(view, gpa) : std::nullopt;
  target.set(vmpl::kWaiting, 0);
  target.set(vmpl::kVmsa, frame ? frame->value : 0);
  target.set(vmpl::kVmsaGpa, 0);
  answer_in_msr(view);
  change_level(view, level);
  if (!frame) vcpu_of(view).set(vcpu::kMpState, static_cast<std::uint64_t>(MpState::kHalted));
  return ActionResult::done().note(level);
}

ActionResult switch_vmpl(View& view, const Args&) {
  const std::uint64_t level = asked_level(view);
  answer_in_msr(view);
  change_level(view, level);
  return ActionResult::done().note(level);
}

// Nobody asked, so nobody waits for an answer.
ActionResult switch_to_vmpl0(View& view, const Args&) {
  change_level(view, 0);
  return ActionResult::done();
}

// For a VMPL that is not left: 63:32 is the error.
ActionResult msr_run_vmpl(View& view, const Args& args) {
  constexpr unsigned kDone = 0;
  const std::uint64_t error = args.word(0) == kDone ? 0 : 1;
  view.control().ghcb_msr = error << 32 | svm::ghcb::kMsrRunVmpl;
  return ActionResult::done();
}

}  // namespace

void add_vmpls(rules::Vocabulary& v) {
  v.add(fact<ap_vmpl>("ap.vmpl", {"zero", "lower", "none"}, "SW_EXITINFO1 bits 19:16"));
  v.add(fact<ap_vmpl_request>("ap.vmpl_request", {"create-on-init", "create", "destroy", "other"},
                              "SW_EXITINFO1 bits 31:0 without the VMPL"));
  v.add(fact<ap_replaces>("ap.by_other_vmpl0", kNoYes, "another vCPU asks, and it runs VMPL0"));
  v.add(fact<vmpl_asked>("vmpl.asked", {"none", "current", "starting", "no-vmsa", "ready"},
                         "the VMPL that is to run"));
  v.add(fact<vmpl_zero>("vmpl.zero", {"unknown", "left"},
                        "VMPL0 of this vCPU: it never ran, or it was left for another"));
  v.add(action<set_vmpl_vmsa>("set_vmpl_vmsa", {word_arg("to", {"given", "none"})},
                              "the target's VMPL", "its next VMSA, and it waits for a start"));
  v.add(action<start_vmpl>("start_vmpl", {}, "the vCPU: VMPL, VMSA, GHCB",
                           "the VMPL begins with its new VMSA"));
  v.add(action<switch_vmpl>("switch_vmpl", {}, "the vCPU: VMPL, VMSA, GHCB",
                            "the VMPL goes on where it was"));
  v.add(action<switch_to_vmpl0>("switch_to_vmpl0", {}, "the vCPU: VMPL, VMSA, GHCB",
                                "VMPL0 goes on where it was"));
  v.add(action<msr_run_vmpl>("msr_run_vmpl", {word_arg("result", {"done", "failed"})},
                             "the GHCB MSR", "the answer to a request to run a VMPL"));
}

}  // namespace nptsim::kvm
