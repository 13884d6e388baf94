// Which request an event becomes: edk2 OvmfPkg/Library/CcExitLib/CcExitVcHandler.c.
#include "models/guest/ovmf/mmio_decode.h"
#include "models/guest/ovmf/parts.h"
#include "sim/arch/svm/exits.h"

namespace nptsim::ovmf {
namespace {

namespace exit_code = svm::exit_code;
using guest::InsnHead;
using guest::VcContext;

constexpr std::uint64_t kCpuidExtendedState = 0xd;
constexpr unsigned kAllOutputs = guest::kOutRax | guest::kOutRbx | guest::kOutRcx | guest::kOutRdx;

NaePlan refused(Plan why) {
  NaePlan plan;
  plan.plan = why;
  return plan;
}

NaePlan mmio_plan(const VcContext& context) {
  const auto decoded = decode_mmio(context.insn.bytes(), context.registers);
  if (decoded) return refused(Plan::kMmio);
  switch (decoded.error()) {
    case MmioFailure::kInvalidOpcode:
      return refused(Plan::kInvalidOpcode);
    case MmioFailure::kRegisterOperand:
      return refused(Plan::kUnsupported);
    case MmioFailure::kNeedsMoreBytes:
      return refused(Plan::kTooLong);
  }
  NPTSIM_BUG("no such MmioFailure");
}

// CpuidExit, GetCpuidHyp: 32 bits of each register; XCR0 only for leaf 0xD.
NaePlan cpuid_plan(const VcContext& context, std::uint64_t xcr0) {
  NaePlan plan;
  guest::GhcbRequest& request = plan.nae.request;
  request.exit_code = context.exit_code;
  request.rax = context.registers.gpr[isa::kRax] & 0xffffffff;
  request.rcx = context.registers.gpr[isa::kRcx] & 0xffffffff;
  if (*request.rax == kCpuidExtendedState) request.xcr0 = xcr0;
  plan.nae.outputs = kAllOutputs;
  return plan;
}

// MsrExit looks at the byte after the first opcode byte, not at the one that the opcode check took:
// 30 and 32 without 0F pass that check and come here, where their ModRM byte decides.
NaePlan msr_plan(const VcContext& context, const InsnHead& head) {
  if (head.second != 0x30 && head.second != 0x32) return refused(Plan::kUnsupported);
  NaePlan plan;
  plan.nae = guest::common_plan(context, head.second == 0x30);
  return plan;
}

// IoioExit, IoioExitInfo: an opcode that is no IN or OUT gives 0, which is refused.
NaePlan ioio_plan(const VcContext& context, const InsnHead& head) {
  NaePlan plan;
  plan.io = guest::io_request(head, context.registers.gpr[isa::kRdx]);
  if (!plan.io.is_io) return refused(Plan::kUnsupported);
  if (plan.io.string) {
    plan.plan = Plan::kStringIo;
    plan.nae.request =
        guest::string_request(context.exit_code, plan.io, string_of(context, plan.io));
    return plan;
  }
  guest::GhcbRequest& request = plan.nae.request;
  request.exit_code = context.exit_code;
  request.info_1 = plan.io.info;
  request.rax = plan.io.in ? 0 : context.registers.gpr[isa::kRax] & isa::mask_of_size(plan.io.size);
  if (plan.io.in) plan.nae.outputs = guest::kOutRax;
  return plan;
}

NaePlan with_registers(const VcContext& context, bool rax, bool rcx, bool rdx) {
  NaePlan plan;
  plan.nae.request.exit_code = context.exit_code;
  if (rax) plan.nae.request.rax = context.registers.gpr[isa::kRax];
  if (rcx) plan.nae.request.rcx = context.registers.gpr[isa::kRcx];
  if (rdx) plan.nae.request.rdx = context.registers.gpr[isa::kRdx];
  return plan;
}

// Dr7WriteExit: "MOV DRn always treats MOD == 3 no matter how encoded".
NaePlan write_dr7_plan(const VcContext& context, const InsnHead& head) {
  NaePlan plan;
  plan.nae.request.exit_code = context.exit_code;
  plan.nae.request.rax = context.registers.gpr[head.modrm_rm()];
  return plan;
}

// Handlers that call CcDecodeModRm. They take what follows the opcode for a ModRM byte even where
// the instruction has none, or has a SIB byte and a displacement behind it.
bool decodes_modrm(std::uint64_t code) {
  switch (code) {
    case exit_code::kReadDr7:
    case exit_code::kWriteDr7:
    case exit_code::kVmmcall:
    case exit_code::kRdtscp:
    case exit_code::kMonitor:
    case exit_code::kMwait:
      return true;
    default:
      return false;
  }
}

}  // namespace

guest::StringIo string_of(const VcContext& context, const guest::IoRequest& io) {
  const std::uint64_t wanted = io.repeated ? context.registers.gpr[isa::kRcx] : 1;
  return guest::next_string(context.registers, io, wanted);
}

NaePlan plan_of(const VcContext& context, std::uint64_t xcr0) {
  const InsnHead head = context.head();
  switch (context.exit_code) {
    case exit_code::kNpf:
      return mmio_plan(context);
    case exit_code::kReadDr7:
      return refused(Plan::kNone);
    case exit_code::kWriteDr7:
      return write_dr7_plan(context, head);
    case exit_code::kCpuid:
      return cpuid_plan(context, xcr0);
    case exit_code::kIoio:
      return ioio_plan(context, head);
    case exit_code::kMsr:
      return msr_plan(context, head);
    case exit_code::kMonitor:
      return with_registers(context, true, true, true);
    case exit_code::kMwait:
      return with_registers(context, true, true, false);
    case exit_code::kRdtsc:
    case exit_code::kRdtscp:
    case exit_code::kRdpmc:
    case exit_code::kInvd:
    case exit_code::kWbinvd:
    case exit_code::kVmmcall: {
      NaePlan plan;
      plan.nae = guest::common_plan(context, false);
      return plan;
    }
    default:
      return refused(Plan::kUnsupported);
  }
}

unsigned length_of(const VcContext& context) {
  if (context.exit_code == exit_code::kNpf) {
    const auto decoded = decode_mmio(context.insn.bytes(), context.registers);
    return decoded ? decoded.value().length : 0;
  }
  if (decodes_modrm(context.exit_code)) {
    return length_with_modrm(context.insn.bytes(), context.registers).value_or(0);
  }
  const InsnHead head = context.head();
  const bool immediate = context.exit_code == exit_code::kIoio && head.has_immediate();
  return head.prefix_count + (head.two_byte ? 2 : 1) + (immediate ? 1 : 0);
}

bool insn_complete(const VcContext& context) {
  if (context.exit_code == exit_code::kNpf) {
    const auto decoded = decode_mmio(context.insn.bytes(), context.registers);
    return decoded || decoded.error() != MmioFailure::kNeedsMoreBytes;
  }
  if (context.head().ran_out) return false;
  return !decodes_modrm(context.exit_code) ||
         length_with_modrm(context.insn.bytes(), context.registers).has_value();
}

}  // namespace nptsim::ovmf
