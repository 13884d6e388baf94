// KVM_SEV_SNP_LAUNCH_START and KVM_SEV_SNP_LAUNCH_FINISH with the VMSAs (Linux
// arch/x86/kvm/svm/sev.c snp_launch_start, snp_launch_finish, snp_launch_update_vmsa).
#include "models/kernel/kvm/launch.h"

#include <utility>

#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/gmem.h"

namespace nptsim::kvm {

namespace uapi = kvm_uapi;

svm::FirmwareResult guest_firmware(View& view, svm::FirmwareRequest request) {
  request.context = HostPhysAddr(vm_of(view).get(vm::kSnpContext));
  const svm::FirmwareResult result = machine::host_firmware(view, request);
  uapi::kSevCommand.at(view.store(), 0)
      .set(uapi::sev_cmd::kError, static_cast<std::uint8_t>(result.status));
  return result;
}

svm::RmpResult make_private_page(View& view, HostPhysAddr page, GuestPhysAddr gpa,
                                 svm::RmpPageSize size, bool immutable) {
  return machine::host_rmpupdate(view, page,
                                 svm::rmp_operand({.gpa = gpa,
                                                   .assigned = true,
                                                   .size = size,
                                                   .immutable = immutable,
                                                   .asid = view.setup().asid}));
}

// snp_leak_pages: nobody gets the page again.
static void leak_page(View& view, HostPhysAddr page) {
  view.say("text", {{"text", std::string("Leaking PFN range")},
                    {"value", machine::Hex{page.page_number()}}});
}

bool make_shared_page(View& view, HostPhysAddr page, svm::RmpPageSize size) {
  const svm::RmpResult result =
      machine::host_rmpupdate(view, page, svm::rmp_operand({.gpa = {}, .size = size}));
  const bool good = result.ends() && result.code == svm::RmpCode::kSuccess;
  if (!good) leak_page(view, page);
  return good;
}

bool reclaim_page(View& view, HostPhysAddr page) {
  const svm::FirmwareResult result =
      machine::host_firmware(view, {.command = svm::FirmwareCommand::kPageReclaim, .page = page});
  if (!result.good()) leak_page(view, page);
  const bool good = result.good() && make_shared_page(view, page, svm::RmpPageSize::k4K);
  if (!good) vm_of(view).set(vm::kBugged, 1);
  return good;
}

namespace {

using machine::Hex;

// --- facts ---

unsigned snp_context(const View& view) { return vm_of(view).get(vm::kSnpContext) != 0; }
unsigned launch(const View& view) { return vm_of(view).get(vm::kLaunched) != 0; }
unsigned vm_bugged(const View& view) { return vm_of(view).get(vm::kBugged) != 0; }

unsigned start_flags(const View& view) {
  return uapi::kSnpLaunchStart.at(view.store(), 0).get(uapi::snp_start::kFlags) != 0;
}
// In the order of snp_launch_start. SNP_POLICY_MASK_VALID has neither bit 18, a migration agent,
// nor those from 21 on. Some of these are known since 6.19 (275d6d1189e6), if the firmware offers
// them, which this one does not.
unsigned start_policy(const View& view) {
  enum : unsigned { kOk, kUnknownBits, kNoReservedOne, kNoSmt, kSingleSocket };
  constexpr unsigned kMigrationAgent = 18;
  constexpr std::uint64_t kKnown = bit_range(20, 0) & ~bit(kMigrationAgent);
  const std::uint64_t policy =
      uapi::kSnpLaunchStart.at(view.store(), 0).get(uapi::snp_start::kPolicy);
  if (policy & ~kKnown) return kUnknownBits;
  if (!has_bit(policy, svm::kPolicyReservedOne)) return kNoReservedOne;
  if (!has_bit(policy, svm::kPolicySmt)) return kNoSmt;
  return has_bit(policy, svm::kPolicySingleSocket) ? kSingleSocket : kOk;
}
unsigned finish_flags(const View& view) {
  return uapi::kSnpLaunchFinish.at(view.store(), 0).get(uapi::snp_finish::kFlags) != 0;
}
unsigned vmsa_left(const View& view) { return vm_of(view).get(vm::kVmsaNext) < view.setup().vcpus; }

// --- the context ---

// snp_context_create: a page for the firmware, made a context.
ActionResult create_context(View& view, const Args&) {
  const HostPhysAddr page = machine::allocate_frame(view.store());
  vm_of(view).set(vm::kSnpContext, page.value);
  machine::host_rmpupdate(view, page,
                          svm::rmp_operand({.gpa = {}, .assigned = true, .immutable = true}));
  return give(guest_firmware(view, {.command = svm::FirmwareCommand::kGctxCreate}).good());
}

// snp_decommission_context, snp_free_firmware_page.
ActionResult free_context(View& view, const Args& args) {
  constexpr unsigned kDecommission = 0;
  const Record vm = vm_of(view);
  const HostPhysAddr page(vm.get(vm::kSnpContext));
  if (args.word(0) == kDecommission) {
    machine::host_firmware(view, {.command = svm::FirmwareCommand::kDecommission, .context = page});
  }
  if (reclaim_page(view, page)) machine::free_frame(view.store(), page);
  vm.set(vm::kSnpContext, 0);
  return ActionResult::done();
}

ActionResult firmware_launch_start(View& view, const Args&) {
  const std::uint64_t policy =
      uapi::kSnpLaunchStart.at(std::as_const(view).store(), 0).get(uapi::snp_start::kPolicy);
  return give(
      guest_firmware(view, {.command = svm::FirmwareCommand::kLaunchStart, .policy = policy})
          .good());
}
ActionResult firmware_activate(View& view, const Args&) {
  return give(
      guest_firmware(view, {.command = svm::FirmwareCommand::kActivate, .asid = view.setup().asid})
          .good());
}
ActionResult firmware_launch_finish(View& view, const Args&) {
  return give(guest_firmware(view, {.command = svm::FirmwareCommand::kLaunchFinish}).good());
}

ActionResult allow_pre_fault(View& view, const Args&) {
  vm_of(view).set(vm::kLaunched, 1);
  return ActionResult::done();
}

// --- the VMSAs, one vCPU after the other ---

HostPhysAddr vmsa_of_next(View& view) {
  const auto vcpu = static_cast<unsigned>(vm_of(view).get(vm::kVmsaNext));
  return HostPhysAddr(svm::vcpu_record(std::as_const(view).store(), vcpu).control.vmsa);
}

// sev_es_sync_vmsa writes the registers into the page; they are read nowhere else here.
ActionResult vmsa_make_private(View& view, const Args&) {
  return give(
      make_private_page(view, vmsa_of_next(view), kInitialVmsaGpa, svm::RmpPageSize::k4K, true));
}
ActionResult vmsa_launch(View& view, const Args&) {
  return give(guest_firmware(view, {.command = svm::FirmwareCommand::kLaunchUpdate,
                                    .page = vmsa_of_next(view),
                                    .type = svm::SnpPageType::kVmsa})
                  .good());
}
ActionResult vmsa_reclaim(View& view, const Args&) {
  reclaim_page(view, vmsa_of_next(view));
  return ActionResult::done();
}
ActionResult vmsa_first(View& view, const Args&) {
  vm_of(view).set(vm::kVmsaNext, 0);
  return ActionResult::done();
}
ActionResult vmsa_next(View& view, const Args&) {
  const Record vm = vm_of(view);
  vm.set(vm::kVmsaNext, vm.get(vm::kVmsaNext) + 1);
  return ActionResult::done();
}

}  // namespace

void add_launch(rules::Vocabulary& v) {
  rules::FactDef context =
      fact<snp_context>("snp_context", {"none", "some"},
                        "sev_info.snp_context: the firmware knows the guest");
  context.implies = {{"some", "vm", {"snp"}}};
  v.add(context);
  v.add(fact<launch>("launch", {"open", "finished"}, "KVM_SEV_SNP_LAUNCH_FINISH was"));
  v.add(fact<vm_bugged>("vm_bugged", kNoYes, "KVM_BUG_ON was hit: kvm->vm_bugged"));
  v.add(fact<start_flags>("launch_start.flags", {"none", "some"}, "must be none"));
  v.add(fact<start_policy>("launch_start.policy",
                           {"ok", "unknown-bits", "no-reserved-one", "no-smt", "single-socket"},
                           "the guest policy: the first of its bits that KVM may not like"));
  v.add(fact<finish_flags>("launch_finish.flags", {"none", "some"}, "must be none"));
  v.add(fact<vmsa_left>("vmsa_left", kNoYes, "a vCPU whose VMSA is not measured yet"));
  v.add(given("firmware", {"done", "failed"}, "what the AMD-SP answered"));
  v.add(giving({"firmware"}, action<create_context>("create_context", {}, "a page, its RMP entry",
                                                    "a firmware page, and SNP_GCTX_CREATE")));
  v.add(action<free_context>("free_context", {word_arg("first", {"decommission", "nothing"})},
                             "the context page", "SNP_DECOMMISSION, and the page is reclaimed"));
  v.add(giving({"firmware"},
               action<firmware_launch_start>("firmware_launch_start", {}, "the guest's context",
                                             "SNP_LAUNCH_START")));
  v.add(
      giving({"firmware"}, action<firmware_activate>("firmware_activate", {}, "the guest's context",
                                                     "SNP_ACTIVATE with the guest's ASID")));
  v.add(giving({"firmware"},
               action<firmware_launch_finish>("firmware_launch_finish", {}, "the guest's context",
                                              "SNP_LAUNCH_FINISH")));
  v.add(action<allow_pre_fault>("allow_pre_fault", {}, "the VM", "pre_fault_allowed = true"));
  v.add(action<vmsa_first>("vmsa_first", {}, "the VM", "begins with the first vCPU"));
  v.add(action<vmsa_next>("vmsa_next", {}, "the VM", "goes on to the next vCPU"));
  v.add(giving(
      {"rmp_changed"},
      action<vmsa_make_private>("vmsa_make_private", {}, "an RMP entry",
                                "rmp_make_private of the VMSA, immutable, at INITIAL_VMSA_GPA")));
  v.add(giving({"firmware"}, action<vmsa_launch>("vmsa_launch", {}, "the VMSA",
                                                 "SNP_LAUNCH_UPDATE, page type VMSA")));
  v.add(action<vmsa_reclaim>("vmsa_reclaim", {}, "the VMSA's RMP entry", "snp_page_reclaim"));
}

}  // namespace nptsim::kvm
