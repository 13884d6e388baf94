// Linux's #VC handler: arch/x86/coco/sev/vc-handle.c, vc-shared.c.
#include <array>
#include <bit>
#include <utility>

#include "models/guest/linux/mmio_decode.h"
#include "models/guest/linux/model.h"
#include "models/guest/linux/parts.h"
#include "sim/arch/svm/exits.h"

namespace nptsim::linux_guest {
namespace {

namespace exit_code = svm::exit_code;
using guest::context_args;
using guest::context_of;
using guest::Fetched;
using guest::GhcbOutputs;
using guest::GhcbRequest;
using guest::GuestView;
using guest::local_arg;
using guest::VcContext;
using guest::word_arg;
using rules::ActionResult;
using rules::Args;

constexpr unsigned kSpare = guest::kContextArgs;

NaePlan plan_in(const GuestView& view, const VcContext& context) {
  return plan_of(context, guest::xcr0_for_cpuid(view));
}

MmioRequest mmio_in(const VcContext& context) {
  return std::get<MmioRequest>(decode_mmio(context.insn.bytes(), context.registers).value());
}

// --- the stack ---

// What the processor pushed: error code, RIP, CS, RFLAGS, RSP, SS.
constexpr unsigned kFrameSize = 48;
// A frame that is this near to the interrupted stack pointer lies on the interrupted stack.
constexpr std::uint64_t kSameStack = 64;
constexpr unsigned kTssRsp0 = 4;

// Stacks as places.md has them, found by the TSS: double faults, #VC, the kernel's, the program's.
constexpr unsigned kTssIst2 = 0x2c;
constexpr std::uint64_t kStackSize = 0x1000;

// vc_switch_off_ist: whether get_stack_info_noinstr knows the interrupted stack. look_at_stack:
// rsp, flags (saved)
ActionResult look_at_stack(GuestView& view, const Args& args) {
  const isa::Registers& r = view.registers();
  const bool user = (args.get(1) >> 32 & 3) == 3;
  if (user) return ActionResult::done().give(0, 0);
  std::uint64_t rsp0 = 0, double_fault = 0;
  if (!view.access(svm::AccessKind::kRead, GuestVirtAddr(r.tr.base + kTssRsp0), &rsp0, 8) ||
      !view.access(svm::AccessKind::kRead, GuestVirtAddr(r.tr.base + kTssIst2), &double_fault, 8)) {
    return ActionResult::stopped();
  }
  const std::uint64_t rsp = args.get(0);
  const bool known = rsp >= double_fault - kStackSize && rsp <= rsp0 + kStackSize;
  return ActionResult::done().give(0, known ? 0 : 1);
}

// The gate of #VC has a stack of its own, and a nested #VC begins at its top again. So the handler
// leaves it at once: entry_64.S idtentry_vc, arch/x86/kernel/traps.c vc_switch_off_ist, for user
// mode sync_regs. leave_ist: rsp (saved)
ActionResult leave_ist(GuestView& view, const Args& args) {
  isa::Registers& r = view.registers();
  std::uint64_t frame[kFrameSize / 8] = {};
  if (args.get(0) - r.gpr[isa::kRsp] <= kSameStack) return ActionResult::done();
  if (!view.access(svm::AccessKind::kRead, GuestVirtAddr(r.gpr[isa::kRsp]), frame, kFrameSize)) {
    return ActionResult::stopped();
  }
  std::uint64_t top = args.get(0) & ~7ull;
  const bool user = (frame[2] & 3) == 3;
  if (user &&
      !view.access(svm::AccessKind::kRead, GuestVirtAddr(r.tr.base + kTssRsp0), &top, sizeof top)) {
    return ActionResult::stopped();
  }
  const std::uint64_t rsp = top - kFrameSize;
  if (user && rsp == r.gpr[isa::kRsp]) return ActionResult::done();
  if (!view.access(svm::AccessKind::kWrite, GuestVirtAddr(rsp), frame, kFrameSize)) {
    return ActionResult::stopped();
  }
  r.gpr[isa::kRsp] = rsp;
  return ActionResult::done().note(rsp);
}

// --- the instruction ---

bool all_bytes(const VcContext& context) { return context.insn.count() == guest::kMaxInsn; }

// copy_from_kernel_nofault of 15 bytes (mm/maccess.c): 8, 4, 2, 1, wherever page borders are.
unsigned kernel_piece(const VcContext& context) {
  return std::bit_floor(guest::kMaxInsn - context.insn.count());
}

// vc_decode_insn. While efi_mm is active, kernel code too is fetched as if it were a user's; `as`
// says so. The kernel's copy fails as a whole; the one from user mode ends where a page is
// missing. Both are stopped by the exception table's fix-up of their #PF, which here is a look
// ahead. (The check that a kernel address is one, copy_from_kernel_nofault_allowed, is left out:
// simulated kernels lie low.)
constexpr unsigned kFetchFrom = kSpare + 2;
ActionResult fetch(GuestView& view, const Args& args) {
  constexpr guest::FetchPlan kKernel{all_bytes, kernel_piece, true};
  constexpr guest::FetchPlan kUser{all_bytes, guest::piece_in_page, true};
  const bool user = context_of(view, args).user() || args.word(kFetchFrom) == 1;
  const Fetched fetched = guest::fetch_insn(view, args, user ? kUser : kKernel);
  if (fetched == Fetched::kStopped) return ActionResult::stopped();
  const bool none = fetched == Fetched::kNothing || (!user && fetched == Fetched::kPartly);
  return ActionResult::done().give(0, none ? 0 : 1);
}

// do_boot_stage2_vc's vc_decode_insn: a memcpy of 15 bytes; nobody catches a fault.
ActionResult fetch_plainly(GuestView& view, const Args& args) {
  constexpr guest::FetchPlan kPlan{all_bytes, kernel_piece, false};
  return guest::fetch_insn(view, args, kPlan) == Fetched::kStopped ? ActionResult::stopped()
                                                                   : ActionResult::done();
}

// do_vc_no_ghcb: *(unsigned short *)regs->ip.
ActionResult fetch_opcode(GuestView& view, const Args& args) {
  constexpr guest::FetchPlan kPlan{
      [](const VcContext& context) { return context.insn.count() == 2; },
      [](const VcContext&) { return 2u; }, false};
  return guest::fetch_insn(view, args, kPlan) == Fetched::kStopped ? ActionResult::stopped()
                                                                   : ActionResult::done();
}

constexpr std::array<std::uint8_t, 10> kCheckedOpcodes = {0x01, 0x08, 0x09, 0x21, 0x23,
                                                          0x30, 0x31, 0x32, 0x33, 0xa2};
constexpr std::array<std::uint8_t, 6> kCheckedModRm = {0xc8, 0xc9, 0xd9, 0xf9, 0xfa, 0xfb};

template <std::size_t n>
unsigned index_in(const std::array<std::uint8_t, n>& bytes, std::uint8_t byte) {
  for (unsigned i = 0; i < n; ++i) {
    if (bytes[i] == byte) return i;
  }
  return n;
}

// Only opcodes with 0F count, as a whole.
ActionResult look_at_opcode(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const guest::InsnHead head = context.head();
  const unsigned opcode = head.two_byte ? index_in(kCheckedOpcodes, head.second)
                                        : static_cast<unsigned>(kCheckedOpcodes.size());
  unsigned modrm = index_in(kCheckedModRm, head.modrm);
  if (head.two_byte && (head.second == 0x21 || head.second == 0x23)) {
    // X86_MODRM_REG of the bare byte: REX.R does not count.
    modrm =
        guest::split_modrm(head.modrm).reg == 7 ? kCheckedModRm.size() + 1 : kCheckedModRm.size();
  }
  return ActionResult::done().give(0, opcode).give(1, modrm);
}

ActionResult say_wrong_opcode(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const guest::InsnHead head = context.head();
  const std::uint64_t opcode = head.two_byte ? 0x0full | head.second << 8 : head.opcode;
  guest::print(view, "SEV: Wrong/unhandled opcode bytes: 0x{:x}, exit_code: 0x{:x}, rIP: 0x{:x}",
               context.insn.count() == 0 ? 0 : opcode, context.exit_code, context.registers.rip);
  return ActionResult::done();
}

ActionResult plan_request(GuestView& view, const Args& args) {
  const Plan plan = plan_in(view, context_of(view, args)).plan;
  return ActionResult::done().give(0, static_cast<unsigned>(plan));
}

// insn_length: the context, length
ActionResult insn_length(GuestView& view, const Args& args) {
  args.set(kSpare, length_of(context_of(view, args)));
  return ActionResult::done().note(args.get(kSpare));
}

// --- MMIO ---

// vc_slow_virt_to_phys: by the first byte alone. translate: the context, fault, cr2.
ActionResult translate(GuestView& view, const Args& args) {
  const MmioRequest request = mmio_in(context_of(view, args));
  const GuestView::Lookup found = view.lookup(request.address);
  if (found.present) return ActionResult::done().give(0, found.c_bit ? 1 : 0);
  const bool write = request.direction == guest::MmioDirection::kWrite;
  constexpr std::uint64_t kPfWrite = bit(1);
  args.set(kSpare, write ? kPfWrite : 0);
  args.set(kSpare + 1, request.address.value);
  return ActionResult::done().give(0, 2);
}

GhcbRequest mmio_request(const GuestView& view, const MmioRequest& mmio) {
  const GuestPhysAddr address = view.lookup(mmio.address).gpa;
  return mmio.direction == guest::MmioDirection::kRead
             ? guest::mmio_read_request(address, mmio.size)
             : guest::mmio_write_request(address, mmio.size, mmio.data);
}

// --- requests and answers ---

ActionResult fill_request(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const bool mmio = context.exit_code == exit_code::kNpf;
  const GhcbRequest request =
      mmio ? mmio_request(view, mmio_in(context)) : plan_in(view, context).nae.request;
  return guest::fill_ghcb(view, request) ? ActionResult::done() : ActionResult::stopped();
}

ActionResult take_mmio(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const MmioRequest mmio = mmio_in(context);
  if (mmio.direction == guest::MmioDirection::kWrite) return ActionResult::done();
  std::uint64_t data = 0;
  if (!guest::read_shared_buffer(view, mmio.size, data)) return ActionResult::stopped();
  const unsigned gpr = mmio.target.gpr;
  const std::uint64_t value = apply_read(mmio, context.registers.gpr[gpr], data);
  if (!guest::set_register(view, gpr, value)) return ActionResult::stopped();
  view.say("ghcb", {{"answer", std::string("data")},
                    {"data", machine::Hex{data}},
                    {"register", std::string(isa::gpr_name(gpr))},
                    {"value", machine::Hex{value}}});
  return ActionResult::done().note(value);
}

// sev_es_runtime_data.dr7. It is kept where an intercepted MOV to DR7 puts nothing: in the register
// itself.
void keep_dr7(GuestView& view, std::uint64_t value) { view.registers().dr7 = value; }

ActionResult take_answer(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const NaePlan plan = plan_in(view, context);
  if (context.exit_code == exit_code::kWriteDr7) keep_dr7(view, *plan.nae.request.rax);
  if (plan.nae.outputs == 0) return ActionResult::done().give(0, 0);
  GhcbOutputs outputs;
  if (!guest::read_outputs(view, plan.nae.outputs, outputs)) return ActionResult::stopped();
  if (plan.nae.outputs_checked && (plan.nae.outputs & ~outputs.valid)) {
    return ActionResult::done().give(0, 1);
  }
  // lower_bits: the rest of RAX becomes zero, for 8 and 16 bits too.
  if (context.exit_code == exit_code::kIoio) outputs.rax &= isa::mask_of_size(plan.io.size);
  guest::write_outputs(view, plan.nae.outputs, outputs);
  return ActionResult::done().give(0, 0);
}

// vc_handle_dr7_read
ActionResult read_dr7(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  if (context.exit_code != exit_code::kReadDr7) return ActionResult::done();
  const unsigned gpr = context.head().modrm_rm();
  return guest::set_register(view, gpr, view.registers().dr7) ? ActionResult::done()
                                                              : ActionResult::stopped();
}

template <std::size_t n>
std::vector<std::string> hex_words(const std::array<std::uint8_t, n>& bytes,
                                   const std::string& before) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::vector<std::string> words;
  for (const std::uint8_t byte : bytes) {
    words.push_back(before + kDigits[byte >> 4] + kDigits[byte & 15]);
  }
  words.emplace_back("other");
  return words;
}

void add_facts(rules::Vocabulary& v) {
  v.add(guest::given("fetched", {"nothing", "bytes"}, "whether the instruction could be read"));
  v.add(guest::given("opcode", hex_words(kCheckedOpcodes, "0x0f"), "the opcode, if it is of 0F"));
  std::vector<std::string> modrm = hex_words(kCheckedModRm, "0x");
  modrm.emplace_back("reg-7");
  v.add(guest::given("modrm", modrm, "the byte after the opcode; reg-7: MOV from or to DR7"));
  v.add(guest::given(
      "plan",
      {"none", "request", "mmio", "movs", "decode-failed", "unsupported", "gp", "ins", "outs"},
      "what the decoders make of the instruction"));
  v.add(guest::given("mapping", {"shared", "encrypted", "none"},
                     "the page of the first byte in the current tables"));
  v.add(guest::given("outputs", {"valid", "missing"},
                     "the valid bits of the registers that the answer should have"));
}

rules::Vocabulary make_vocabulary() {
  rules::Vocabulary v;
  guest::add_shared(v);
  add_handler_actions(v);
  add_movs_actions(v);
  add_string_actions(v);
  add_end_actions(v);
  add_boot_actions(v);
  return v;
}

}  // namespace

