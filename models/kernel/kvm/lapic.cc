// The local APIC in the kernel (Linux arch/x86/kvm/lapic.c): the page at 0xfee00000. It stays in
// xAPIC mode, enabled, at its address. Nothing is delivered but INIT and start-up interrupts; AVIC
// is off, so there is no memslot for the page.
#include <cstring>

#include "models/kernel/kvm/ap_creation.h"
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/devices.h"
#include "models/kernel/kvm/facts.h"

namespace nptsim::kvm {
namespace {

using machine::Hex;

// APIC_* (Linux arch/x86/include/asm/apicdef.h).
enum Register : unsigned {
  kId = 0x20,
  kVersion = 0x30,
  kTaskPri = 0x80,
  kArbPri = 0x90,
  kProcPri = 0xa0,
  kEoi = 0xb0,
  kLdr = 0xd0,
  kDfr = 0xe0,
  kSpiv = 0xf0,
  kIsr = 0x100,
  kIrrEnd = 0x280,
  kEsr = 0x280,
  kIcr = 0x300,
  kIcr2 = 0x310,
  kLvtTimer = 0x320,
  kLvtThermal = 0x330,
  kLvtPmc = 0x340,
  kLvt0 = 0x350,
  kLvt1 = 0x360,
  kLvtError = 0x370,
  kTimerInitial = 0x380,
  kTimerCurrent = 0x390,
  kTimerDivide = 0x3e0,
};
constexpr std::uint32_t kMasked = 1u << 16;    // APIC_LVT_MASKED
constexpr std::uint32_t kSwEnabled = 1u << 8;  // APIC_SPIV_APIC_ENABLED
constexpr std::uint32_t kBusy = 1u << 12;      // APIC_ICR_BUSY
// APIC_VERSION, and six local vector table entries: an AMD part has no CMCI (kvm_apic_set_version).
constexpr std::uint32_t kVersionWord = 0x14 | 5u << 16;

bool is_lvt(unsigned offset) { return offset >= kLvtTimer && offset <= kLvtError; }

// kvm_lapic_readable_reg_mask, outside x2APIC mode.
bool readable(unsigned offset) {
  if ((offset >= kIsr && offset < kIrrEnd) || is_lvt(offset)) return true;
  switch (offset) {
    case kId:
    case kVersion:
    case kTaskPri:
    case kArbPri:
    case kProcPri:
    case kLdr:
    case kDfr:
    case kSpiv:
    case kEsr:
    case kIcr:
    case kIcr2:
    case kTimerInitial:
    case kTimerCurrent:
    case kTimerDivide:
      return true;
    default:
      return false;
  }
}

// kvm_lapic_reset.
std::uint32_t reset_value(unsigned offset, unsigned vcpu) {
  switch (offset) {
    case kId:
      return vcpu << 24;
    case kVersion:
      return kVersionWord;
    case kDfr:
      return 0xffffffff;
    case kSpiv:
      return 0xff;
    case kLvt0:
      return vcpu == 0 ? 0x700 : kMasked;  // ExtINT on the boot processor
    default:
      return is_lvt(offset) ? kMasked : 0;
  }
}

// A register is kept as its difference from the reset value: an APIC that nobody touched is
// nothing.
WordRef word_of(unsigned vcpu, unsigned offset) {
  return {Space::kKernel, kLapics.at_word(vcpu, offset >> 4)};
}
std::uint32_t get(const Store& store, unsigned vcpu, unsigned offset) {
  const WordRef ref = word_of(vcpu, offset);
  return static_cast<std::uint32_t>(store.read(ref.space, ref.index)) ^ reset_value(offset, vcpu);
}
void set(Store& store, unsigned vcpu, unsigned offset, std::uint32_t value) {
  const WordRef ref = word_of(vcpu, offset);
  store.write(ref.space, ref.index, value ^ reset_value(offset, vcpu));
}

void trace(View& view, bool write, unsigned offset, std::uint32_t value) {
  view.say("trace", [&] {
    return machine::EventFields{{"event", std::string("kvm_apic")},
                                {"write", write},
                                {"reg", Hex{offset}},
                                {"val", Hex{value}}};
  });
}

// __apic_read.
std::uint32_t read_register(View& view, unsigned offset) {
  const unsigned vcpu = view.vcpu();
  const Store& store = std::as_const(view).store();
  switch (offset) {
    case kArbPri:
      return 0;
    case kProcPri:
      return get(store, vcpu, kTaskPri);  // apic_update_ppr, with nothing in service
    case kTimerCurrent:
      if (get(store, vcpu, kTimerInitial) != 0)
        end_unmodelled(view, "the APIC's timer is not modelled");
      return 0;
    default:
      return get(store, vcpu, offset);
  }
}

// apic_lvt_mask.
std::uint32_t lvt_mask(unsigned offset) {
  constexpr std::uint32_t kLvt = kMasked | 1u << 12 | 0xff, kMode = 0x700;
  constexpr std::uint32_t kLint = kLvt | kMode | 1u << 13 | 1u << 14 | 1u << 15;
  constexpr std::uint32_t kPeriodic = 1u << 17;  // TSC deadline needs CPUID.TSC_DEADLINE
  switch (offset) {
    case kLvtTimer:
      return kLvt | kPeriodic;
    case kLvtThermal:
    case kLvtPmc:
      return kLvt | kMode;
    case kLvt0:
    case kLvt1:
      return kLint;
    default:
      return kLvt;
  }
}

void write_lvt(Store& store, unsigned vcpu, unsigned offset, std::uint32_t value) {
  if (!(get(store, vcpu, kSpiv) & kSwEnabled)) value |= kMasked;
  set(store, vcpu, offset, value & lvt_mask(offset));
}

// --- interprocessor interrupts ---

enum DeliveryMode : unsigned { kInit = 5, kStartup = 6 };

// kvm_apic_accept_events of the vCPU that gets it.
void accept(View& view, unsigned target, DeliveryMode mode) {
  const Record vcpu = kVcpus.at(view.store(), target);
  const auto state = static_cast<MpState>(vcpu.get(vcpu::kMpState));
  if (mode == kInit) {
    // The boot processor would run on at its reset state.
    if (state == MpState::kRunnable || target == 0) {
      end_unmodelled(view,
                     "an INIT to a vCPU that runs, or to the boot processor, is not modelled");
    } else {
      update_protected_state(view, target);
      vcpu.set(vcpu::kMpState, static_cast<std::uint64_t>(MpState::kInitReceived));
    }
  } else if (state == MpState::kInitReceived) {
    vcpu.set(vcpu::kMpState, static_cast<std::uint64_t>(MpState::kRunnable));
  }
}

bool is_target(View& view, std::uint32_t icr, std::uint32_t icr2, unsigned target) {
  const Store& store = std::as_const(view).store();
  enum Shorthand : unsigned { kNone, kSelf, kAll, kOthers };
  switch (get_bits(icr, 19, 18)) {
    case kSelf:
      return target == view.vcpu();
    case kAll:
      return true;
    case kOthers:
      return target != view.vcpu();
    default:
      break;
  }
  const std::uint32_t wanted = icr2 >> 24, own = get(store, target, kId) >> 24;
  return wanted == 0xff || wanted == own;
}

// kvm_apic_send_ipi, kvm_apic_map_get_dest_lapic. An INIT that deasserts (level triggered, level 0)
// does nothing (__apic_accept_irq).
void send_ipi(View& view, std::uint32_t icr, std::uint32_t icr2) {
  const auto mode = static_cast<DeliveryMode>(get_bits(icr, 10, 8));
  const bool logical = has_bit(icr, 11) && get_bits(icr, 19, 18) == 0;
  if (logical || (mode != kInit && mode != kStartup)) {
    end_unmodelled(view, "interrupts are not modelled, but INIT and start-up");
    return;
  }
  if (mode == kInit && has_bit(icr, 15) && !has_bit(icr, 14)) return;
  for (unsigned target = 0; target < view.setup().vcpus; ++target) {
    if (is_target(view, icr, icr2, target)) accept(view, target, mode);
  }
}

// --- writes ---

void write_spiv(Store& store, unsigned vcpu, std::uint32_t value) {
  set(store, vcpu, kSpiv, value & 0x3ff);
  if (value & kSwEnabled) return;
  for (unsigned lvt = kLvtTimer; lvt <= kLvtError; lvt += 0x10) {
    set(store, vcpu, lvt, get(store, vcpu, lvt) | kMasked);
  }
}

// kvm_lapic_reg_write. A register that cannot be written: nothing.
void write_register(View& view, unsigned offset, std::uint32_t value) {
  const unsigned vcpu = view.vcpu();
  Store& store = view.store();
  switch (offset) {
    case kId:
      return set(store, vcpu, kId, value & 0xff000000);
    case kTaskPri:
      return set(store, vcpu, kTaskPri, value & 0xff);
    case kLdr:
      return set(store, vcpu, kLdr, value & 0xff000000);
    case kDfr:
      return set(store, vcpu, kDfr, value | 0x0fffffff);
    case kSpiv:
      return write_spiv(store, vcpu, value);
    case kIcr2:
      return set(store, vcpu, kIcr2, value & 0xff000000);
    case kIcr:
      value &= ~kBusy;
      send_ipi(view, value, get(store, vcpu, kIcr2));
      return set(store, vcpu, kIcr, value);
    case kTimerInitial:
      if (value != 0 && !(get(store, vcpu, kLvtTimer) & kMasked)) {
        end_unmodelled(view, "the APIC's timer is not modelled");
      }
      return set(store, vcpu, kTimerInitial, value);
    case kTimerDivide:
      return set(store, vcpu, kTimerDivide, value & 0xb);
    default:  // EOI and ESR: nothing is in service, and a read of ESR is always 0
      if (is_lvt(offset)) write_lvt(store, vcpu, offset, value);
  }
}

// apic_mmio_in_range: the page goes where the base says, also while the APIC is off.
std::uint64_t page_of(const View& view) {
  return apic_base(view.store(), view.vcpu()) & bit_range(51, kPageShift);
}
bool is_mine(const View& view, GuestPhysAddr gpa) {
  return vm_of(view).get(vm::kIrqchip) != static_cast<std::uint64_t>(Irqchip::kNone) &&
         (gpa.value & ~kPageMask) == page_of(view);
}
// kvm_apic_hw_enabled. The page of an APIC that is off reads as ones, and takes writes
// (KVM_X86_QUIRK_LAPIC_MMIO_HOLE, which QEMU leaves on).
bool is_off(const View& view) { return !(apic_base(view.store(), view.vcpu()) & kApicEnabled); }

}  // namespace

// apic_mmio_read, kvm_lapic_reg_read: within one register, of those that can be read; else the
// buffer stays as it is.
DeviceAnswer read_lapic(View& view, GuestPhysAddr gpa, void* data, unsigned length) {
  if (!is_mine(view, gpa)) return DeviceAnswer::kNotMine;
  if (is_off(view)) {
    std::memset(data, 0xff, length);
    return DeviceAnswer::kTaken;
  }
  const auto offset = static_cast<unsigned>(gpa.page_offset()), within = offset & 0xf;
  if (within + length > 4 || offset > 0x3f0 || !readable(offset & ~0xfu)) {
    return DeviceAnswer::kNoData;
  }
  const std::uint32_t value = read_register(view, offset & ~0xfu);
  trace(view, false, offset, value);
  std::memcpy(data, reinterpret_cast<const char*>(&value) + within, length);
  return DeviceAnswer::kTaken;
}

// apic_mmio_write: 4 bytes at a multiple of 16, all else is taken and ignored.
DeviceAnswer write_lapic(View& view, GuestPhysAddr gpa, const void* data, unsigned length) {
  if (!is_mine(view, gpa)) return DeviceAnswer::kNotMine;
  const auto offset = static_cast<unsigned>(gpa.page_offset());
  if (is_off(view)) return DeviceAnswer::kTaken;
  if (length != 4 || (offset & 0xf) != 0) return DeviceAnswer::kTaken;
  std::uint32_t value = 0;
  std::memcpy(&value, data, sizeof value);
  trace(view, true, offset, value);
  write_register(view, offset, value);
  return DeviceAnswer::kTaken;
}

// MSR_IA32_APICBASE after a reset: enabled, at its address, on vCPU 0 marked as the boot
// processor's.
constexpr std::uint64_t apic_base_after_reset(unsigned vcpu) {
  constexpr std::uint64_t kDefaultPhysBase = 0xfee00000, kBootProcessor = bit(8);
  return kDefaultPhysBase | kApicEnabled | (vcpu == 0 ? kBootProcessor : 0);
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

}  // namespace nptsim::kvm
