// What is not about nested tables: the ways out, and what goes back into the guest.
#include "sim/arch/svm/exits.h"
#include "models/common/define.h"
#include "models/common/kvm_exits.h"
#include "models/kernel/given/answers.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/sev.h"

namespace nptsim::given {
namespace {

namespace code = svm::exit_code;
namespace uapi = kvm_uapi;
using machine::OpenView;
using machine::SealedView;
using machine::View;
using rules::ActionResult;
using rules::Args;
using namespace define;

unsigned guest_sealed(const View& view) { return view.setup().sealed(); }
unsigned exit_is_npf(const View& view) { return view.exit_record().exit_code == code::kNpf; }

template <class AnyView>
ActionResult trace_page_fault(AnyView& view, const Args&) {
  view.say("trace", [&] { return uapi::page_fault_line(view, view.exit_record().exit_info_1); });
  return ActionResult::done();
}

ActionResult set_exit(View& view, const Args& args) {
  constexpr uapi::ExitReason kReasons[] = {uapi::ExitReason::kHlt, uapi::ExitReason::kShutdown};
  uapi::set_exit_reason(view, kReasons[args.word(0)]);
  return ActionResult::done();
}
ActionResult set_internal_error(View& view, const Args&) {
  constexpr std::uint64_t kEmulation = 1;  // KVM_INTERNAL_ERROR_EMULATION
  uapi::exit_for_internal_error(view, kEmulation);
  return ActionResult::done();
}
ActionResult set_run_errno(View& view, const Args& args) {
  constexpr uapi::Errno kErrnos[] = {uapi::Errno::kEfault, uapi::Errno::kEinval};
  uapi::fail_run(view, kErrnos[args.word(0)]);
  return ActionResult::done();
}
ActionResult memory_fault_exit(View& view, const Args&) {
  const svm::ExitRecord& exit = view.exit_record();
  uapi::exit_for_memory_fault(view, GuestPhysAddr(exit.exit_info_2).page_base(),
                              (exit.exit_info_1 & svm::kErrorEnc) != 0);
  return ActionResult::done();
}
ActionResult request_map_gpa_range(View& view, const Args& args) {
  constexpr unsigned kPrivate = 0;
  const ConstRecord answer = answer_of(view);
  uapi::exit_for_map_gpa_range(view, answer.get(answer::kGpa),
                               answer.get(answer::kSize) >> kPageShift, args.word(0) == kPrivate);
  return ActionResult::done();
}

ActionResult inject(View& view, const Args& args) {
  constexpr unsigned kUd = 0;
  if (args.word(0) == kUd) {
    uapi::queue_exception(view, isa::kUd, std::nullopt);
  } else {
    uapi::queue_exception(view, isa::kGp, 0);
  }
  return ActionResult::done();
}

ActionResult skip_instruction(OpenView& view, const Args&) {
  svm::VcpuRecord& v = view.vcpu_state();
  v.registers.rip = v.exit.nrip;
  return ActionResult::done();
}

// What is intercepted: what every hypervisor wants to hear of, and what the answers name.
constexpr std::uint64_t kIntercepts[] = {code::kIntr,  code::kNmi,      code::kSmi,    code::kInit,
                                         code::kCpuid, code::kHlt,      code::kIoio,   code::kMsr,
                                         code::kVmrun, code::kShutdown, code::kVmmcall};

ActionResult create_vcpus(View& view, const Args&) {
  const ConstRecord record = kList.at(std::as_const(view).store(), 0);
  const std::uint64_t count = record.get(list::kCount);
  for (unsigned vcpu = 0; vcpu < view.setup().vcpus; ++vcpu) {
    svm::VmcbControl& control = svm::vcpu_record(view.store(), vcpu).control;
    for (const std::uint64_t exit : kIntercepts) svm::set_intercept(control, exit);
    for (std::uint64_t i = 0; i < count; ++i) {
      const std::uint64_t exit = kAnswers.at(std::as_const(view).store(), i).get(answer::kExit);
      const bool call = kAnswers.at(std::as_const(view).store(), i).get(answer::kCall) != 0;
      if (!call && exit < 256) svm::set_intercept(control, exit);
    }
    for (const std::uint32_t msr : svm::kModelledMsrs)
      control.msr_direct |= svm::msr_direct_bit(msr);
  }
  return ActionResult::done();
}

// kvm_vm_set_mem_attributes has no effect here: what a page is follows from the answers.
ActionResult note_attributes(View& view, const Args&) {
  namespace attributes = uapi::attributes;
  const ConstRecord request = uapi::kAttributesRequest.at(std::as_const(view).store(), 0);
  view.say("attributes", {{"gpa", machine::Hex{request.get(attributes::kAddress)}},
                          {"size", machine::Hex{request.get(attributes::kSize)}},
                          {"private", request.get(attributes::kPrivate) != 0}});
  return ActionResult::done();
}

}  // namespace

void add_exits(rules::Vocabulary& v) {
  v.add(fact<guest_sealed>("guest.sealed", kNoYes, "the guest's registers are encrypted", true));
  v.name_sealed_fact("guest.sealed");
  v.add(fact<exit_is_npf>("fault", kNoYes, "the exit is a #NPF", true));
  rules::ActionDef trace = action_in<OpenView, trace_page_fault<OpenView>>(
      "trace_page_fault", {}, "nothing", "the kvm_page_fault line");
  trace.sealed = rules::action_of<SealedView, trace_page_fault<SealedView>>;
  v.add(trace);
  v.add(action<set_exit>("set_exit", {word_arg("reason", {"hlt", "shutdown"})}, "kvm_run",
                         "exit_reason"));
  v.add(action<set_internal_error>("set_internal_error", {}, "kvm_run",
                                   "KVM_EXIT_INTERNAL_ERROR, emulation"));
  v.add(action<set_run_errno>("set_run_errno", {word_arg("errno", {"EFAULT", "EINVAL"})},
                              "what KVM_RUN returns", "-1 and errno"));
  v.add(action<memory_fault_exit>("memory_fault_exit", {}, "kvm_run", "KVM_EXIT_MEMORY_FAULT"));
  v.add(action<request_map_gpa_range>("request_map_gpa_range",
                                      {word_arg("to", {"private", "shared"})}, "kvm_run",
                                      "KVM_EXIT_HYPERCALL of the answer's range"));
  v.add(action<inject>("inject", {word_arg("exception", {"ud", "gp"})}, "EVENTINJ",
                       "queues an exception of the guest"));
  v.add(action_in<OpenView, skip_instruction>("skip_instruction", {}, "RIP",
                                              "the next instruction, by nRIP"));
  v.add(action<create_vcpus>("create_vcpus", {}, "the VMCBs", "what is intercepted"));
  v.add(action<note_attributes>("note_attributes", {}, "nothing", "what was asked for"));
}

}  // namespace nptsim::given