void add_handler_actions(rules::Vocabulary& v) {
  add_facts(v);
  v.add(guest::given("stack", {"known", "unknown"},
                     "whether the interrupted stack pointer is in a stack of the kernel's"));
  v.add(guest::action<look_at_stack>("look_at_stack",
                                     {guest::value_arg("rsp"), guest::value_arg("flags")},
                                     {"stack"}, "nothing", "looks for the interrupted stack"));
  v.add(guest::action<leave_ist>("leave_ist", {guest::value_arg("rsp")}, {}, "RSP, the stack",
                                 "goes on on the interrupted stack, with a copy of the frame"));
  const auto locals = context_args({local_arg("keep_rax"), local_arg("keep_rip")});
  v.add(guest::action<fetch>("fetch",
                             context_args({local_arg("keep_rax"), local_arg("keep_rip"),
                                           word_arg("as", {"mode", "user"})}),
                             {"fetched"}, "locals", "reads the instruction at the saved RIP"));
  v.add(guest::action<fetch_plainly>("fetch_plainly", locals, {}, "locals",
                                     "reads 15 bytes at the saved RIP"));
  v.add(guest::action<fetch_opcode>("fetch_opcode", locals, {}, "locals",
                                    "reads the first two bytes at the saved RIP"));
  v.add(guest::action<look_at_opcode>("look_at_opcode", context_args(), {"opcode", "modrm"},
                                      "nothing", "what vc_check_opcode_bytes looks at"));
  v.add(guest::action<say_wrong_opcode>("say_wrong_opcode", context_args(), {}, "nothing",
                                        "the message of vc_check_opcode_bytes"));
  v.add(guest::action<plan_request>("plan_request", context_args(), {"plan"}, "nothing",
                                    "decodes the instruction for its exit code"));
  v.add(guest::action<insn_length>("insn_length", context_args({local_arg("length")}), {},
                                   "a local", "insn.length"));
  v.add(guest::action<translate>("translate", context_args({local_arg("fault"), local_arg("cr2")}),
                                 {"mapping"}, "locals", "vc_slow_virt_to_phys"));
  v.add(guest::action<fill_request>("fill_request", context_args(), {}, "the GHCB page",
                                    "the request for this event"));
  v.add(guest::action<take_mmio>("take_mmio", context_args(), {}, "one register",
                                 "the answer of an MMIO read goes to its register"));
  v.add(guest::action<take_answer>("take_answer", context_args(), {"outputs"}, "registers",
                                   "the answer of another request"));
  v.add(guest::action<read_dr7>("read_dr7", context_args(), {}, "one register",
                                "the kernel's copy of DR7"));
}

const rules::Vocabulary& vocabulary() {
  static const rules::Vocabulary kVocabulary = make_vocabulary();
  return kVocabulary;
}

}  // namespace nptsim::linux_guest
