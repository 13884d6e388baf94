// Exits that are no faults: intercepts, exits to user space, injected events.
#include "models/kernel/kvm/cpuid.h"
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/devices.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/lapic_registers.h"
#include "models/kernel/kvm/mmu_role.h"
#include "models/kernel/kvm/pio_bus.h"
#include "sim/arch/svm/exits.h"
#include "sim/arch/svm/sev.h"

namespace nptsim::kvm {
namespace {

namespace code = svm::exit_code;
namespace uapi = kvm_uapi;
using machine::Hex;

enum Handled : unsigned { kHandled, kIo, kHalted, kUnknown, kBadMsr, kOtherMsr, kStringIo };
ActionResult handled(Handled how) { return ActionResult::done().give(0, how); }

ActionResult set_exit(View& view, const Args& args) {
  // The words of the argument are those of ExitReason, from kShutdown on.
  constexpr uapi::ExitReason kReasons[] = {uapi::ExitReason::kShutdown,
                                           uapi::ExitReason::kFailEntry,
                                           uapi::ExitReason::kApResetHold, uapi::ExitReason::kHlt};
  uapi::set_exit_reason(view, kReasons[args.word(0)]);
  return ActionResult::done();
}

ActionResult set_run_errno(View& view, const Args& args) {
  constexpr uapi::Errno kErrnos[] = {uapi::Errno::kEfault, uapi::Errno::kEinval, uapi::Errno::kEio,
                                     uapi::Errno::kEnoent};
  uapi::fail_run(view, kErrnos[args.word(0)]);
  return ActionResult::done();
}

ActionResult set_internal_error(View& view, const Args& args) {
  uapi::exit_for_internal_error(view, args.get(0));
  return ActionResult::done();
}

ActionResult inject(View& view, const Args& args) {
  std::optional<std::uint32_t> error;
  if (args.has(1)) error = static_cast<std::uint32_t>(args.get(1));
  queue_exception(view, static_cast<std::uint8_t>(args.get(0)), error);
  return ActionResult::done();
}

// What no source settles ends the run, with the name of the gap.
const std::vector<std::string> kGaps = {
    "emulation-while-delivering", "npf-next-rip",   "snp-request", "psc-buffer",
    "gmem-flag-dropped",          "io-without-size"};
constexpr const char* kGapTexts[] = {
    "KVM emulates the instruction at RIP while an event is being delivered",
    "whether the processor saves nRIP at a #NPF: the manual says no, Linux 7.0 counts on it",
    "what a guest's encrypted message asks of the AMD-SP",
    "what lies behind the kernel's copy of a list of page-state changes",
    "a slot that lost KVM_MEM_GUEST_MEMFD and kept what it was bound to",
    "a string of elements without a size: KVM divides a page by it, and the host has the exception",
};

ActionResult no_source(View& view, const Args& args) {
  view.end_vm(machine::Outcome(machine::OutcomeKind::kUnspecified, kGapTexts[args.word(0)]));
  return ActionResult::done();
}

// What KVM does and the model does not.
const std::vector<std::string> kUnmodelled = {"msr", "intercept", "vmpl-at-once"};
constexpr const char* kUnmodelledTexts[] = {
    "what KVM makes of this model-specific register is not modelled",
    "what KVM's handler of this intercept does is not modelled",
    "another VMPL that a request to create its VMSA starts at once is not modelled"};

ActionResult not_modelled(View& view, const Args& args) {
  end_unmodelled(view, kUnmodelledTexts[args.word(0)]);
  return ActionResult::done();
}

// The exception that was intercepted; its error code is in EXITINFO1 (APM vol. 2, 15.12).
ActionResult queue_again(View& view, const Args&) {
  const auto vector = static_cast<std::uint8_t>(view.exit_record().exit_code - code::kException0);
  std::optional<std::uint32_t> error;
  if (isa::pushes_error_code(vector)) {
    error = static_cast<std::uint32_t>(view.exit_record().exit_info_1);
  }
  queue_exception(view, vector, error);
  return ActionResult::done();
}

// shutdown_interception: the VMCB is cleared and the vCPU put into its INIT state. User space ends
// the run before that state would be seen.
ActionResult reset_vcpu(OpenView&, const Args&) { return ActionResult::done(); }

unsigned wakeup(const View& view) { return vcpu_of(view).get(vcpu::kWakeup) != 0; }

// --- port I/O (EXITINFO1: APM vol. 2, 15.10.2; the GHCB has the same) ---

// A guest's own request may name a size that no instruction has: KVM takes the three bits as they
// are.
std::uint64_t mask_of_io(std::uint64_t size) {
  return size == 0 ? 0 : bit_range(static_cast<unsigned>(8 * size - 1), 0);
}

void request_io_by_info(View& view, std::uint64_t info, std::uint64_t rax) {
  IoRequest request{.port = get_bits(info, 31, 16), .size = get_bits(info, 6, 4)};
  request.out = !has_bit(info, 0);
  if (request.out) request.data = rax & mask_of_io(request.size);
  kvm::request_io(view, request);
}

// IN or OUT of one element by the kernel's own devices; false: user space is to do it.
// kvm_fast_pio_in: less than four bytes leave the others of RAX alone.
bool kernel_io(View& view, std::uint64_t info, std::uint64_t& rax) {
  const PortAccess access{get_bits(info, 31, 16), get_bits(info, 6, 4)};
  const std::uint64_t mask = mask_of_io(access.size), kept = access.size < 4 ? rax & ~mask : 0;
  if (!has_bit(info, 0)) return write_port(view, access, rax & mask);
  std::uint64_t value = access.size < 4 ? rax & mask : 0;
  if (read_port(view, access, value) == DeviceAnswer::kNotMine) return false;
  rax = kept | (value & mask);
  return true;
}

// --- model-specific registers that KVM itself holds ---

bool known_msr(std::uint32_t number) { return svm::msr_direct_bit(number) != 0; }

bool apic_msr(View& view, std::uint32_t number, bool write, std::uint64_t& value) {
  if (!write) return read_apic_msr(view, number, value);
  const bool good = write_apic_msr(view, number, value);
  watch_pit(view);  // an APIC that is off lets the 8259 through
  return good;
}

// The processor's own numbers, and those of the interfaces that KVM offers to its guests (Hyper-V's
// and its own, kvm_para.h): some of them KVM knows. Any other number it does not (x86.c
// kvm_get_msr_common, kvm_set_msr_common).
Handled unheld_msr(std::uint32_t number) {
  constexpr std::uint32_t kRanges[] = {0x0, 0x40000000, 0x4b564000, 0xc0000000, 0xc0010000};
  for (const std::uint32_t first : kRanges) {
    if (number - first < 0x2000) return kOtherMsr;
  }
  return kBadMsr;
}

// kvm_emulate_hypercall: only the guest's kernel is served, and no number is known here
// (include/uapi/linux/kvm_para.h; 32 bits of the answer outside 64-bit mode).
std::uint64_t hypercall(unsigned cpl) {
  constexpr std::uint64_t kEperm = 1, kEnosys = 1000;
  return 0 - (cpl != 0 ? kEperm : kEnosys);
}

// --- with registers ---

void skip(svm::VcpuRecord& v) { v.registers.rip = v.exit.nrip; }

Handled msr_access(View& view, svm::VcpuRecord& v) {
  const auto number = static_cast<std::uint32_t>(v.registers.gpr[isa::kRcx]);
  const bool write = v.exit.exit_info_1 != 0;
  std::uint64_t* held = number == svm::msr::kEfer  ? &v.registers.efer
                        : number == svm::msr::kPat ? &v.registers.pat
                                                   : nullptr;
  std::uint64_t value =
      v.registers.gpr[isa::kRdx] << 32 | (v.registers.gpr[isa::kRax] & isa::mask_of_size(4));
  if (is_apic_msr(number)) {
    if (!apic_msr(view, number, write, value)) return kBadMsr;
  } else if (held != nullptr) {
    (write ? *held : value) = write ? value : *held;
  } else {
    return known_msr(number) ? kOtherMsr : unheld_msr(number);
  }
  if (!write) {
    isa::write_gpr(v.registers, isa::kRax, 4, value);
    isa::write_gpr(v.registers, isa::kRdx, 4, value >> 32);
  }
  skip(v);
  return kHandled;
}

Handled io_access(View& view, svm::VcpuRecord& v) {
  std::uint64_t& rax = v.registers.gpr[isa::kRax];
  if (!kernel_io(view, v.exit.exit_info_1, rax)) {
    request_io_by_info(view, v.exit.exit_info_1, rax);
    return kIo;
  }
  v.registers.rip = v.exit.exit_info_2;  // of IOIO: the next rIP
  return kHandled;
}

// The decode assist names the register of a MOV to CR in EXITINFO1[3:0] (APM vol. 2, 15.8.1).
Handled write_cr(View& view, svm::VcpuRecord& v) {
  if (v.exit.exit_code < code::kWriteCr0) return kUnknown;
  const std::uint64_t value = v.registers.gpr[get_bits(v.exit.exit_info_1, 3, 0)];
  switch (v.exit.exit_code - code::kWriteCr0) {
    case 0:
      v.registers.cr0 = value;
      break;
    case 4:
      v.registers.cr4 = value;
      break;
    case 8:
      v.registers.cr8 = value;
      // kvm_set_cr8: the task priority of an APIC in the kernel.
      if (lapic::in_kernel(view)) {
        lapic::set(view.store(), view.vcpu(), lapic::kTaskPri,
                   static_cast<std::uint32_t>(get_bits(value, 3, 0) << 4));
      }
      break;
    default:
      return kUnknown;
  }
  v.control.tlb_control = 1;
  skip(v);
  return kHandled;
}

ActionResult handle_intercept_open(OpenView& view, const Args&) {
  svm::VcpuRecord& v = view.vcpu_state();
  isa::Registers& r = v.registers;
  switch (v.exit.exit_code) {
    case code::kCpuid: {
      const CpuidAnswer answer = cpuid(view, static_cast<std::uint32_t>(r.gpr[isa::kRax]));
      r.gpr[isa::kRax] = answer.eax;
      r.gpr[isa::kRbx] = answer.ebx;
      r.gpr[isa::kRcx] = answer.ecx;
      r.gpr[isa::kRdx] = answer.edx;
      skip(v);
      return handled(kHandled);
    }
    case code::kMsr:
      return handled(msr_access(view, v));
    case code::kIoio:
      if (has_bit(v.exit.exit_info_1, 2)) return handled(kStringIo);
      return handled(io_access(view, v));
    case code::kHlt:
      skip(v);
      return handled(kHalted);
    case code::kVmmcall: {
      const std::uint64_t answer = hypercall(r.cpl);
      r.gpr[isa::kRax] = isa::mode_of(r) == isa::Mode::k64 ? answer : answer & isa::mask_of_size(4);
      skip(v);
      return handled(kHandled);
    }
    case code::kRdpmc:
      queue_exception(view, isa::kGp, 0);
      return handled(kHandled);
    case code::kInvd:
    case code::kWbinvd:
    case code::kMonitor:
    case code::kMwait:
    case code::kPause:
      skip(v);
      return handled(kHandled);
    default:
      if (v.exit.exit_code < code::kReadDr0) return handled(write_cr(view, v));
      // nested_svm_check_permissions: SVM is not offered, so the guest's EFER.SVME is 0.
      if (v.exit.exit_code == code::kInvlpga ||
          (v.exit.exit_code >= code::kVmrun && v.exit.exit_code <= code::kSkinit)) {
        queue_exception(view, isa::kUd, std::nullopt);
        return handled(kHandled);
      }
      return handled(kUnknown);
  }
}

// --- with what the guest put into its GHCB, or with nothing (automatic exits) ---

// EFER and PAT are the guest's own there (direct_msrs), so a request for one of them is none of
// ours.
Handled msr_by_request(View& view, const Record& vcpu) {
  const auto number = static_cast<std::uint32_t>(vcpu.get(vcpu::kRcx));
  if (!is_apic_msr(number)) return known_msr(number) ? kOtherMsr : unheld_msr(number);
  const bool write = vcpu.get(vcpu::kExitInfo1) != 0;
  std::uint64_t value = vcpu.get(vcpu::kRdx) << 32 | (vcpu.get(vcpu::kRax) & isa::mask_of_size(4));
  if (!apic_msr(view, number, write, value)) return kBadMsr;
  if (write) return kHandled;
  vcpu.set(vcpu::kRax, value & isa::mask_of_size(4));
  vcpu.set(vcpu::kRdx, value >> 32);
  return kHandled;
}

Handled io_by_request(View& view, const Record& vcpu) {
  const std::uint64_t info = vcpu.get(vcpu::kExitInfo1);
  std::uint64_t rax = vcpu.get(vcpu::kRax);
  if (!kernel_io(view, info, rax)) {
    request_io_by_info(view, info, rax);
    return kIo;
  }
  vcpu.set(vcpu::kRax, rax);
  return kHandled;
}

ActionResult handle_intercept_sealed(SealedView& view, const Args&) {
  const std::uint64_t exit = view.exit_record().exit_code;
  if (exit == code::kHlt) return handled(kHalted);
  if (exit != code::kVmgexit) {  // write traps, PAUSE: nothing to answer
    note_write_trap(view);
    return handled(kHandled);
  }
  const Record vcpu = vcpu_of(view);
  switch (vcpu.get(vcpu::kExitCode)) {
    case code::kCpuid: {
      const CpuidAnswer answer = cpuid(view, static_cast<std::uint32_t>(vcpu.get(vcpu::kRax)));
      vcpu.set(vcpu::kRax, answer.eax);
      vcpu.set(vcpu::kRbx, answer.ebx);
      vcpu.set(vcpu::kRcx, answer.ecx);
      vcpu.set(vcpu::kRdx, answer.edx);
      return handled(kHandled);
    }
    case code::kIoio:
      if (has_bit(vcpu.get(vcpu::kExitInfo1), 2)) return handled(kStringIo);
      return handled(io_by_request(view, vcpu));
    case code::kMsr:
      return handled(msr_by_request(view, vcpu));
    case code::kVmmcall:
      // A guest with protected state counts as one in 64-bit mode (is_64_bit_hypercall).
      vcpu.set(vcpu::kRax, hypercall(static_cast<unsigned>(vcpu.get(vcpu::kCpl))));
      return handled(kHandled);
    default:
      return handled(kHandled);
  }
}

ActionResult complete_io_open(OpenView& view, const Args&) {
  const ConstRecord run = run_of(static_cast<const View&>(view));
  svm::VcpuRecord& v = view.vcpu_state();
  if (!run.get(uapi::run::kIoOut)) {
    isa::write_gpr(v.registers, isa::kRax, static_cast<unsigned>(run.get(uapi::run::kIoSize)),
                   run.get(uapi::run::kIoData));
  }
  v.registers.rip = v.exit.exit_info_2;  // of IOIO: the next rIP
  return ActionResult::done();
}

ActionResult complete_io_sealed(SealedView& view, const Args&) {
  const ConstRecord run = run_of(static_cast<const View&>(view));
  if (run.get(uapi::run::kIoOut)) return ActionResult::done();
  // complete_fast_pio_in: less than four bytes leave the others of RAX alone.
  const std::uint64_t size = run.get(uapi::run::kIoSize), mask = mask_of_io(size);
  const Record vcpu = vcpu_of(view);
  const std::uint64_t kept = size < 4 ? vcpu.get(vcpu::kRax) & ~mask : 0;
  vcpu.set(vcpu::kRax, kept | (run.get(uapi::run::kIoData) & mask));
  return ActionResult::done();
}

}  // namespace

void request_io(View& view, const IoRequest& request) {
  const Record run = run_of(view);
  run.set(uapi::run::kExitReason, static_cast<std::uint64_t>(uapi::ExitReason::kIo));
  run.set(uapi::run::kIoPort, request.port);
  run.set(uapi::run::kIoSize, request.size);
  run.set(uapi::run::kIoOut, request.out);
  run.set(uapi::run::kIoCount, request.count);
  run.set(uapi::run::kIoData, request.data);
  machine::EventFields fields{{"port", Hex{request.port}},
                              {"out", request.out},
                              {"size", request.size},
                              {"count", request.count}};
  if (request.out) fields.add("data", Hex{request.data});
  view.say("kvm_exit_io", std::move(fields));
}

void add_exit_actions(rules::Vocabulary& v) {
  v.add(given("handled", {"done", "io", "halted", "unknown", "bad-msr", "other-msr", "string-io"},
              "what an intercept handler asks for"));
  v.add(fact<wakeup>("wakeup", {"none", "pending"}, "something ends HLT"));

  v.add(action<set_exit>("set_exit",
                         {word_arg("reason", {"shutdown", "fail-entry", "ap-reset-hold", "hlt"})},
                         "kvm_run", "exit_reason"));
  v.add(action<set_run_errno>("set_run_errno",
                              {word_arg("errno", {"EFAULT", "EINVAL", "EIO", "ENOENT"})},
                              "what KVM_RUN returns", "-1 and errno"));
  v.add(action<set_internal_error>("set_internal_error", {number_arg("suberror", 4)}, "kvm_run",
                                   "KVM_EXIT_INTERNAL_ERROR"));
  v.add(action<inject>("inject",
                       {number_arg("vector", 31), number_arg("error_code", 0xffff, false)},
                       "EVENTINJ", "queues an exception of the guest"));
  v.add(action<no_source>("no_source", {word_arg("gap", kGaps)}, "the outcome of the VM",
                          "nobody knows what happens here"));
  v.add(action<not_modelled>("not_modelled", {word_arg("what", kUnmodelled)},
                             "the outcome of the VM", "the model has no answer"));
  v.add(action<queue_again>("queue_again", {}, "EVENTINJ", "the intercepted exception, as it was"));
  v.add(open_action<reset_vcpu>("reset_vcpu", {}, "the vCPU", "its INIT state"));

  rules::ActionDef intercept;
  intercept.name = "handle_intercept";
  intercept.gives = {"handled"};
  intercept.writes = "the guest's registers, or the GHCB snapshot; kvm_run";
  intercept.text = "the intercept's handler";
  intercept.open = rules::action_of<OpenView, handle_intercept_open>;
  intercept.sealed = rules::action_of<SealedView, handle_intercept_sealed>;
  v.add(intercept);
  rules::ActionDef io;
  io.name = "complete_io";
  io.writes = "RAX and RIP, or the GHCB snapshot";
  io.text = "takes the answer of user space";
  io.open = rules::action_of<OpenView, complete_io_open>;
  io.sealed = rules::action_of<SealedView, complete_io_sealed>;
  v.add(io);
}

}  // namespace nptsim::kvm
