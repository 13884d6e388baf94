// x86_emulate_instruction for a guest whose registers and memory KVM can read.
#include <vector>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/emulator.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/inject.h"
#include "sim/isa/execute.h"

namespace nptsim::kvm {
namespace {

namespace uapi = kvm_uapi;
using machine::Hex;

enum Emulation : unsigned { kEmulated, kMmio, kInjected, kFailed };
ActionResult gives(Emulation how) { return ActionResult::done().give(0, how); }

// x86_emulate_insn goes on with a repeated string instruction by itself, up to this many rounds.
constexpr unsigned kMaxRounds = 1024;

void request_mmio(View& view, const MmioFragment& fragment, bool write) {
  const Record run = run_of(view);
  run.set(uapi::run::kExitReason, static_cast<std::uint64_t>(uapi::ExitReason::kMmio));
  run.set(uapi::run::kMmioWrite, write);
  run.set(uapi::run::kMmioLen, fragment.length);
  run.set(uapi::run::kMmioAddress, fragment.gpa.value);
  run.set(uapi::run::kMmioData, fragment.data);
  view.say("kvm_exit_mmio", {{"gpa", Hex{fragment.gpa.value}},
                             {"len", static_cast<std::uint64_t>(fragment.length)},
                             {"write", write},
                             {"data", Hex{fragment.data}},
                             {"from", std::string("emulator")}});
}

// Takes the answer to the read that user space was asked for.
void take_answer(View& view) {
  const Record vcpu = vcpu_of(view);
  if (vcpu.get(vcpu::kReadBytes) == 0) return;
  const std::uint64_t count = vcpu.get(vcpu::kReads);
  NPTSIM_CHECK(count < vcpu::kMaxReads);
  view.store().write(Space::kKernel, vcpu.base() + vcpu::kReadData0.word + count,
                     run_of(view).get(uapi::run::kMmioData));
  vcpu.set(vcpu::kReads, count + 1);
  vcpu.set(vcpu::kReadBytes, 0);
}

void forget_answers(View& view) {
  const Record vcpu = vcpu_of(view);
  for (std::uint64_t i = 0; i < vcpu.get(vcpu::kReads); ++i) {
    view.store().write(Space::kKernel, vcpu.base() + vcpu::kReadData0.word + i, 0);
  }
  vcpu.set(vcpu::kReads, 0);
}

std::uint64_t fragment_word(const Record& vcpu, std::uint64_t n) {
  return vcpu.base() + vcpu::kFirstFragment + n * vcpu::kFragmentWords;
}

void keep_fragments(View& view, const std::vector<MmioFragment>& fragments) {
  const Record vcpu = vcpu_of(view);
  NPTSIM_CHECK(fragments.size() <= vcpu::kMaxFragments);
  for (std::uint64_t i = 0; i < fragments.size(); ++i) {
    const std::uint64_t word = fragment_word(vcpu, i);
    view.store().write(Space::kKernel, word, fragments[i].gpa.value);
    view.store().write(Space::kKernel, word + 1, fragments[i].length);
    view.store().write(Space::kKernel, word + 2, fragments[i].data);
  }
  vcpu.set(vcpu::kFragments, fragments.size());
  vcpu.set(vcpu::kFragmentNext, 0);
}

// The next write that waits for user space; false when there is none left.
bool next_fragment(View& view) {
  const Record vcpu = vcpu_of(view);
  const std::uint64_t next = vcpu.get(vcpu::kFragmentNext), count = vcpu.get(vcpu::kFragments);
  if (next >= count) {
    for (std::uint64_t word = 0; word < count * vcpu::kFragmentWords; ++word) {
      view.store().write(Space::kKernel, vcpu.base() + vcpu::kFirstFragment + word, 0);
    }
    vcpu.set(vcpu::kFragments, 0);
    vcpu.set(vcpu::kFragmentNext, 0);
    return false;
  }
  const std::uint64_t word = fragment_word(vcpu, next);
  MmioFragment fragment;
  fragment.gpa = GuestPhysAddr(view.store().read(Space::kKernel, word));
  fragment.length = static_cast<unsigned>(view.store().read(Space::kKernel, word + 1));
  fragment.data = view.store().read(Space::kKernel, word + 2);
  vcpu.set(vcpu::kFragmentNext, next + 1);
  request_mmio(view, fragment, true);
  return true;
}

// The opcode byte of an instruction of the one-byte map; 0x0f for all others.
isa::u8 opcode_of(const isa::Instruction& instruction) {
  for (const isa::u8 byte : instruction.encoding()) {
    const bool legacy_prefix = byte == 0x66 || byte == 0x67 || byte == 0xf0 || byte == 0xf2 ||
                               byte == 0xf3 || byte == 0x2e || byte == 0x36 || byte == 0x3e ||
                               byte == 0x26 || byte == 0x64 || byte == 0x65;
    const bool rex = instruction.mode == isa::Mode::k64 && (byte & 0xf0) == 0x40;
    if (!legacy_prefix && !rex) return byte;
  }
  return 0;
}

// One round: one instruction, or one iteration of a repeated one.
struct Round {
  Emulation how = kEmulated;
  bool repeats = false;  // a repeated instruction has iterations left
};

// Linux arch/x86/kvm/emulate.c: repeated string instructions and those marked TwoMemOp (MOVS, CMPS,
// PUSH and POP of memory) touch more than the address that faulted.
bool can_use_fault_gpa(const isa::Instruction& instruction) {
  const isa::u8 opcode = opcode_of(instruction);
  const bool string = opcode >= 0xa4 && opcode <= 0xaf && opcode != 0xa8 && opcode != 0xa9;
  if (string && instruction.repeat != isa::Repeat::kNone) return false;
  const bool movs_or_cmps = opcode >= 0xa4 && opcode <= 0xa7;
  const bool stack_of_memory =
      opcode == 0x8f || (opcode == 0xff && instruction.has_memory_operand());
  return !movs_or_cmps && !stack_of_memory;
}

Round emulate_round(OpenView& view, const isa::Instruction& instruction) {
  svm::VcpuRecord& v = view.vcpu_state();
  EmulatorPort port(view, can_use_fault_gpa(instruction));
  const isa::Outcome outcome = isa::execute(instruction, v.registers, port);
  switch (outcome.kind) {
    case isa::OutcomeKind::kRetired:
    case isa::OutcomeKind::kIteration: {
      forget_answers(view);
      const auto fragments = port.commit();
      keep_fragments(view, fragments);
      const bool repeats = outcome.kind == isa::OutcomeKind::kIteration;
      if (fragments.empty()) return {kEmulated, repeats};
      next_fragment(view);
      return {kMmio, repeats};
    }
    case isa::OutcomeKind::kStopped:
      if (port.page_fault()) {
        forget_answers(view);
        inject_page_fault(view, *port.page_fault());
        return {kInjected, false};
      }
      vcpu_of(view).set(vcpu::kReadBytes, port.pending_read()->length);
      request_mmio(view, *port.pending_read(), false);
      return {kMmio, false};
    case isa::OutcomeKind::kException: {
      forget_answers(view);
      std::optional<std::uint32_t> error;
      if (outcome.has_error_code) error = outcome.error_code;
      queue_exception(view, outcome.vector, error);
      return {kInjected, false};
    }
    case isa::OutcomeKind::kSpecial:
    case isa::OutcomeKind::kUnsupported:
      forget_answers(view);
      return {kFailed, false};
  }
  return {kFailed, false};
}

ActionResult emulate_instruction(OpenView& view, const Args&) {
  take_answer(view);
  const Record vcpu = vcpu_of(view);
  const bool had_fragments = vcpu.get(vcpu::kFragments) != 0;
  if (next_fragment(view)) return gives(kMmio);
  // Once its writes have left, the guest is entered again, also in the middle of a repeated
  // instruction (complete_emulated_mmio returns 1 for a write).
  if (had_fragments) return gives(kEmulated);
  isa::Instruction instruction;
  const Decoded decoded = decode_at_rip(view, instruction);
  if (decoded.page_fault) {
    inject_page_fault(view, *decoded.page_fault);
    return gives(kInjected);
  }
  if (decoded.status != isa::DecodeStatus::kOk) {
    trace_emulation(view, true);
    return gives(kFailed);
  }
  trace_emulation(view, false);
  Round round{kEmulated, true};
  for (unsigned n = 0; n < kMaxRounds && round.how == kEmulated && round.repeats; ++n) {
    round = emulate_round(view, instruction);
  }
  if (round.how == kFailed) trace_emulation(view, true);
  return gives(round.how);
}

// kvm_skip_emulated_instruction by nRIP, which the processor gave: here its length is found again.
ActionResult skip_instruction(OpenView& view, const Args&) {
  isa::Instruction instruction;
  const Decoded decoded = decode_at_rip(view, instruction);
  if (decoded.status != isa::DecodeStatus::kOk) {
    view.end_vm(machine::Outcome(machine::OutcomeKind::kUnspecified,
                                 "the length of an instruction that only the processor can read"));
    return ActionResult::done();
  }
  view.vcpu_state().registers.rip += instruction.encoding().size();
  return ActionResult::done();
}

}  // namespace

Decoded decode_at_rip(OpenView& view, isa::Instruction& instruction) {
  const svm::VcpuRecord& v = view.vcpu_state();
  unsigned char bytes[15] = {};
  unsigned count = static_cast<unsigned>(v.exit.insn_count);
  EmulatorPort port(view, false);
  if (count > 0) {
    const auto* given = reinterpret_cast<const unsigned char*>(v.exit.insn_bytes);
    for (unsigned i = 0; i < count; ++i) bytes[i] = given[i];
  } else {
    count = port.fetch(isa::code_address(v.registers), bytes, sizeof bytes);
  }
  Decoded decoded;
  decoded.status = isa::decode({bytes, count}, isa::mode_of(v.registers), instruction);
  if (decoded.status == isa::DecodeStatus::kNeedsMoreBytes) decoded.page_fault = port.page_fault();
  return decoded;
}

void inject_page_fault(OpenView& view, const EmulatorPort::PageFault& fault) {
  view.vcpu_state().registers.cr2 = fault.address.value;
  queue_exception(view, isa::kPf, fault.error_code);
}

void trace_emulation(OpenView& view, bool failed) {
  view.say("trace", {{"event", std::string("kvm_emulate_insn")},
                     {"rip", Hex{view.vcpu_state().registers.rip}},
                     {"failed", failed}});
}

void add_emulation_actions(rules::Vocabulary& v) {
  v.add(given("emulation", {"done", "mmio", "fault", "failed"},
              "how far x86_emulate_instruction came: done, MMIO for user space, an exception "
              "of the guest, or it cannot emulate this"));
  v.add(giving({"emulation"},
               open_action<emulate_instruction>("emulate_instruction", {},
                                                "registers and memory of the guest, kvm_run",
                                                "x86_emulate_instruction: decodes and executes one "
                                                "instruction against the memslots")));
  v.add(open_action<skip_instruction>("skip_instruction", {}, "RIP",
                                      "kvm_skip_emulated_instruction: RIP becomes nRIP"));
}

}  // namespace nptsim::kvm
