// Which request an event becomes: Linux arch/x86/coco/sev/vc-handle.c and vc-shared.c.
#include "models/guest/linux/mmio_decode.h"
#include "models/guest/linux/parts.h"
#include "sim/arch/svm/exits.h"
#include "sim/isa/decode.h"

namespace nptsim::linux_guest {
namespace {

namespace exit_code = svm::exit_code;
using guest::InsnHead;
using guest::VcContext;

constexpr unsigned kAllOutputs = guest::kOutRax | guest::kOutRbx | guest::kOutRcx | guest::kOutRdx;

NaePlan refused(Plan why) {
  NaePlan plan;
  plan.plan = why;
  return plan;
}

NaePlan mmio_plan(const VcContext& context) {
  const auto decoded = decode_mmio(context.insn.bytes(), context.registers);
  if (!decoded) {
    return refused(decoded.error() == MmioFailure::kUnsupported ? Plan::kUnsupported
                                                                : Plan::kDecodeFailed);
  }
  return refused(std::holds_alternative<MmioMovs>(decoded.value()) ? Plan::kMovs : Plan::kMmio);
}

// vc_handle_cpuid: whole registers, and XCR0 for every leaf.
NaePlan cpuid_plan(const VcContext& context, std::uint64_t xcr0) {
  NaePlan plan;
  guest::GhcbRequest& request = plan.nae.request;
  request.exit_code = context.exit_code;
  request.rax = context.registers.gpr[isa::kRax];
  request.rcx = context.registers.gpr[isa::kRcx];
  request.xcr0 = xcr0;
  plan.nae.outputs = kAllOutputs;
  return plan;
}

// vc_handle_msr looks at the second opcode byte, which is 0 where there is none.
// sev_es_ghcb_handle_msr takes RAX and RDX without asking for their valid bits.
NaePlan msr_plan(const VcContext& context, const InsnHead& head) {
  NaePlan plan;
  plan.nae = guest::common_plan(context, head.two_byte && head.second == 0x30);
  plan.nae.outputs_checked = false;
  return plan;
}

NaePlan string_plan(const VcContext& context, const guest::IoRequest& io) {
  NaePlan plan = refused(io.in ? Plan::kIns : Plan::kOuts);
  plan.nae.request = guest::string_request(context.exit_code, io, string_of(context, io));
  plan.io = io;
  return plan;
}

// vc_ioio_exitinfo, vc_handle_ioio. vc_ioio_check: user mode needs an I/O bitmap; the simulated
// processes have none.
NaePlan ioio_plan(const VcContext& context, const InsnHead& head) {
  NaePlan plan;
  plan.io = guest::io_request(head, context.registers.gpr[isa::kRdx]);
  if (!plan.io.is_io) return refused(Plan::kDecodeFailed);
  if (context.user()) return refused(Plan::kGp);
  if (plan.io.string) return string_plan(context, plan.io);
  guest::GhcbRequest& request = plan.nae.request;
  request.exit_code = context.exit_code;
  request.info_1 = plan.io.info;
  request.rax = plan.io.in ? 0 : context.registers.gpr[isa::kRax] & isa::mask_of_size(plan.io.size);
  if (plan.io.in) plan.nae.outputs = guest::kOutRax;
  return plan;
}

// vc_handle_dr7_write: the upper half must be zero; reserved bits are cleared, bit 10 is set.
NaePlan write_dr7_plan(const VcContext& context, const InsnHead& head) {
  const std::uint64_t value = context.registers.gpr[head.modrm_rm()];
  if (value >> 32 != 0) return refused(Plan::kGp);
  constexpr std::uint64_t kWritable = 0xffff23ff;
  NaePlan plan;
  plan.nae.request.exit_code = context.exit_code;
  plan.nae.request.rax = (value & kWritable) | bit(10);
  return plan;
}

// vc_handle_vmmcall tells only user from kernel.
NaePlan vmmcall_plan(const VcContext& context) {
  NaePlan plan;
  plan.nae = guest::common_plan(context, false);
  plan.nae.request.cpl = context.user() ? 3 : 0;
  return plan;
}

}  // namespace

guest::StringIo string_of(const VcContext& context, const guest::IoRequest& io) {
  const isa::Registers& r = context.registers;
  const auto wanted = static_cast<std::uint32_t>(r.gpr[isa::kRcx]);
  guest::StringIo string = guest::next_string(r, io, io.repeated ? wanted : 1);
  string.down = (r.rflags & isa::kFlagDf) != 0;
  return string;
}

NaePlan plan_of(const VcContext& context, std::uint64_t xcr0) {
  const InsnHead head = context.head();
  switch (context.exit_code) {
    case exit_code::kNpf:
      return mmio_plan(context);
    case exit_code::kWriteDr7:
      return write_dr7_plan(context, head);
    case exit_code::kCpuid:
      return cpuid_plan(context, xcr0);
    case exit_code::kIoio:
      return ioio_plan(context, head);
    case exit_code::kMsr:
      return msr_plan(context, head);
    case exit_code::kVmmcall:
      return vmmcall_plan(context);
    case exit_code::kRdtsc:
    case exit_code::kRdtscp:
    case exit_code::kRdpmc:
    case exit_code::kWbinvd: {
      NaePlan plan;
      plan.nae = guest::common_plan(context, false);
      return plan;
    }
    case exit_code::kReadDr7:
    case exit_code::kMonitor:
    case exit_code::kMwait:
      return refused(Plan::kNone);
    default:
      return refused(Plan::kUnsupported);
  }
}

// insn.length of the whole instruction. What the opcode check let pass has no operands in memory;
// without the check it may be any instruction.
unsigned decoded_length(const VcContext& context) {
  isa::Instruction instruction;
  const auto status = isa::decode(context.insn.bytes(), isa::Mode::k64, instruction);
  return status == isa::DecodeStatus::kOk ? instruction.length : context.head().length();
}

unsigned length_of(const VcContext& context) {
  if (context.exit_code != exit_code::kNpf) return decoded_length(context);
  const auto decoded = decode_mmio(context.insn.bytes(), context.registers);
  if (!decoded) return 0;
  return std::visit([](const auto& form) { return unsigned{form.length}; }, decoded.value());
}

}  // namespace nptsim::linux_guest
