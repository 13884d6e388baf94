// x86_emulate_instruction for a guest whose registers and memory KVM can read.
#include <algorithm>
#include <vector>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/devices.h"
#include "models/kernel/kvm/emulator.h"
#include "models/kernel/kvm/emulator_tables.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/write_tracking.h"
#include "sim/isa/execute.h"
#include "sim/isa/special.h"

namespace nptsim::kvm {
namespace {

namespace uapi = kvm_uapi;
using machine::Hex;

// kNothing: no progress, and nobody is told; for the rules it is done.
enum Emulation : unsigned { kEmulated, kMmio, kInjected, kFailed, kNothing };
ActionResult gives(Emulation how) {
  return ActionResult::done().give(0, how == kNothing ? kEmulated : how);
}

// x86_emulate_insn goes on with a repeated string instruction by itself, up to this many rounds.
constexpr unsigned kMaxRounds = 1024;

void request_mmio(View& view, const MmioFragment& fragment, bool write) {
  uapi::exit_for_mmio(view, {.gpa = fragment.gpa.value,
                             .length = fragment.length,
                             .data = fragment.data,
                             .write = write});
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

// One round: one instruction, or one iteration of a repeated one.
struct Round {
  Emulation how = kEmulated;
  bool repeats = false;  // a repeated instruction has iterations left
};

// Linux arch/x86/kvm/emulate.c emulator_can_use_gpa: what touches more than the address that
// faulted is walked.
bool can_use_fault_gpa(const isa::Instruction& instruction) {
  if (is_string(instruction) && instruction.repeat != isa::Repeat::kNone) return false;
  return !has_two_memory_operands(instruction);
}

// em_lgdt, em_ltr, em_smsw and their kin: what a processor without intercepts does. Not SLDT and
// STR, whose destination is read first.
bool accesses_table_register(isa::SpecialKind kind) {
  using enum isa::SpecialKind;
  constexpr isa::SpecialKind kKinds[] = {kSgdt, kSidt, kLgdt, kLidt, kLldt, kLtr, kSmsw, kLmsw};
  return std::find(std::begin(kKinds), std::end(kKinds), kind) != std::end(kKinds);
}

isa::Outcome execute_by_tables(const isa::Instruction& instruction, isa::Registers& registers,
                               EmulatorPort& port) {
  const isa::Outcome outcome = isa::execute(instruction, registers, port);
  const bool special = outcome.kind == isa::OutcomeKind::kSpecial;
  if (!special || !accesses_table_register(outcome.special)) return outcome;
  return isa::complete_natively(instruction, registers, port);
}

// Each emulator_read_write begins with no fragments, so of eight pushes to a device one is left.
Round ends_unmodelled(OpenView& view) {
  end_unmodelled(view, "KVM's emulator makes eight accesses to a device of PUSHA or POPA");
  return {kNothing, false};
}

// The instruction is done, but for the writes that are user space's.
Round executed(OpenView& view, const isa::Instruction& instruction, EmulatorPort& port,
               bool repeats) {
  forget_answers(view);
  const auto fragments = port.commit();
  if (fragments.empty()) return {kEmulated, repeats};
  // X86EMUL_IO_NEEDED without a request: the guest is entered again where it was.
  if (knows_no_mmio(instruction)) return {kNothing, false};
  if (moves_all_registers(instruction)) return ends_unmodelled(view);
  keep_fragments(view, fragments);
  next_fragment(view);
  return {kMmio, repeats};
}

void request_read(OpenView& view, const MmioFragment& fragment) {
  vcpu_of(view).set(vcpu::kReadBytes, fragment.length);
  request_mmio(view, fragment, false);
}

// LGDT and LIDT: the operand of the table is answered by user space, the descriptor never.
Round stopped_loading_table(OpenView& view, const isa::Instruction& instruction,
                            const EmulatorPort& port) {
  if (vcpu_of(view).get(vcpu::kReads) != 0) {
    forget_answers(view);
    return {kNothing, false};
  }
  request_read(view, {port.pending_read()->gpa, op_bytes(instruction), 0});
  return {kMmio, false};
}

Round stopped(OpenView& view, const isa::Instruction& instruction, const EmulatorPort& port) {
  if (port.page_fault()) {
    forget_answers(view);
    inject_page_fault(view, *port.page_fault());
    return {kInjected, false};
  }
  if (loads_descriptor_table(instruction)) return stopped_loading_table(view, instruction, port);
  if (moves_all_registers(instruction)) return ends_unmodelled(view);
  request_read(view, *port.pending_read());
  return {kMmio, false};
}

Round emulate_round(OpenView& view, const isa::Instruction& instruction) {
  isa::Registers& registers = view.vcpu_state().registers;
  const isa::Registers before = registers;
  EmulatorPort port(view, can_use_fault_gpa(instruction));
  const isa::Outcome outcome = execute_by_tables(instruction, registers, port);
  const bool done =
      outcome.kind == isa::OutcomeKind::kRetired || outcome.kind == isa::OutcomeKind::kIteration;
  Round round{kFailed, false};
  if (outcome.kind == isa::OutcomeKind::kStopped) return stopped(view, instruction, port);
  if (outcome.kind == isa::OutcomeKind::kSpecial ||
      outcome.kind == isa::OutcomeKind::kUnsupported) {
    end_unmodelled(view, "KVM's emulator has a function of its own for this instruction");
    return {kNothing, false};
  }
  if (outcome.kind == isa::OutcomeKind::kException) {
    std::optional<std::uint32_t> error;
    if (outcome.has_error_code) error = outcome.error_code;
    queue_exception(view, outcome.vector, error);
    round.how = kInjected;
  } else if (done && table_entry(instruction) != TableEntry::kUnhandleable) {
    round = executed(view, instruction, port, outcome.kind == isa::OutcomeKind::kIteration);
  }
  forget_answers(view);
  if (round.how == kFailed || round.how == kNothing) registers = before;
  return round;
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
  trace_emulation(view, false);
  if (decoded.page_fault) {
    inject_page_fault(view, *decoded.page_fault);
    return gives(kInjected);
  }
  if (!decoded.by_tables) {
    trace_emulation(view, true);
    return gives(kFailed);
  }
  Round round{kEmulated, true};
  for (unsigned n = 0; n < kMaxRounds && round.how == kEmulated && round.repeats; ++n) {
    round = emulate_round(view, instruction);
  }
  if (round.how == kFailed) trace_emulation(view, true);
  return gives(round.how);
}

// retry_instruction, before 6.12: whatever faulted on a page that may be write-protected, and does
// not look like the writing of a page table, is tried once more by the processor.
ActionResult retry_instruction(OpenView& view, const Args&) {
  constexpr unsigned kNo = 0, kYes = 1;
  const bool same = take_last_retry(view);
  isa::Instruction instruction;
  const Decoded decoded = decode_at_rip(view, instruction);
  if (same || !decoded.by_tables || writes_page_tables(instruction)) {
    return ActionResult::done().give(0, kNo);
  }
  trace_emulation(view, false);
  note_retry(view);
  unprotect(view);
  return ActionResult::done().give(0, kYes);
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
  if (decoded.status == isa::DecodeStatus::kOk) {
    decoded.by_tables = table_entry(instruction) != TableEntry::kUnknown;
    instruction = as_emulated(instruction);
  }
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
  v.add(given("retried", kNoYes, "the instruction was left to the processor once more"));
  v.add(giving({"retried"},
               open_action<retry_instruction>("retry_instruction", {},
                                              "where it was tried last, the write-tracked gfns",
                                              "retry_instruction: once for each instruction and "
                                              "address, unless it may write a page table")));
  v.add(open_action<skip_instruction>("skip_instruction", {}, "RIP",
                                      "kvm_skip_emulated_instruction: RIP becomes nRIP"));
}

}  // namespace nptsim::kvm
