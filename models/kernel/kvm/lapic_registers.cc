// What the registers hold after a reset, what a read gives and what a write does. Nothing is
// delivered but INIT and start-up interrupts; AVIC is off, so all of it is KVM's own.
#include "models/kernel/kvm/lapic_registers.h"

#include "models/kernel/kvm/ap_creation.h"

namespace nptsim::kvm::lapic {
namespace {

constexpr std::uint32_t kMasked = 1u << 16;      // APIC_LVT_MASKED
constexpr std::uint32_t kSwEnabled = 1u << 8;    // APIC_SPIV_APIC_ENABLED
constexpr std::uint32_t kBusy = 1u << 12;        // APIC_ICR_BUSY
constexpr std::uint32_t kEoiControl = 1u << 12;  // APIC_SPIV_DIRECTED_EOI
constexpr std::uint32_t kExtInt = 7;             // APIC_MODE_EXTINT

// APIC_VERSION, and six local vector table entries: an AMD part has no CMCI (kvm_apic_set_version).
constexpr std::uint32_t kVersionWord = 0x14 | 5u << 16;
constexpr std::uint32_t kDirectedEoi = 1u << 24;  // APIC_LVR_DIRECTED_EOI

bool is_lvt(unsigned offset) { return offset >= kLvtTimer && offset <= kLvtError; }

// kvm_lapic_reset.
std::uint32_t reset_value(unsigned offset, unsigned vcpu) {
  switch (offset) {
    case kId:
      return vcpu << 24;
    case kDfr:
      return 0xffffffff;
    case kSpiv:
      return 0xff;
    case kLvt0:
      return vcpu == 0 ? kExtInt << 8 : kMasked;  // ExtINT on the boot processor
    default:
      return is_lvt(offset) ? kMasked : 0;
  }
}

// A register is kept as its difference from the reset value: an APIC that nobody touched is
// nothing.
WordRef word_of(unsigned vcpu, unsigned offset) {
  return {Space::kKernel, kLapics.at_word(vcpu, offset >> 4)};
}

// kvm_apic_set_version: with x2APIC in CPUID, and the I/O APIC in user space.
bool has_directed_eoi(const View& view) {
  const ConstRecord vm = vm_of(view);
  const bool split = vm.get(vm::kIrqchip) == static_cast<std::uint64_t>(Irqchip::kSplit);
  return split && vm.get(vm::kX2apic) != 0;
}

// apic_lvt_mask.
std::uint32_t lvt_mask(unsigned offset) {
  constexpr std::uint32_t kLvt = kMasked | 1u << 12 | 0xff, kDelivery = 0x700;
  constexpr std::uint32_t kLint = kLvt | kDelivery | 1u << 13 | 1u << 14 | 1u << 15;
  constexpr std::uint32_t kPeriodic = 1u << 17;  // TSC deadline needs CPUID.TSC_DEADLINE
  switch (offset) {
    case kLvtTimer:
      return kLvt | kPeriodic;
    case kLvtThermal:
    case kLvtPmc:
      return kLvt | kDelivery;
    case kLvt0:
    case kLvt1:
      return kLint;
    default:
      return kLvt;
  }
}

// An unmasked timer that counts will interrupt.
void watch_timer(View& view) {
  const Store& store = std::as_const(view).store();
  const bool counts = get(store, view.vcpu(), kTimerInitial) != 0;
  if (counts && !(get(store, view.vcpu(), kLvtTimer) & kMasked)) {
    end_at_gap(view, "the APIC's timer will interrupt: time and interrupts are not modelled");
  }
}

void write_lvt(View& view, unsigned offset, std::uint32_t value) {
  const unsigned vcpu = view.vcpu();
  if (!(get(std::as_const(view).store(), vcpu, kSpiv) & kSwEnabled)) value |= kMasked;
  set(view.store(), vcpu, offset, value & lvt_mask(offset));
  if (offset == kLvtTimer) watch_timer(view);
}

void write_spiv(View& view, std::uint32_t value) {
  Store& store = view.store();
  const unsigned vcpu = view.vcpu();
  set(store, vcpu, kSpiv, value & (0x3ff | (has_directed_eoi(view) ? kEoiControl : 0)));
  if (value & kSwEnabled) return;
  for (unsigned lvt = kLvtTimer; lvt <= kLvtError; lvt += 0x10) {
    set(store, vcpu, lvt, get(store, vcpu, lvt) | kMasked);
  }
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

// kvm_apic_match_physical_addr: each APIC judges by its own mode.
bool is_addressed(const Store& store, std::uint32_t wanted, unsigned target) {
  if (mode_of(apic_base(store, target)) == Mode::kX2apic) {
    return wanted == 0xffffffff || wanted == get(store, target, kId);
  }
  return wanted == 0xff || wanted == get(store, target, kId) >> 24;
}

bool is_target(View& view, std::uint32_t icr, std::uint32_t wanted, unsigned target) {
  enum Shorthand : unsigned { kNone, kSelf, kAll, kOthers };
  switch (get_bits(icr, 19, 18)) {
    case kSelf:
      return target == view.vcpu();
    case kAll:
      return true;
    case kOthers:
      return target != view.vcpu();
    default:
      return is_addressed(std::as_const(view).store(), wanted, target);
  }
}

}  // namespace

Mode mode(const View& view) { return mode_of(apic_base(view.store(), view.vcpu())); }

bool in_kernel(const View& view) {
  return vm_of(view).get(vm::kIrqchip) != static_cast<std::uint64_t>(Irqchip::kNone);
}

std::uint32_t get(const Store& store, unsigned vcpu, unsigned offset) {
  const WordRef ref = word_of(vcpu, offset);
  return static_cast<std::uint32_t>(store.read(ref.space, ref.index)) ^ reset_value(offset, vcpu);
}
void set(Store& store, unsigned vcpu, unsigned offset, std::uint32_t value) {
  const WordRef ref = word_of(vcpu, offset);
  store.write(ref.space, ref.index, value ^ reset_value(offset, vcpu));
}

bool is_readable(const View& view, unsigned offset) {
  offset &= ~0xfu;
  if ((offset >= kIsr && offset < kIrrEnd) || is_lvt(offset)) return true;
  switch (offset) {
    case kId:
    case kVersion:
    case kTaskPri:
    case kProcPri:
    case kLdr:
    case kSpiv:
    case kEsr:
    case kIcr:
    case kTimerInitial:
    case kTimerCurrent:
    case kTimerDivide:
      return true;
    case kArbPri:
    case kDfr:
    case kIcr2:
      return mode(view) != Mode::kX2apic;
    default:
      return false;
  }
}

std::uint32_t read(View& view, unsigned offset) {
  const unsigned vcpu = view.vcpu();
  const Store& store = std::as_const(view).store();
  switch (offset) {
    case kVersion:
      return kVersionWord | (has_directed_eoi(view) ? kDirectedEoi : 0);
    case kArbPri:
      return 0;
    case kProcPri:
      return get(store, vcpu, kTaskPri);  // apic_update_ppr, with nothing in service
    case kTimerCurrent:
      if (get(store, vcpu, kTimerInitial) != 0) {
        end_at_gap(view, "what is left of the APIC's timer is a matter of time");
      }
      return 0;
    default:
      return get(store, vcpu, offset);
  }
}

// An INIT that deasserts (level triggered, level 0) does nothing (__apic_accept_irq).
void send_ipi(View& view, std::uint32_t icr, std::uint32_t icr2) {
  const auto delivery = static_cast<DeliveryMode>(get_bits(icr, 10, 8));
  const bool logical = has_bit(icr, 11) && get_bits(icr, 19, 18) == 0;
  if (logical || (delivery != kInit && delivery != kStartup)) {
    end_at_gap(view,
               "an interprocessor interrupt other than INIT and start-up: interrupts are not "
               "modelled");
    return;
  }
  if (delivery == kInit && has_bit(icr, 15) && !has_bit(icr, 14)) return;
  const std::uint32_t wanted = mode(view) == Mode::kX2apic ? icr2 : icr2 >> 24;
  for (unsigned target = 0; target < view.setup().vcpus; ++target) {
    if (is_target(view, icr, wanted, target)) accept(view, target, delivery);
  }
}

bool write(View& view, unsigned offset, std::uint32_t value) {
  const unsigned vcpu = view.vcpu();
  const bool x2apic = mode(view) == Mode::kX2apic;
  Store& store = view.store();
  switch (offset) {
    case kId:
      if (!x2apic) set(store, vcpu, kId, value & 0xff000000);
      return !x2apic;
    case kTaskPri:
      set(store, vcpu, kTaskPri, value & 0xff);
      // sync_lapic_to_cr8: V_TPR of the VMCB, also under SEV-ES.
      svm::vcpu_record(store, vcpu).registers.cr8 = get_bits(value, 7, 4);
      return true;
    case kEoi:  // nothing is in service
      return true;
    case kLdr:
      if (!x2apic) set(store, vcpu, kLdr, value & 0xff000000);
      return !x2apic;
    case kDfr:
      if (!x2apic) set(store, vcpu, kDfr, value | 0x0fffffff);
      return !x2apic;
    case kSpiv:
      write_spiv(view, value);
      return true;
    case kEsr:  // a read is always 0
      return !x2apic || value == 0;
    case kIcr2:
      if (!x2apic) set(store, vcpu, kIcr2, value & 0xff000000);
      return !x2apic;
    case kIcr:
      value &= ~kBusy;
      send_ipi(view, value, get(store, vcpu, kIcr2));
      set(store, vcpu, kIcr, value);
      return true;
    case kTimerInitial:
      set(store, vcpu, kTimerInitial, value);
      watch_timer(view);
      return true;
    case kTimerDivide:
      set(store, vcpu, kTimerDivide, value & 0xb);
      return true;
    default:
      if (is_lvt(offset)) write_lvt(view, offset, value);
      return is_lvt(offset);
  }
}

void set_xapic_id(Store& store, unsigned vcpu) { set(store, vcpu, kId, vcpu << 24); }

// kvm_apic_calc_x2apic_ldr: sixteen APICs a cluster.
void set_x2apic_id(Store& store, unsigned vcpu) {
  set(store, vcpu, kId, vcpu);
  set(store, vcpu, kLdr, (vcpu >> 4) << 16 | 1u << (vcpu & 0xf));
}

bool accepts_pic_interrupt(const View& view) {
  for (unsigned vcpu = 0; vcpu < view.setup().vcpus; ++vcpu) {
    if (!(apic_base(view.store(), vcpu) & kApicEnabled)) return true;
    const std::uint32_t lvt0 = get(view.store(), vcpu, kLvt0);
    if (!(lvt0 & kMasked) && get_bits(lvt0, 10, 8) == kExtInt) return true;
  }
  return false;
}

}  // namespace nptsim::kvm::lapic
