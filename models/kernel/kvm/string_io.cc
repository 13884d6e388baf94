// INS and OUTS of a guest whose registers KVM can read: Linux arch/x86/kvm/svm/svm.c
// io_interception, emulate.c em_in, em_out, pio_in_emulated.
#include <algorithm>
#include <vector>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/devices.h"
#include "models/kernel/kvm/emulator.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/pio_bus.h"
#include "sim/isa/special.h"

namespace nptsim::kvm {
namespace {

enum StringIo : unsigned { kIoDone, kIoUser, kIoFault, kIoFailed };
ActionResult gives(StringIo how) { return ActionResult::done().give(0, how); }

// pio_in_emulated reads ahead: what the page of RDI takes, at most 1024 bytes.
std::uint64_t elements_ahead(const isa::Special& s, const isa::Registers& r) {
  constexpr std::uint64_t kReadCache = 1024;  // struct read_cache
  const bool down = (r.rflags & isa::kFlagDf) != 0;
  const std::uint64_t offset = s.address.page_offset();
  const std::uint64_t in_page = down ? offset : kPageSize - offset;
  return std::max<std::uint64_t>(std::min({in_page, kReadCache / s.size, s.count}), 1);
}

// A port has no side that is memory: what EmulatorPort cannot do is the memory's.
StringIo stopped(OpenView& view, const EmulatorPort& port) {
  if (port.page_fault()) {
    inject_page_fault(view, *port.page_fault());
    return kIoFault;
  }
  end_unmodelled(view, "string I/O with a device in the place of its memory is not modelled");
  return kIoDone;
}

// Each element of OUTS is an exit of its own, and the registers are past it before user space sees
// it.
StringIo begin_outs(OpenView& view, const isa::Instruction& instruction, const isa::Special& s) {
  isa::Registers& registers = view.vcpu_state().registers;
  EmulatorPort port(view, false);
  std::uint64_t data = 0;
  const isa::Outcome loaded = isa::load_outs(instruction, registers, port, data);
  if (loaded.kind == isa::OutcomeKind::kStopped) return stopped(view, port);
  if (loaded.kind == isa::OutcomeKind::kException) return kIoFailed;
  const bool by_kernel = write_port(view, {s.port, s.size}, data);
  if (!by_kernel) request_io(view, {.port = s.port, .size = s.size, .out = true, .data = data});
  isa::complete_outs(instruction, registers);
  return by_kernel ? kIoDone : kIoUser;
}

// The elements of INS go to memory. They have left the device, so a fault here loses them.
StringIo store_elements(OpenView& view, const isa::Instruction& instruction,
                        const std::vector<std::uint64_t>& elements) {
  EmulatorPort port(view, false);
  for (const std::uint64_t element : elements) {
    const isa::Outcome outcome =
        isa::complete_ins(instruction, view.vcpu_state().registers, port, element);
    if (outcome.kind == isa::OutcomeKind::kStopped) return stopped(view, port);
  }
  return port.commit().empty() ? kIoDone : stopped(view, port);
}

StringIo begin_ins(OpenView& view, const isa::Instruction& instruction, const isa::Special& s) {
  const std::uint64_t count = elements_ahead(s, view.vcpu_state().registers);
  std::vector<std::uint64_t> elements;
  while (elements.size() < count) {
    std::uint64_t value = 0;
    const DeviceAnswer answer = read_port(view, {s.port, s.size}, value);
    if (answer == DeviceAnswer::kNoData) {
      end_at_gap(view, "KVM's emulator stores what its buffer held before");
    }
    if (answer == DeviceAnswer::kNotMine) {
      request_io(view, {.port = s.port, .size = s.size, .count = count});
      return kIoUser;
    }
    elements.push_back(value);
  }
  return store_elements(view, instruction, elements);
}

ActionResult begin_string_io(OpenView& view, const Args&) {
  isa::Registers& registers = view.vcpu_state().registers;
  isa::Instruction instruction;
  const Decoded decoded = decode_at_rip(view, instruction);
  if (decoded.page_fault) {
    inject_page_fault(view, *decoded.page_fault);
    return gives(kIoFault);
  }
  const bool known =
      decoded.status == isa::DecodeStatus::kOk && (instruction.special == isa::SpecialKind::kIns ||
                                                   instruction.special == isa::SpecialKind::kOuts);
  trace_emulation(view, !known);
  if (!known) return gives(kIoFailed);
  const isa::Special s = isa::describe_special(instruction, registers);
  if (s.count == 0) {
    isa::retire_special(instruction, registers);
    return gives(kIoDone);
  }
  if (s.kind == isa::SpecialKind::kOuts) return gives(begin_outs(view, instruction, s));
  return gives(begin_ins(view, instruction, s));
}

// complete_emulated_pio.
ActionResult complete_string_io(OpenView& view, const Args&) {
  namespace run = kvm_uapi::run;
  const ConstRecord answer = run_of(std::as_const(static_cast<View&>(view)));
  if (answer.get(run::kIoOut)) return ActionResult::done();
  isa::Instruction instruction;
  if (decode_at_rip(view, instruction).status != isa::DecodeStatus::kOk) {
    end_unmodelled(view, "the guest's code changed while user space did its INS");
    return ActionResult::done();
  }
  store_elements(view, instruction,
                 std::vector<std::uint64_t>(answer.get(run::kIoCount), answer.get(run::kIoData)));
  return ActionResult::done();
}

}  // namespace

void add_string_io(rules::Vocabulary& v) {
  v.add(given("string_io", {"done", "user", "fault", "failed"},
              "how far INS or OUTS came: user space is to do it, an exception of the guest, or KVM "
              "cannot emulate it"));
  v.add(giving({"string_io"}, open_action<begin_string_io>(
                                  "begin_string_io", {}, "kvm_run, the guest's registers",
                                  "INS or OUTS through the emulator, as far as user space")));
  v.add(open_action<complete_string_io>("complete_string_io", {},
                                        "memory and registers of the guest",
                                        "what user space read for INS"));
}

}  // namespace nptsim::kvm
