// COCONUT-SVSM's #VC handler: kernel/src/cpu/vc.rs, kernel/src/cpu/insn_decode.rs,
// kernel/src/sev/ghcb.rs.
#include <bit>

#include "models/guest/common/cpuid_page.h"
#include "models/guest/common/shared.h"
#include "models/guest/svsm/model.h"
#include "sim/arch/svm/exits.h"

namespace nptsim::svsm {
namespace {

namespace exit_code = svm::exit_code;
using guest::context_args;
using guest::context_of;
using guest::GhcbRequest;
using guest::GuestView;
using guest::InsnHead;
using guest::local_arg;
using guest::Message;
using guest::value_arg;
using guest::VcContext;
using guest::word_arg;
using machine::Outcome;
using machine::OutcomeKind;
using rules::ActionResult;
using rules::Args;

// --- the instruction ---

// vc_decode_insn: MAX_INSN_SIZE bytes at RIP, all or nothing; a fault is caught by the exception
// table, which here is a look ahead.
bool all_bytes(const VcContext& context) { return context.insn.count() == guest::kMaxInsn; }
unsigned next_piece(const VcContext& context) {
  return std::bit_floor(guest::kMaxInsn - context.insn.count());
}

ActionResult fetch(GuestView& view, const Args& args) {
  constexpr guest::FetchPlan kPlan{all_bytes, next_piece, true};
  switch (guest::fetch_insn(view, args, kPlan)) {
    case guest::Fetched::kStopped:
      return ActionResult::stopped();
    case guest::Fetched::kDone:
      return ActionResult::done().give(0, 1);
    default:
      return ActionResult::done().give(0, 0);
  }
}

// DecodedInsn, as far as handle_vc_exception tells instructions apart.
enum Insn : unsigned { kOther, kCpuid, kIo, kStringIo, kRdmsr, kWrmsr, kRdtsc, kRdtscp };
Insn insn_of(const InsnHead& head, std::uint64_t rdx) {
  const guest::IoRequest io = guest::io_request(head, rdx);
  if (io.is_io) return io.string ? kStringIo : kIo;
  if (!head.two_byte) return kOther;
  switch (head.second) {
    case 0xa2:
      return kCpuid;
    case 0x30:
      return kWrmsr;
    case 0x31:
      return kRdtsc;
    case 0x32:
      return kRdmsr;
    case 0x01:
      return head.modrm == 0xf9 ? kRdtscp : kOther;
    default:
      return kOther;
  }
}

ActionResult look_at_insn(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  return ActionResult::done().give(0, insn_of(context.head(), context.registers.gpr[isa::kRdx]));
}

// insn_length: the context, length
ActionResult insn_length(GuestView& view, const Args& args) {
  args.set(guest::kContextArgs, context_of(view, args).head().length());
  return ActionResult::done().note(args.get(guest::kContextArgs));
}

// --- requests ---

// Bits of SW_EXITINFO1: direction, size, port (GHCB::ioio_in, ioio_out). The size of addresses is
// left out.
constexpr std::uint64_t kIn = bit(0);
std::uint64_t io_info(bool in, unsigned size, std::uint64_t port) {
  return (in ? kIn : 0) | std::uint64_t{size} << 4 | (port & 0xffff) << 16;
}

// Of OUT all of RAX is sent, of IN nothing.
guest::NaePlan io_plan(const VcContext& context) {
  const guest::IoRequest io = guest::io_request(context.head(), context.registers.gpr[isa::kRdx]);
  guest::NaePlan plan;
  plan.request.exit_code = exit_code::kIoio;
  plan.request.info_1 = io_info(io.in, io.size, io.port);
  if (!io.in) plan.request.rax = context.registers.gpr[isa::kRax];
  if (io.in) plan.outputs = guest::kOutRax;
  return plan;
}

guest::NaePlan plan_of(const VcContext& context) {
  if (context.exit_code == exit_code::kIoio) return io_plan(context);
  const bool write = insn_of(context.head(), 0) == kWrmsr;
  return guest::common_plan(context, write);
}

ActionResult fill_request(GuestView& view, const Args& args) {
  return guest::fill_ghcb(view, plan_of(context_of(view, args)).request) ? ActionResult::done()
                                                                         : ActionResult::stopped();
}

// A register without its valid bit is GhcbError::VmgexitInvalid. IN leaves zeros above its size.
ActionResult take_answer(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const guest::NaePlan plan = plan_of(context);
  guest::GhcbOutputs outputs;
  if (!guest::read_outputs(view, plan.outputs, outputs)) return ActionResult::stopped();
  if (plan.outputs & ~outputs.valid) return ActionResult::done().give(0, 1);
  if (context.exit_code == exit_code::kIoio) {
    const auto size = static_cast<unsigned>(get_bits(plan.request.info_1, 6, 4));
    outputs.rax &= isa::mask_of_size(size);
  }
  guest::write_outputs(view, plan.outputs, outputs);
  return ActionResult::done().give(0, 0);
}

// fill_out: port, value
ActionResult fill_out(GuestView& view, const Args& args) {
  GhcbRequest request;
  request.exit_code = exit_code::kIoio;
  request.info_1 = io_info(false, 1, args.get(0));
  request.rax = args.get(1);
  return guest::fill_ghcb(view, request) ? ActionResult::done() : ActionResult::stopped();
}

// cpuid_table_raw: all four of the entry's inputs have to be the same, and XCR0 and XSS are asked
// for as 0.
bool matches_inputs(const guest::CpuidEntry& entry, const guest::CpuidLeaf& asked) {
  return entry.leaf == asked.leaf && entry.subleaf == asked.subleaf && entry.xcr0 == 0 &&
         entry.xss == 0;
}

// --- what a person sees ---

constexpr Message kMessages[] = {
    {"handling", "#VC handling error: {:#x} at RIP {:#018x}"},
    {"kernel", "Failed to handle #VC from kernel-mode at RIP {1:#018x} code: {0:#018x}"},
    {"user",
     "Failed to handle #VC from user-mode at RIP {1:#018x} code: {0:#018x} - Terminating task"},
    {"table", "index out of bounds: the len is 64 but the index is 64"},
    {"psc-expect", "GHCB::PAGE_STATE_CHANGE call failed for kernel region"},
    {"version", "the hypervisor doesn't support GHCB version 2"},
    {"ghcb", "Failed to setup BSP GHCB"},
    {"ghcb-register", "Failed to register GHCB"},
    {"pvalidate-expect", "PVALIDATE kernel region failed"},
};

// say: text, code, rip
ActionResult say(GuestView& view, const Args& args) {
  guest::print(view, kMessages[args.word(0)].text, args.get_or(1, 0), args.get_or(2, 0));
  return ActionResult::done();
}

// say_psc: info (SW_EXITINFO2)
ActionResult say_psc(GuestView& view, const Args& args) {
  guest::print(view, "GHCB SnpPageStateChange failed err_high: {:#x} err_low: {:#x}",
               args.get(0) >> 32, args.get(0) & bit_range(31, 0));
  return ActionResult::done();
}

// end_task: code
ActionResult end_task(GuestView& view, const Args& args) {
  Outcome outcome(OutcomeKind::kException, "the task is terminated");
  outcome.vector = isa::kVc;
  outcome.error_code = args.get(0);
  view.end_vcpu(std::move(outcome));
  return ActionResult::done();
}

void add_facts(rules::Vocabulary& v) {
  v.add(guest::given("fetched", {"nothing", "bytes"},
                     "whether all 15 bytes of the instruction could be read"));
  v.add(guest::given("insn",
                     {"other", "cpuid", "io", "string-io", "rdmsr", "wrmsr", "rdtsc", "rdtscp"},
                     "what the decoder makes of the instruction"));
  v.add(guest::given("outputs", {"valid", "missing"},
                     "the valid bits of the registers that the answer should have"));
}

rules::Vocabulary make_vocabulary() {
  rules::Vocabulary v;
  guest::add_shared(v);
  add_facts(v);
  v.add(guest::action<fetch>("fetch", context_args({local_arg("keep_rax"), local_arg("keep_rip")}),
                             {"fetched"}, "locals", "reads the instruction at the saved RIP"));
  v.add(guest::action<look_at_insn>("look_at_insn", context_args(), {"insn"}, "nothing",
                                    "decodes the instruction"));
  v.add(guest::action<insn_length>("insn_length", context_args({local_arg("length")}), {},
                                   "a local", "vc_finish_insn"));
  v.add(guest::action<fill_request>("fill_request", context_args(), {}, "the GHCB page",
                                    "the request for this event"));
  v.add(guest::action<take_answer>("take_answer", context_args(), {"outputs"}, "registers",
                                   "its answer"));
  v.add(guest::action<fill_out>("fill_out", {value_arg("port"), value_arg("value")}, {},
                                "the GHCB page", "a request for OUT of one byte"));
  v.add(guest::look_up_cpuid_action<matches_inputs>());
  v.add(guest::action<say>("say",
                           {word_arg("text", guest::words_of(kMessages)), value_arg("code", false),
                            value_arg("rip", false)},
                           {}, "nothing", "a line of the log"));
  v.add(guest::action<say_psc>("say_psc", {value_arg("info")}, {}, "nothing",
                               "the line of a page-state change that failed"));
  v.add(guest::action<end_task>("end_task", {value_arg("code")}, {}, "the outcome of the vCPU",
                                "only the task ends; its program ends here"));
  return v;
}

}  // namespace

const rules::Vocabulary& vocabulary() {
  static const rules::Vocabulary kVocabulary = make_vocabulary();
  return kVocabulary;
}

}  // namespace nptsim::svsm
