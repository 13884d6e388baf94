// KVM_MMIO_BUS and what is on it: ioeventfds, coalesced zones, the I/O APIC.
#include "models/kernel/kvm/mmio_bus.h"

#include <optional>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/fault.h"
#include "models/kernel/kvm/pio_bus.h"

namespace nptsim::kvm {
namespace {

namespace ioeventfd = kvm_uapi::ioeventfd;
using machine::Hex;

ConstRecord bus_request(const View& view) {
  return kvm_uapi::kIoeventfdRequest.at(view.store(), 0);
}

unsigned bus_shape(const View& view) {
  const std::uint64_t address = bus_request(view).get(ioeventfd::kAddress);
  const std::uint64_t length = bus_request(view).get(ioeventfd::kLength);
  return (length == 0 || is_access_size(length)) && address + length >= address;
}

// --- the array of devices (Linux virt/kvm/kvm_main.c) ---

struct BusRange {
  std::uint64_t address = 0, length = 0;
};
struct Device {
  bus::Kind kind = bus::Kind::kNone;
  BusRange range;
};

Device device_at(const Store& store, std::uint64_t i) {
  const ConstRecord one = kBus.at(store, i);
  return {static_cast<bus::Kind>(one.get(bus::kKind)),
          {one.get(bus::kAddress), one.get(bus::kLength)}};
}
void set_device(Store& store, std::uint64_t i, const Device& device) {
  const Record one = kBus.at(store, i);
  one.set(bus::kKind, static_cast<std::uint64_t>(device.kind));
  one.set(bus::kAddress, device.range.address);
  one.set(bus::kLength, device.range.length);
}
std::uint64_t count_devices(const Store& store) {
  std::uint64_t count = 0;
  while (count < kMaxBusDevices && device_at(store, count).kind != bus::Kind::kNone) ++count;
  return count;
}

// kvm_io_bus_cmp: 0 where the first range lies in the second one.
int compare(BusRange first, BusRange second) {
  if (first.address < second.address) return -1;
  if (second.length != 0) {
    first.address += first.length;
    second.address += second.length;
  }
  return first.address > second.address ? 1 : 0;
}

// kvm_io_bus_register_dev: in front of the first one that is greater.
void insert(Store& store, const Device& device) {
  const std::uint64_t count = count_devices(store);
  NPTSIM_CHECK(count < kMaxBusDevices);
  std::uint64_t at = 0;
  while (at < count && compare(device_at(store, at).range, device.range) <= 0) ++at;
  for (std::uint64_t i = count; i > at; --i) set_device(store, i, device_at(store, i - 1));
  set_device(store, at, device);
}

// kvm_io_bus_get_first_dev: bsearch() (lib/bsearch.c, include/linux/bsearch.h), then back to the
// first one that fits as well. Where ranges overlap it can miss one that would fit.
std::optional<std::uint64_t> first_device(const Store& store, BusRange wanted) {
  std::uint64_t base = 0, left = count_devices(store);
  while (left > 0) {
    const std::uint64_t pivot = base + (left >> 1);
    const int order = compare(wanted, device_at(store, pivot).range);
    if (order == 0) {
      std::uint64_t first = pivot;
      while (first > 0 && compare(wanted, device_at(store, first - 1).range) == 0) --first;
      return first;
    }
    if (order > 0) {
      base = pivot + 1;
      --left;
    }
    left >>= 1;
  }
  return std::nullopt;
}

// Calls use(device) for those that the access lies in, in order, until one takes it.
template <class Use>
void offer(const Store& store, BusRange wanted, Use&& use) {
  const auto first = first_device(store, wanted);
  if (!first) return;
  for (std::uint64_t i = *first; i < count_devices(store); ++i) {
    const Device device = device_at(store, i);
    if (compare(wanted, device.range) != 0 || use(device)) return;
  }
}

// --- ioeventfds ---

template <class Fits>
bool any_eventfd_at(const Store& store, std::uint64_t address, Fits&& fits) {
  const std::uint64_t count = count_devices(store);
  for (std::uint64_t i = 0; i < count; ++i) {
    const Device one = device_at(store, i);
    const bool here = one.kind == bus::Kind::kIoeventfd && one.range.address == address;
    if (here && fits(one.range.length)) return true;
  }
  return false;
}

// Of any value: the model's ioeventfds have no datamatch, so equal lengths collide, and one of any
// length collides with all.
unsigned collides(const View& view) {
  const std::uint64_t length = bus_request(view).get(ioeventfd::kLength);
  return any_eventfd_at(
      view.store(), bus_request(view).get(ioeventfd::kAddress),
      [&](std::uint64_t other) { return other == length || other == 0 || length == 0; });
}

ActionResult assign_ioeventfd(View& view, const Args&) {
  const ConstRecord wanted = bus_request(view);
  insert(view.store(), {bus::Kind::kIoeventfd,
                        {wanted.get(ioeventfd::kAddress), wanted.get(ioeventfd::kLength)}});
  return ActionResult::done();
}

// An ioeventfd wants its very address and length (Linux virt/kvm/eventfd.c ioeventfd_in_range).
bool signal_eventfd(View& view, const Device& device, GuestPhysAddr gpa, unsigned length) {
  if (device.range.address != gpa.value) return false;
  if (device.range.length != 0 && device.range.length != length) return false;
  view.say("ioeventfd", {{"gpa", Hex{gpa.value}}, {"len", std::uint64_t{length}}});
  return true;
}

// KVM_FAST_MMIO_BUS has the ioeventfds of any length once more (kvm_assign_ioeventfd).
unsigned fast_mmio(const View& view) {
  return any_eventfd_at(view.store(), fault_gpa(view).value,
                        [](std::uint64_t length) { return length == 0; });
}

ActionResult signal_fast_mmio(View& view, const Args&) {
  view.say("trace", {{"event", std::string("kvm_fast_mmio")}, {"gpa", Hex{fault_gpa(view).value}}});
  view.say("ioeventfd", {{"gpa", Hex{fault_gpa(view).value}}, {"len", std::uint64_t{0}}});
  return ActionResult::done();
}

// --- the others ---

ActionResult add_zone(View& view, const Args&) {
  namespace zone = kvm_uapi::coalesced_zone;
  const ConstRecord wanted = kvm_uapi::kCoalescedRequest.at(std::as_const(view).store(), 0);
  insert(view.store(), {bus::Kind::kZone, {wanted.get(zone::kAddress), wanted.get(zone::kSize)}});
  return ActionResult::done();
}

unsigned irqchip(const View& view) { return static_cast<unsigned>(vm_of(view).get(vm::kIrqchip)); }
// kvm_vcpu_has_events: a pending request for another VMSA ends every block.
unsigned mp_state(const View& view) {
  const ConstRecord vcpu = vcpu_of(view);
  if (vcpu.get(vcpu::kUpdateState)) return static_cast<unsigned>(MpState::kRunnable);
  return static_cast<unsigned>(vcpu.get(vcpu::kMpState));
}

ActionResult set_irqchip(View& view, const Args& args) {
  vm_of(view).set(vm::kIrqchip, args.word(0) + 1);
  if (irqchip(view) == static_cast<unsigned>(Irqchip::kFull)) {
    insert(view.store(), {bus::Kind::kIoapic, {kIoapicBase, kIoapicLength}});
  }
  return ActionResult::done();
}

ActionResult begin_reset_hold(View& view, const Args&) {
  vcpu_of(view).set(vcpu::kMpState, static_cast<std::uint64_t>(MpState::kResetHold));
  return ActionResult::done();
}

}  // namespace

DeviceAnswer read_mmio_device(View& view, GuestPhysAddr gpa, void* data, unsigned length) {
  DeviceAnswer answer = read_lapic(view, gpa, data, length);
  if (answer != DeviceAnswer::kNotMine) return answer;
  offer(view.store(), {gpa.value, length}, [&](const Device& device) {
    if (device.kind != bus::Kind::kIoapic) return false;  // the others have no read
    answer = read_ioapic(view, gpa, data, length);
    return true;
  });
  return answer;
}

bool write_mmio_device(View& view, GuestPhysAddr gpa, const void* data, unsigned length) {
  bool taken = write_lapic(view, gpa, data, length) != DeviceAnswer::kNotMine;
  if (taken) watch_pit(view);  // LVT0 lets the 8259 through
  if (taken) return true;
  offer(view.store(), {gpa.value, length}, [&](const Device& device) {
    switch (device.kind) {
      case bus::Kind::kIoeventfd:
        return taken = signal_eventfd(view, device, gpa, length);
      case bus::Kind::kZone:
        return taken = keep_coalesced(view, gpa, data, length);
      case bus::Kind::kIoapic:
        write_ioapic(view, gpa, data, length);
        watch_pit(view);
        return taken = true;
      case bus::Kind::kNone:
        break;
    }
    return false;
  });
  return taken;
}

void add_mmio_bus(rules::Vocabulary& v) {
  v.add(fact<bus_shape>("ioeventfd.shape", {"bad", "ok"}, "its length, and no wrap"));
  v.add(fact<collides>("ioeventfd.collides", kNoYes, "another one is there already"));
  // Nobody gets another one while something of the VM runs: KVM_CREATE_IRQCHIP refuses with vCPUs.
  constexpr bool kFixed = true;
  v.add(fact<irqchip>("irqchip", {"none", "split", "full"},
                      "the kernel's interrupt controllers: none, the local APICs, all", kFixed));
  v.add(fact<mp_state>("mp_state", {"runnable", "reset-hold", "init-received", "halted"},
                       "vcpu->arch.mp_state"));
  v.add(action<set_irqchip>("set_irqchip", {word_arg("mode", {"split", "full"})}, "irqchip_mode",
                            "vCPUs have their local APIC in the kernel"));
  v.add(
      action<begin_reset_hold>("begin_reset_hold", {}, "mp_state",
                               "KVM_MP_STATE_AP_RESET_HOLD: until INIT and a start-up interrupt"));
  v.add(fact<fast_mmio>("fast_mmio", kNoYes, "KVM_FAST_MMIO_BUS has an eventfd at the address"));
  v.add(action<signal_fast_mmio>("signal_fast_mmio", {}, "nothing", "the eventfd is signalled"));
  v.add(action<add_zone>("add_zone", {}, "KVM_MMIO_BUS",
                         "writes to the range go to the ring from now on"));
  v.add(action<assign_ioeventfd>("assign_ioeventfd", {}, "KVM_MMIO_BUS",
                                 "the address signals an eventfd from now on"));
}

}  // namespace nptsim::kvm
