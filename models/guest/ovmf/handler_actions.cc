// OVMF's #VC handler: edk2 OvmfPkg/Library/CcExitLib/CcExitVcHandler.c.
#include <algorithm>
#include <array>

#include "models/guest/common/cpuid_page.h"
#include "models/guest/ovmf/mmio_decode.h"
#include "models/guest/ovmf/parts.h"
#include "sim/arch/svm/exits.h"

namespace nptsim::ovmf {
namespace {

namespace exit_code = svm::exit_code;
using guest::context_args;
using guest::context_of;
using guest::GhcbOutputs;
using guest::GhcbRequest;
using guest::GuestView;
using guest::local_arg;
using guest::Message;
using guest::value_arg;
using guest::VcContext;
using guest::word_arg;
using rules::ActionResult;
using rules::Args;

constexpr unsigned kSpare = guest::kContextArgs;

NaePlan plan_in(const GuestView& view, const VcContext& context) {
  return plan_of(context, guest::xcr0_for_cpuid(view));
}

MmioRequest mmio_in(const VcContext& context) {
  return decode_mmio(context.insn.bytes(), context.registers).value();
}

// --- the instruction ---

// The handler reads bytes where it needs them, one at a time; here they come in larger pieces that
// stay in their page, so no page is touched that it would not touch.
ActionResult fetch(GuestView& view, const Args& args) {
  constexpr guest::FetchPlan kPlan{insn_complete, guest::piece_in_page, false};
  return guest::fetch_insn(view, args, kPlan) == guest::Fetched::kStopped ? ActionResult::stopped()
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

ActionResult look_at_opcode(GuestView& view, const Args& args) {
  const guest::InsnHead head = context_of(view, args).head();
  const std::uint8_t opcode = head.last_opcode_byte();
  const bool debug_register = opcode == 0x21 || opcode == 0x23;
  unsigned modrm = index_in(kCheckedModRm, head.modrm);
  if (debug_register)
    modrm = head.modrm_reg() == 7 ? kCheckedModRm.size() + 1 : kCheckedModRm.size();
  return ActionResult::done().give(0, index_in(kCheckedOpcodes, opcode)).give(1, modrm);
}

ActionResult plan_request(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const Plan plan = plan_in(view, context).plan;
  if (plan == Plan::kInvalidOpcode) {
    guest::print(view, "Invalid MMIO opcode ({:x})", context.head().last_opcode_byte());
  }
  return ActionResult::done().give(0, static_cast<unsigned>(plan));
}

// insn_length: the context, length
ActionResult insn_length(GuestView& view, const Args& args) {
  args.set(kSpare, length_of(context_of(view, args)));
  return ActionResult::done().note(args.get(kSpare));
}

// --- MMIO ---

// ValidateMmioMemory, MemEncryptSevGetAddressRangeState: whole pages from the one that the first
// byte is in up to the last byte. No page at all (a length of 0 at the start of a page) is an error
// like any state that is not `unencrypted`.
bool all_unencrypted(const GuestView& view, GuestVirtAddr address, std::uint64_t size) {
  const GuestVirtAddr end = address + size;
  bool any = false;
  for (GuestVirtAddr page = address.page_base(); page < end; page = page + kPageSize) {
    const GuestView::Lookup found = view.lookup(page);
    if (!found.present || found.c_bit) return false;
    any = true;
  }
  return any;
}

// Where the local APIC's page lies after a reset (APM vol. 2, 16.3.1); nobody moves it here.
constexpr std::uint64_t kApicBase = 0xfee00000;

enum MmioMemory : unsigned { kUnencrypted, kApicPage, kOther };

ActionResult validate_mmio(GuestView& view, const Args& args) {
  const MmioRequest request = mmio_in(context_of(view, args));
  if (all_unencrypted(view, request.address, request.size)) {
    return ActionResult::done().give(0, kUnencrypted);
  }
  const bool apic = request.address.page_base().value == kApicBase;
  return ActionResult::done().give(0, apic ? kApicPage : kOther);
}

// say_encrypted: the context
ActionResult say_encrypted(GuestView& view, const Args& args) {
  const MmioRequest request = mmio_in(context_of(view, args));
  guest::print(view, "MMIO using encrypted memory: {:x}", request.address.value);
  return ActionResult::done();
}

// The linear address goes out as the physical one: OVMF maps everything one to one.
GhcbRequest mmio_request(const MmioRequest& mmio) {
  const GuestPhysAddr address(mmio.address.value);
  return mmio.direction == guest::MmioDirection::kRead
             ? guest::mmio_read_request(address, mmio.size)
             : guest::mmio_write_request(address, mmio.size, mmio.data);
}

// --- requests and answers ---

ActionResult fill_request(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const bool mmio = context.exit_code == exit_code::kNpf;
  const GhcbRequest request =
      mmio ? mmio_request(mmio_in(context)) : plan_in(view, context).nae.request;
  return guest::fill_ghcb(view, request) ? ActionResult::done() : ActionResult::stopped();
}

// UnsupportedExit. fill_unsupported: code
ActionResult fill_unsupported(GuestView& view, const Args& args) {
  GhcbRequest request;
  request.exit_code = svm::ghcb::kUnsupportedEvent;
  request.info_1 = args.get(0);
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

// The handler's copy of DR7. It is kept where an intercepted MOV to DR7 puts nothing: in the
// register itself.
void keep_dr7(GuestView& view, std::uint64_t value) { view.registers().dr7 = value; }

ActionResult take_answer(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  const NaePlan plan = plan_in(view, context);
  if (context.exit_code == exit_code::kWriteDr7) keep_dr7(view, *plan.nae.request.rax);
  if (plan.nae.outputs == 0) return ActionResult::done().give(0, 0);
  GhcbOutputs outputs;
  if (!guest::read_outputs(view, plan.nae.outputs, outputs)) return ActionResult::stopped();
  if (plan.nae.outputs & ~outputs.valid) return ActionResult::done().give(0, 1);
  if (context.exit_code == exit_code::kIoio) {
    // CopyMem of the operand's size: the other bytes of RAX stay, also for 32 bits.
    const std::uint64_t mask = isa::mask_of_size(plan.io.size);
    std::uint64_t& rax = view.registers().gpr[isa::kRax];
    rax = (rax & ~mask) | (outputs.rax & mask);
    return ActionResult::done().give(0, 0);
  }
  if (context.exit_code == exit_code::kCpuid) {
    for (std::uint64_t* value : {&outputs.rax, &outputs.rbx, &outputs.rcx, &outputs.rdx}) {
      *value &= 0xffffffff;
    }
  }
  guest::write_outputs(view, plan.nae.outputs, outputs);
  return ActionResult::done().give(0, 0);
}

// IsFunctionIndexed, GetCpuidFw: XCR0 and XSS of an entry are not looked at.
constexpr std::uint32_t kIndexedLeaves[] = {0x04, 0x07, 0x0b, 0x0d, 0x0f,      0x10,
                                            0x12, 0x14, 0x18, 0x1f, 0x8000001d};
bool matches_entry(const guest::CpuidEntry& entry, const guest::CpuidLeaf& asked) {
  const bool indexed = std::find(std::begin(kIndexedLeaves), std::end(kIndexedLeaves),
                                 entry.leaf) != std::end(kIndexedLeaves);
  return entry.leaf == asked.leaf && (!indexed || entry.subleaf == asked.subleaf);
}

// Dr7ReadExit
ActionResult read_dr7(GuestView& view, const Args& args) {
  const VcContext context = context_of(view, args);
  if (context.exit_code != exit_code::kReadDr7) return ActionResult::done();
  const unsigned gpr = context.head().modrm_rm();
  return guest::set_register(view, gpr, view.registers().dr7) ? ActionResult::done()
                                                              : ActionResult::stopped();
}

// --- what a person sees ---

constexpr Message kMessages[] = {
    {"gp-dump",
     "!!!! X64 Exception Type - 0D(#GP - General Protection)  CPU Apic ID - 00000000 !!!!"},
    {"ud-dump", "!!!! X64 Exception Type - 06(#UD - Invalid Opcode)  CPU Apic ID - 00000000 !!!!"},
    {"assert-mmio", "ASSERT CcExitVcHandler.c MmioExit: ((BOOLEAN)(0==1))"},
    {"assert-nesting", "ASSERT CcExitVcHandler.c VmgExitIssueAssert: ((BOOLEAN)(0==1))"},
    {"assert-ghcb", "ASSERT PeiDxeCcExitVcHandler.c CcExitHandleVc: Msr.Ghcb != 0"},
    {"assert-status",
     "ASSERT CcExitLib.c CcExitVmgExitErrorCheck: "
     "(ExitInfo.Elements.Lower32Bits == 0) || (ExitInfo.Elements.Lower32Bits == 1)"},
    {"assert-protocol", "ASSERT AmdSev.c SevEsProtocolFailure: ((BOOLEAN)(0==1))"},
    {"probe-none", "QEMU Flash: Failed to find probe location"},
    {"probe-snp", "QEMU Flash: SEV-SNP is not supported"},
    {"probe-es", "QEMU Flash: SEV-ES enabled, assuming FD behaves as FLASH"},
    {"probe-at", "QEMU Flash: Attempting flash detection at {:X}"},
    {"probe-ram", "QemuFlashDetected => FD behaves as RAM"},
    {"probe-rom", "QemuFlashDetected => FD behaves as ROM"},
    {"probe-protected", "QemuFlashDetected => FD behaves as FLASH, write-protected"},
    {"probe-flash", "QemuFlashDetected => FD behaves as FLASH, writable"},
    {"probe-yes", "QemuFlashDetected => Yes"},
    {"probe-no", "QemuFlashDetected => No"},
};

// say: text, number
ActionResult say(GuestView& view, const Args& args) {
  guest::print(view, kMessages[args.word(0)].text, args.get_or(1, 0));
  return ActionResult::done();
}

// say_pvalidate: address, operation. The name of the module in front is left out.
ActionResult say_pvalidate(GuestView& view, const Args& args) {
  const std::string text = std::string("BasePvalidate: Failed to ") +
                           (args.get(1) == 1 ? "Validate" : "Invalidate") +
                           " address 0x{:X} Error code {}";
  guest::print(view, text, args.get(0), view.registers().gpr[isa::kRax]);
  return ActionResult::done();
}

template <std::size_t n>
std::vector<std::string> hex_words(const std::array<std::uint8_t, n>& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::vector<std::string> words;
  for (const std::uint8_t byte : bytes) {
    words.push_back({'0', 'x', kDigits[byte >> 4], kDigits[byte & 15]});
  }
  words.emplace_back("other");
  return words;
}

void add_facts(rules::Vocabulary& v) {
  v.add(
      guest::given("opcode", hex_words(kCheckedOpcodes),
                   "the opcode byte that the check looks at: the first one, or the one after 0F"));
  std::vector<std::string> modrm = hex_words(kCheckedModRm);
  modrm.emplace_back("reg-7");
  v.add(guest::given("modrm", modrm, "the byte after the opcode; reg-7: MOV from or to DR7"));
  v.add(guest::given(
      "plan", {"none", "request", "mmio", "unsupported", "invalid-opcode", "string-io", "too-long"},
      "what the decoders make of the instruction"));
  v.add(guest::given("mmio_memory", {"unencrypted", "apic", "other"},
                     "the state of all pages of the access in the current tables; apic: not all "
                     "unencrypted, but the local APIC's"));
  v.add(guest::given("outputs", {"valid", "missing"},
                     "the valid bits of the registers that the answer should have"));
}

}  // namespace

void add_handler_actions(rules::Vocabulary& v) {
  add_facts(v);
  v.add(guest::action<fetch>("fetch", context_args({local_arg("keep_rax"), local_arg("keep_rip")}),
                             {}, "locals", "reads the instruction at the saved RIP"));
  v.add(guest::action<look_at_opcode>("look_at_opcode", context_args(), {"opcode", "modrm"},
                                      "nothing", "what VcCheckOpcodeBytes looks at"));
  v.add(guest::action<plan_request>("plan_request", context_args(), {"plan"}, "nothing",
                                    "decodes the instruction for its exit code"));
  v.add(guest::action<insn_length>("insn_length", context_args({local_arg("length")}), {},
                                   "a local", "CcInstructionLength"));
  v.add(guest::action<validate_mmio>("validate_mmio", context_args(), {"mmio_memory"}, "nothing",
                                     "ValidateMmioMemory"));
  v.add(guest::action<say_encrypted>("say_encrypted", context_args(), {}, "nothing",
                                     "the message of ValidateMmioMemory"));
  v.add(guest::action<fill_request>("fill_request", context_args(), {}, "the GHCB page",
                                    "the request for this event"));
  v.add(guest::action<fill_unsupported>("fill_unsupported", {value_arg("code")}, {},
                                        "the GHCB page", "request 0x8000FFFF with the exit code"));
  v.add(guest::action<take_mmio>("take_mmio", context_args(), {}, "one register",
                                 "the answer of an MMIO read goes to its register"));
  v.add(guest::action<take_answer>("take_answer", context_args(), {"outputs"}, "registers",
                                   "the answer of another request"));
  v.add(guest::action<read_dr7>("read_dr7", context_args(), {}, "one register",
                                "the handler's copy of DR7"));
  v.add(guest::look_up_cpuid_action<matches_entry>());
  rules::ArgDef number = value_arg("number", false);
  v.add(guest::action<say>("say", {word_arg("text", guest::words_of(kMessages)), number}, {},
                           "nothing", "a line of the debug log"));
  v.add(guest::action<say_pvalidate>("say_pvalidate",
                                     {guest::value_arg("address"), guest::value_arg("operation")},
                                     {}, "nothing", "the line of a PVALIDATE that failed"));
}

}  // namespace nptsim::ovmf
