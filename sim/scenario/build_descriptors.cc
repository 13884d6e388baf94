// GDT, TSS, IDT and the code behind its gates (APM vol. 2 rev. 3.45, chapters 4, 8 and 12).
#include <array>
#include <bit>
#include <cstring>
#include <string_view>

#include "sim/isa/deliver.h"
#include "sim/scenario/build_parts.h"

namespace nptsim::scenario::building {
namespace {

using isa::Mode;

// Selectors: the ones that isa::flat_registers() loads, then those of CPL 3, then a TSS each vCPU.
constexpr std::uint64_t kKernelCode = 0x08, kKernelData = 0x10, kUserCode = 0x1b, kUserData = 0x23,
                        kFirstTss = 0x40;
constexpr std::uint64_t kTssDescriptorSize = 16;
constexpr std::uint64_t kTssLimit = 0x67;
// Present, busy, available to system software; the same number in both formats.
constexpr std::uint64_t kTssAttributes = 0x8b;
constexpr std::uint64_t kUserDpl = 3 << 5;  // in Segment::attributes

// Flat segments, accessed already, so that nobody has to write to the GDT.
constexpr std::uint64_t kCode64 = 0x00af9b000000ffff, kCode32 = 0x00cf9b000000ffff,
                        kData = 0x00cf93000000ffff, kDescriptorDpl3 = 3ull << 45;

// IST entries of the 64-bit TSS.
constexpr unsigned kNoIst = 0, kVcIst = 1, kDoubleFaultIst = 2;

constexpr unsigned kBreakpoint = 3, kOverflow = 4, kDoubleFault = 8, kVmmCommunication = 29;
constexpr unsigned kExceptions = 32;
constexpr char kVcHandler[] = "vc_handler";

// Words and bytes of one table.
class Table {
 public:
  explicit Table(std::size_t size) : bytes_(size) {}
  void put(std::size_t offset, std::uint64_t value, unsigned size) {
    static_assert(std::endian::native == std::endian::little);
    NPTSIM_CHECK(offset + size <= bytes_.size() && size <= sizeof value);
    std::memcpy(bytes_.data() + offset, &value, size);
  }
  std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  std::vector<std::uint8_t> bytes_;
};

std::uint64_t tss_selector(unsigned vcpu) { return kFirstTss + vcpu * kTssDescriptorSize; }

void put_tss_descriptor(Table& gdt, unsigned vcpu, std::uint64_t base) {
  const std::uint64_t low =
      kTssLimit | get_bits(base, 23, 0) << 16 | kTssAttributes << 40 | get_bits(base, 31, 24) << 56;
  gdt.put(tss_selector(vcpu), low, 8);
  gdt.put(tss_selector(vcpu) + 8, base >> 32, 8);
}

void write_gdt(Plan& plan) {
  const std::uint64_t size = tss_selector(plan.setup.vcpus);
  Table gdt(size);
  const std::uint64_t code = plan.mode == Mode::k64 ? kCode64 : kCode32;
  gdt.put(kKernelCode, code, 8);
  gdt.put(kKernelData, kData, 8);
  gdt.put(kUserCode & ~7ull, code | kDescriptorDpl3, 8);
  gdt.put(kUserData & ~7ull, kData | kDescriptorDpl3, 8);
  for (unsigned vcpu = 0; vcpu < plan.setup.vcpus; ++vcpu) {
    put_tss_descriptor(gdt, vcpu, plan.places.tss_of(vcpu).value);
    plan.registers[vcpu].gdtr.base = plan.places.gdt.value;
    plan.registers[vcpu].gdtr.limit = size - 1;
  }
  plan.image.push_back({plan.places.gdt, gdt.take(), false});
}

// The 64-bit TSS (APM vol. 2, figure 12-8) and the 32-bit one (figure 12-6), as far as they are
// looked at.
void write_tss(Plan& plan, unsigned vcpu) {
  Table tss(kTssLimit + 1);
  const std::uint64_t stack = plan.places.stack_of(vcpu).value;
  if (plan.mode == Mode::k64) {
    constexpr std::size_t kRsp0 = 4, kIst1 = 0x24;
    tss.put(kRsp0, stack + kKernelStackEnd, 8);
    tss.put(kIst1 + 8 * (kVcIst - 1), stack + kVcStackEnd, 8);
    tss.put(kIst1 + 8 * (kDoubleFaultIst - 1), stack + kDoubleFaultStackEnd, 8);
  } else {
    constexpr std::size_t kEsp0 = 4, kSs0 = 8;
    tss.put(kEsp0, stack + kKernelStackEnd, 4);
    tss.put(kSs0, kKernelData, 4);
  }
  constexpr std::size_t kIoMapBase = 0x66;
  tss.put(kIoMapBase, kTssLimit + 1, 2);  // no I/O permission map
  plan.image.push_back({plan.places.tss_of(vcpu), tss.take(), false});
  plan.registers[vcpu].tr = {tss_selector(vcpu), kTssAttributes, kTssLimit,
                             plan.places.tss_of(vcpu).value};
}

void set_segments(Plan& plan, unsigned vcpu) {
  isa::Registers& r = plan.registers[vcpu];
  const std::uint64_t stack = plan.places.stack_of(vcpu).value;
  r.gpr[isa::kRsp] = stack + kProgramStackEnd;
  if (plan.mode == Mode::k16) {
    // SS reaches only 64 KiB from its base.
    const std::uint64_t base = stack + kKernelStackEnd;
    r.segments[isa::kSs].selector = base >> 4;
    r.segments[isa::kSs].base = base;
    r.gpr[isa::kRsp] = kProgramStackEnd - kKernelStackEnd;
    return;
  }
  if (r.cpl != 3) return;
  for (isa::Segment& segment : r.segments) {
    segment.selector = kUserData;
    segment.attributes |= kUserDpl;
  }
  r.segments[isa::kCs].selector = kUserCode;
}

// --- gates ---

struct Gate {
  bool present = false;
  std::uint64_t address = 0;
  unsigned ist = kNoIst;
};

using Gates = std::array<Gate, kVectors>;

std::optional<rules::ProcedureId> vc_procedure(const Plan& plan) {
  if (plan.setup.guest == nullptr) return std::nullopt;
  return plan.setup.guest->find_procedure(kVcHandler);
}

// Linux enters #VC on a stack of its own, OVMF on the one in use (Linux arch/x86/kernel/idt.c
// ISTG(X86_TRAP_VC); OVMF UefiCpuPkg/Library/CpuExceptionHandlerLib leaves IST 0).
unsigned ist_of_model(const Plan& plan) {
  return plan.stack->guest.family == "linux" ? kVcIst : kNoIst;
}

// The procedure has done the work; what is left is real code, up to its IRET.
void write_stub(Plan& plan, unsigned vector) {
  std::vector<std::uint8_t> code;
  const bool wide = plan.mode == Mode::k64;
  if (isa::pushes_error_code(static_cast<std::uint8_t>(vector))) {
    if (wide) {
      code = {0x48, 0x83, 0xc4, 0x08};  // add rsp, 8
    } else {
      code = {0x83, 0xc4, 0x04};  // add esp, 4
    }
  }
  if (wide) code.push_back(0x48);
  code.push_back(0xcf);  // iret, iretq
  plan.image.push_back({plan.places.stub_of(vector), std::move(code), false});
}

Gate model_gate(Plan& plan, unsigned vector, rules::ProcedureId procedure) {
  write_stub(plan, vector);
  plan.setup.handlers[plan.places.stub_of(vector).value] = procedure;
  return {true, plan.places.stub_of(vector).value, ist_of_model(plan)};
}

Gates default_gates(Plan& plan) {
  Gates gates;
  for (unsigned vector = 0; vector < kExceptions; ++vector) {
    gates[vector] = {true, plan.places.nobody_of(vector).value, kNoIst};
  }
  gates[kDoubleFault].ist = kDoubleFaultIst;
  if (const auto procedure = vc_procedure(plan)) {
    gates[kVmmCommunication] = model_gate(plan, kVmmCommunication, *procedure);
  } else if (plan.setup.sealed() && plan.setup.guest == nullptr && plan.mode != Mode::k16) {
    gates[kVmmCommunication] = {};
  }
  return gates;
}

void take_model(Plan& plan, const Vector& said, Gates& gates) {
  const auto procedure = vc_procedure(plan);
  if (said.number == kVmmCommunication && procedure) {
    if (!gates[said.number].present) {
      gates[said.number] = model_gate(plan, said.number, *procedure);
    }
    return;
  }
  plan.report(said.pos,
              "the guest '" + plan.stack->guest.name + "' has no handler of its own for vector " +
                  std::to_string(said.number),
              "none, or a label of a program");
}

void take_vector(Plan& plan, const Vector& said, Gates& gates) {
  if (said.handler == "model") return take_model(plan, said, gates);
  if (said.handler == "none") {
    if (plan.mode == Mode::k16) {
      plan.report(said.pos, "a real-mode vector cannot be absent", "a label of a program");
    }
    gates[said.number] = {};
    return;
  }
  const auto address = label_address(plan, said.label_vcpu, said.handler);
  if (!address) {
    plan.report(said.pos, "there is no label '" + said.handler + "'",
                "model, none or a label of a program");
    return;
  }
  gates[said.number].present = true;
  gates[said.number].address = *address;
}

// --- the IDT in its three formats ---

void put_gate(Table& idt, Mode mode, unsigned vector, const Gate& gate) {
  if (mode == Mode::k16) {
    idt.put(vector * 4, gate.address, 4);  // CS 0
    return;
  }
  // Interrupt gates; INT3 and INTO may be executed at CPL 3. One that is absent still has its type:
  // that is looked at first, and would give #GP instead of #NP.
  const bool user = vector == kBreakpoint || vector == kOverflow;
  const std::uint64_t type = 0x0e | (gate.present ? 0x80 : 0) | (user ? 3 << 5 : 0);
  const std::uint64_t low = get_bits(gate.address, 15, 0) | kKernelCode << 16 | type << 40 |
                            get_bits(gate.address, 31, 16) << 48;
  if (mode == Mode::k32) {
    idt.put(vector * 8, low, 8);
    return;
  }
  idt.put(vector * 16, low | static_cast<std::uint64_t>(gate.ist) << 32, 8);
  idt.put(vector * 16 + 8, gate.address >> 32, 8);
}

void check_reach(Plan& plan, const Gates& gates) {
  for (const Gate& gate : gates) {
    if (plan.mode != Mode::k16 || gate.address <= 0xffff) continue;
    plan.report(plan.pos(), "a real-mode vector cannot lead to " + hex(gate.address),
                "addresses below 0x10000");
    return;
  }
}

void write_idt(Plan& plan) {
  Gates gates = default_gates(plan);
  for (const Vector& said : plan.vm.start.vectors) take_vector(plan, said, gates);
  check_reach(plan, gates);
  const std::size_t gate_size = plan.mode == Mode::k64 ? 16 : plan.mode == Mode::k32 ? 8 : 4;
  Table idt(kVectors * gate_size);
  for (unsigned vector = 0; vector < kVectors; ++vector) {
    put_gate(idt, plan.mode, vector, gates[vector]);
  }
  plan.image.push_back({plan.places.idt, idt.take(), false});
  for (isa::Registers& r : plan.registers) {
    r.idtr.base = plan.places.idt.value;
    r.idtr.limit = kVectors * gate_size - 1;
  }
}

// Gates to nobody lead to HLTs: an outcome, not code.
void write_nobody(Plan& plan) {
  constexpr std::uint8_t kHlt = 0xf4;
  plan.image.push_back({plan.places.nobody_of(0),
                        std::vector<std::uint8_t>(kExceptions * kStubStride, kHlt), false});
}

}  // namespace

void write_descriptor_tables(Plan& plan) {
  write_idt(plan);
  write_nobody(plan);
  if (plan.mode != Mode::k16) write_gdt(plan);
  for (unsigned vcpu = 0; vcpu < plan.setup.vcpus; ++vcpu) {
    set_segments(plan, vcpu);
    if (plan.mode != Mode::k16) write_tss(plan, vcpu);
  }
}

}  // namespace nptsim::scenario::building
