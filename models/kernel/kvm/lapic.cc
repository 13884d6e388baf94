// The ways to a vCPU's local APIC (Linux arch/x86/kvm/lapic.c): the page at IA32_APIC_BASE, and in
// x2APIC mode the MSRs from 0x800 on.
#include <cstring>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/devices.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/lapic_registers.h"
#include "sim/arch/svm/sev.h"

namespace nptsim::kvm {
namespace {

using machine::Hex;

void trace_apic(View& view, bool write, unsigned offset, std::uint64_t value) {
  view.say("trace", [&] {
    return machine::EventFields{{"event", std::string("kvm_apic")},
                                {"write", write},
                                {"reg", Hex{offset}},
                                {"val", Hex{value}}};
  });
}

// --- the page ---

// apic_mmio_in_range: the page goes where the base says, also while the APIC is off.
bool is_apic_page(const View& view, GuestPhysAddr gpa) {
  const std::uint64_t page = apic_base(view.store(), view.vcpu()) & bit_range(51, kPageShift);
  return lapic::in_kernel(view) && (gpa.value & ~kPageMask) == page;
}

// Behind the page of an APIC that is off, or in x2APIC mode: nothing. KVM_X86_QUIRK_LAPIC_MMIO_HOLE
// has the kernel answer all the same.
enum class ApicPage : std::uint8_t { kNotMine, kHole, kRegisters };
ApicPage apic_page(const View& view, GuestPhysAddr gpa) {
  if (!is_apic_page(view, gpa)) return ApicPage::kNotMine;
  if (lapic::mode(view) == lapic::Mode::kXapic) return ApicPage::kRegisters;
  return vm_of(view).get(vm::kNoApicHole) ? ApicPage::kNotMine : ApicPage::kHole;
}

// --- the MSRs ---

constexpr unsigned kFirstApicMsr = 0x800, kApicMsrs = 0x100;  // APIC_BASE_MSR

unsigned register_of_msr(std::uint32_t number) { return (number - kFirstApicMsr) << 4; }

// kvm_x2apic_msr_read.
bool read_x2apic(View& view, unsigned offset, std::uint64_t& value) {
  if (offset == lapic::kIcr) {
    value = lapic::get(view.store(), view.vcpu(), lapic::kIcr) |
            std::uint64_t{lapic::get(view.store(), view.vcpu(), lapic::kIcr2)} << 32;
    return true;
  }
  if (offset > lapic::kSelfIpi || !lapic::is_readable(view, offset)) return false;
  value = lapic::read(view, offset);
  trace_apic(view, false, offset, value);
  return true;
}

// kvm_x2apic_icr_write.
bool write_x2apic_icr(View& view, std::uint64_t value) {
  constexpr std::uint64_t kReserved = bit_range(31, 20) | bit_range(17, 16) | bit(13);
  constexpr std::uint64_t kBusy = bit(12);
  if (vm_of(view).get(vm::kX2apicChecks) > 1 && (value & kReserved)) return false;
  value &= ~kBusy;
  const auto low = static_cast<std::uint32_t>(value),
             high = static_cast<std::uint32_t>(value >> 32);
  lapic::send_ipi(view, low, high);
  lapic::set(view.store(), view.vcpu(), lapic::kIcr, low);
  lapic::set(view.store(), view.vcpu(), lapic::kIcr2, high);
  trace_apic(view, true, lapic::kIcr, value);
  return true;
}

// kvm_x2apic_msr_write. The upper half of a register that has none, and of the self-IPI all but the
// vector, are reserved since 6.3.
bool write_x2apic(View& view, unsigned offset, std::uint64_t value) {
  if (offset == lapic::kIcr) return write_x2apic_icr(view, value);
  const bool strict = vm_of(view).get(vm::kX2apicChecks) > 0;
  if (strict && value >> 32 != 0) return false;
  trace_apic(view, true, offset, static_cast<std::uint32_t>(value));
  if (offset == lapic::kSelfIpi) {
    constexpr std::uint32_t kToSelf = 1u << 18;
    if (strict && (value & ~0xffull)) return false;
    lapic::send_ipi(view, kToSelf | static_cast<std::uint32_t>(value & 0xff), 0);
    return true;
  }
  return lapic::write(view, offset, static_cast<std::uint32_t>(value));
}

// --- IA32_APIC_BASE ---

// kvm_apic_set_base: bits above the raw width (kvm_vcpu_reserved_gpa_bits_raw), x2APIC mode that
// CPUID does not have, and steps between the modes that there are not.
bool write_apic_base(View& view, std::uint64_t value) {
  using lapic::Mode;
  constexpr std::uint64_t kReserved = 0x2ff, kX2apic = bit(10);
  const std::uint64_t above = ~bit_range(view.setup().cpu.maxphyaddr - 1, 0);
  const std::uint64_t mode_bits = vm_of(view).get(vm::kX2apic) ? 0 : kX2apic;
  const Mode from = lapic::mode(view), to = lapic::mode_of(value);
  if ((value & (kReserved | above | mode_bits)) || to == Mode::kInvalid) return false;
  if (from == Mode::kX2apic && to == Mode::kXapic) return false;
  if (from == Mode::kDisabled && to == Mode::kX2apic) return false;
  set_apic_base(view.store(), view.vcpu(), value);
  if (from != to && to == Mode::kXapic) lapic::set_xapic_id(view.store(), view.vcpu());
  if (from != to && to == Mode::kX2apic) lapic::set_x2apic_id(view.store(), view.vcpu());
  return true;
}

// MSR_IA32_APICBASE after a reset: enabled, at its address, on vCPU 0 marked as the boot
// processor's.
constexpr std::uint64_t apic_base_after_reset(unsigned vcpu) {
  constexpr std::uint64_t kDefaultPhysBase = 0xfee00000, kBootProcessor = bit(8);
  return kDefaultPhysBase | kApicEnabled | (vcpu == 0 ? kBootProcessor : 0);
}

bool reaches_msrs(const View& view) {
  return lapic::in_kernel(view) && lapic::mode(view) == lapic::Mode::kX2apic;
}

ActionResult offer_x2apic(View& view, const Args&) {
  vm_of(view).set(vm::kX2apic, 1);
  return ActionResult::done();
}
ActionResult check_x2apic(View& view, const Args& args) {
  vm_of(view).set(vm::kX2apicChecks, args.word(0) + 1);
  return ActionResult::done();
}
ActionResult leave_apic_hole(View& view, const Args&) {
  vm_of(view).set(vm::kNoApicHole, 1);
  return ActionResult::done();
}

}  // namespace

// apic_mmio_read, kvm_lapic_reg_read: within one register, of those that can be read; else the
// buffer stays as it is.
DeviceAnswer read_lapic(View& view, GuestPhysAddr gpa, void* data, unsigned length) {
  const ApicPage page = apic_page(view, gpa);
  if (page == ApicPage::kNotMine) return DeviceAnswer::kNotMine;
  if (page == ApicPage::kHole) {
    std::memset(data, 0xff, length);
    return DeviceAnswer::kTaken;
  }
  const auto offset = static_cast<unsigned>(gpa.page_offset()), within = offset & 0xf;
  if (within + length > 4 || offset > lapic::kSelfIpi || !lapic::is_readable(view, offset)) {
    return DeviceAnswer::kNoData;
  }
  const std::uint32_t value = lapic::read(view, offset & ~0xfu);
  trace_apic(view, false, offset, value);
  std::memcpy(data, reinterpret_cast<const char*>(&value) + within, length);
  return DeviceAnswer::kTaken;
}

// apic_mmio_write: 4 bytes at a multiple of 16, all else is taken and ignored. So is a register
// that cannot be written; and there is no self-IPI outside x2APIC mode.
DeviceAnswer write_lapic(View& view, GuestPhysAddr gpa, const void* data, unsigned length) {
  const ApicPage page = apic_page(view, gpa);
  if (page == ApicPage::kNotMine) return DeviceAnswer::kNotMine;
  const auto offset = static_cast<unsigned>(gpa.page_offset());
  if (page == ApicPage::kHole || length != 4 || (offset & 0xf) != 0) return DeviceAnswer::kTaken;
  std::uint32_t value = 0;
  std::memcpy(&value, data, sizeof value);
  trace_apic(view, true, offset, value);
  lapic::write(view, offset, value);
  return DeviceAnswer::kTaken;
}

bool is_apic_msr(std::uint32_t number) {
  return number == svm::msr::kApicBase || number - kFirstApicMsr < kApicMsrs;
}

// Outside x2APIC mode, and where user space has the APIC, there are no such MSRs.
bool read_apic_msr(View& view, std::uint32_t number, std::uint64_t& value) {
  if (number != svm::msr::kApicBase) {
    return reaches_msrs(view) && read_x2apic(view, register_of_msr(number), value);
  }
  value = apic_base(std::as_const(view).store(), view.vcpu());
  return true;
}

bool write_apic_msr(View& view, std::uint32_t number, std::uint64_t value) {
  if (number == svm::msr::kApicBase) return write_apic_base(view, value);
  return reaches_msrs(view) && write_x2apic(view, register_of_msr(number), value);
}

std::uint64_t apic_base(const Store& store, unsigned vcpu) {
  return kVcpus.at(store, vcpu).get(vcpu::kApicBase) ^ apic_base_after_reset(vcpu);
}
void set_apic_base(Store& store, unsigned vcpu, std::uint64_t value) {
  kVcpus.at(store, vcpu).set(vcpu::kApicBase, value ^ apic_base_after_reset(vcpu));
}

void end_at_gap(View& view, const char* text) {
  view.end_vm(machine::Outcome(machine::OutcomeKind::kUnspecified, text));
}
void end_unmodelled(View& view, const char* text) {
  view.end_vm(machine::Outcome(machine::OutcomeKind::kUndecided, text));
}

void add_lapic(rules::Vocabulary& v) {
  v.add(action<offer_x2apic>("offer_x2apic", {}, "the vCPUs' CPUID", "it has x2APIC"));
  v.add(action<check_x2apic>("check_x2apic", {word_arg("what", {"upper-half", "icr"})},
                             "what x2APIC's MSRs refuse",
                             "bits 63:32 of 32-bit registers; then the reserved bits of ICR, too"));
  v.add(action<leave_apic_hole>("leave_apic_hole", {}, "KVM_X86_QUIRK_LAPIC_MMIO_HOLE",
                                "the page of an APIC that is off is user space's"));
}

}  // namespace nptsim::kvm
