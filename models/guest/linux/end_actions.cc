// How Linux ends: messages, signals, exceptions that it forwards to itself.
#include "models/guest/linux/parts.h"

namespace nptsim::linux_guest {
namespace {

using guest::GuestView;
using guest::Message;
using guest::value_arg;
using guest::word_arg;
using machine::Outcome;
using machine::OutcomeKind;
using rules::ActionResult;
using rules::Args;

constexpr Message kMessages[] = {
    {"unsupported", "SEV: Unsupported exit-code 0x{:02x} in #VC exception (IP: 0x{:x})"},
    {"vmm-error", "SEV: Failure in communication with VMM (exit-code 0x{:02x} IP: 0x{:x})"},
    {"decode-failed", "SEV: Failed to decode instruction (exit-code 0x{:02x} IP: 0x{:x})"},
    {"early-unsupported",
     "PANIC: Unsupported exit-code 0x{:02x} in early #VC exception (IP: 0x{:x})"},
    {"early-vmm-error", "PANIC: Failure in communication with VMM (exit-code 0x{:02x} IP: 0x{:x})"},
    {"early-decode-failed", "PANIC: Failed to decode instruction (exit-code 0x{:02x} IP: 0x{:x})"},
    {"invd", "SEV: #VC exception for INVD??? Seriously???"},
    {"encrypted-mmio", "WARNING: arch/x86/coco/sev/vc-handle.c vc_slow_virt_to_phys"},
    {"vc2", "Kernel panic - not syncing: Can't handle #VC exception from unsupported context"},
    {"psc-failed", "SNP: PSC failed ret={} exit_info_2={:x}"},
    {"psc-reserved", "Reserved bit is set in the PSC header"},
    {"psc-backwards", "SNP: PSC processing going backward"},
    {"nested",
     "Kernel panic - not syncing: Unable to handle #VC exception! GHCB and Backup GHCB are already "
     "in use"},
};

// say: text, code, rip
ActionResult say(GuestView& view, const Args& args) {
  guest::print(view, kMessages[args.word(0)].text, args.get_or(1, 0), args.get_or(2, 0));
  return ActionResult::done();
}

// say_pvalidate: address, size, operation. __pval_terminate's WARN.
ActionResult say_pvalidate(GuestView& view, const Args& args) {
  guest::print(view,
               "PVALIDATE failure: pfn: 0x{:x}, action: " +
                   std::to_string(args.get(2) == 1 ? 1 : 0) + ", size: {}, ret: {}, svsm_ret: 0x0",
               args.get(0) >> kPageShift, args.get(1), view.registers().gpr[isa::kRax]);
  return ActionResult::done();
}

void end_with_exception(GuestView& view, unsigned vector, std::uint64_t error_code,
                        std::string text) {
  Outcome outcome(OutcomeKind::kException, std::move(text));
  outcome.vector = vector;
  outcome.error_code = error_code;
  view.end_vcpu(std::move(outcome));
}

// sigbus: code
ActionResult sigbus(GuestView& view, const Args& args) {
  end_with_exception(view, isa::kVc, args.get(0), "SIGBUS (BUS_OBJERR, address 0)");
  return ActionResult::done();
}

constexpr const char* kVectorWords[] = {"gp", "ud", "pf", "ac"};
constexpr unsigned kVectors[] = {isa::kGp, isa::kUd, isa::kPf, isa::kAc};

// forward: vector, error_code, cr2
ActionResult forward(GuestView& view, const Args& args) {
  if (args.has(2)) view.registers().cr2 = args.get(2);
  end_with_exception(view, kVectors[args.word(0)], args.get(1),
                     "forwarded by the #VC handler (vc_forward_exception)");
  return ActionResult::done();
}

// forward_answer: vector, info (SW_EXITINFO2). verify_exception_info: the error code counts with
// its own valid bit.
ActionResult forward_answer(GuestView& view, const Args& args) {
  constexpr unsigned kErrorValid = 11;
  const std::uint64_t info = args.get(1);
  end_with_exception(view, kVectors[args.word(0)], has_bit(info, kErrorValid) ? info >> 32 : 0,
                     "asked for by the hypervisor, forwarded by the #VC handler");
  return ActionResult::done();
}

}  // namespace

void add_end_actions(rules::Vocabulary& v) {
  const std::vector<std::string> vectors(std::begin(kVectorWords), std::end(kVectorWords));
  v.add(guest::action<say>("say",
                           {word_arg("text", guest::words_of(kMessages)), value_arg("code", false),
                            value_arg("rip", false)},
                           {}, "nothing", "a line of the kernel's log"));
  v.add(guest::action<say_pvalidate>(
      "say_pvalidate", {value_arg("address"), value_arg("size"), value_arg("operation")}, {},
      "nothing", "the line of a PVALIDATE that failed"));
  v.add(guest::action<sigbus>("sigbus", {value_arg("code")}, {}, "the outcome of the vCPU",
                              "the task gets SIGBUS; its program ends here"));
  v.add(guest::action<forward>(
      "forward", {word_arg("vector", vectors), value_arg("error_code"), value_arg("cr2", false)},
      {}, "the outcome of the vCPU, CR2", "the kernel's own exception handler gets it"));
  v.add(guest::action<forward_answer>(
      "forward_answer", {word_arg("vector", vectors), value_arg("info")}, {},
      "the outcome of the vCPU", "likewise, with the error code that the hypervisor gave"));
}

}  // namespace nptsim::linux_guest
