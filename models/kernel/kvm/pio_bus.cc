#include "models/kernel/kvm/pio_bus.h"

#include <optional>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/facts.h"
#include "models/kernel/kvm/lapic_registers.h"

namespace nptsim::kvm {
namespace {

using machine::Hex;

enum class PortDevice : std::uint8_t { kPic, kPit, kSpeaker };
struct PortRange {
  std::uint64_t first = 0, length = 0;
  PortDevice device = PortDevice::kPic;
};
// kvm_pic_init, kvm_create_pit. The speaker's range is longer than the device.
constexpr PortRange kRanges[] = {{0x20, 2, PortDevice::kPic},
                                 {0x40, 4, PortDevice::kPit},
                                 {0x61, 4, PortDevice::kSpeaker},
                                 {0xa0, 2, PortDevice::kPic},
                                 {0x4d0, 2, PortDevice::kPic}};

PitMode pit_mode(const View& view) { return static_cast<PitMode>(vm_of(view).get(vm::kPit)); }

bool is_there(const View& view, PortDevice device) {
  switch (device) {
    case PortDevice::kPic:
      return vm_of(view).get(vm::kIrqchip) == static_cast<std::uint64_t>(Irqchip::kFull);
    case PortDevice::kPit:
      return pit_mode(view) != PitMode::kNone;
    case PortDevice::kSpeaker:
      return pit_mode(view) == PitMode::kSpeaker;
  }
  return false;
}

// kvm_io_bus_cmp: the whole access lies in the device's range. Beside port 0x61 nobody is home
// (speaker_ioport_read, speaker_ioport_write).
std::optional<PortDevice> device_of(const View& view, PortAccess access) {
  for (const PortRange& range : kRanges) {
    if (access.port < range.first) continue;
    if (access.port + access.size > range.first + range.length) continue;
    if (range.device == PortDevice::kSpeaker && access.port != range.first) continue;
    if (is_there(view, range.device)) return range.device;
  }
  return std::nullopt;
}

// picdev_read: anything but a byte reads as 0.
std::uint64_t read_pic_port(View& view, PortAccess access) {
  return access.size == 1 ? read_pic(view, access.port) : 0;
}

void say_device(View& view, PortDevice device, bool write, PortAccess access, std::uint64_t value) {
  constexpr const char* kNames[] = {"i8259", "i8254", "speaker"};
  view.say("device", [&] {
    return machine::EventFields{{"region", std::string(kNames[static_cast<unsigned>(device)])},
                                {"direction", std::string(write ? "write" : "read")},
                                {"offset", Hex{access.port}},
                                {"size", access.size},
                                {"value", Hex{value}}};
  });
}

// Of PIC pin 0, where its output is connected, and of the I/O APIC's pins 0 and 2: GSI 0 leads to
// the first two by KVM's own routing (irq_comm.c), to the third by QEMU's.
bool pit_gets_through(const View& view) {
  const bool pic = !has_bit(kPics.at(view.store(), 0).get(pic::kImr), 0);
  if (pic && lapic::accepts_pic_interrupt(view)) return true;
  return ioapic_unmasked(view.store(), 0) || ioapic_unmasked(view.store(), 2);
}

ActionResult create_pit(View& view, const Args& args) {
  vm_of(view).set(vm::kPit, args.word(0) + 1);
  return ActionResult::done();
}

ActionResult keep_pio_buffer(View& view, const Args&) {
  vm_of(view).set(vm::kPioInPlace, 1);
  return ActionResult::done();
}

}  // namespace

DeviceAnswer read_port(View& view, PortAccess access, std::uint64_t& value) {
  const auto device = device_of(view, access);
  if (!device) return DeviceAnswer::kNotMine;
  DeviceAnswer answer = DeviceAnswer::kTaken;
  std::uint32_t read = 0;
  switch (*device) {
    case PortDevice::kPic:
      value = read_pic_port(view, access);
      break;
    case PortDevice::kPit:
      answer = read_pit(view, access.port, read);
      // __emulator_pio_in cleared its buffer first.
      if (!vm_of(std::as_const(view)).get(vm::kPioInPlace)) answer = DeviceAnswer::kTaken;
      if (answer == DeviceAnswer::kTaken) value = read;
      break;
    case PortDevice::kSpeaker:
      end_at_gap(view,
                 "port 0x61 shows a refresh clock and the speaker's timer: time is not "
                 "modelled");
      break;
  }
  say_device(view, *device, false, access, value);
  return answer;
}

bool write_port(View& view, PortAccess access, std::uint64_t value) {
  const auto device = device_of(view, access);
  if (!device) return false;
  say_device(view, *device, true, access, value);
  const auto byte = static_cast<std::uint8_t>(value);
  switch (*device) {
    case PortDevice::kPic:
      if (access.size == 1) write_pic(view, access.port, byte);  // picdev_write
      break;
    case PortDevice::kPit:
      write_pit(view, access.port, byte);
      break;
    case PortDevice::kSpeaker:
      write_speaker(view, byte);
      break;
  }
  watch_pit(view);
  return true;
}

void watch_pit(View& view) {
  if (pit_counts(view) && pit_gets_through(view)) {
    end_at_gap(view, "the 8254 will interrupt: time and interrupts are not modelled");
  }
}

void add_pio_bus(rules::Vocabulary& v) {
  v.add(action<create_pit>("create_pit", {word_arg("mode", {"plain", "speaker"})}, "KVM_PIO_BUS",
                           "the 8254, and KVM_PIT_SPEAKER_DUMMY's port 0x61"));
  v.add(action<keep_pio_buffer>("keep_pio_buffer", {}, "the buffer of IN",
                                "a device that gives nothing leaves it as it is"));
}

}  // namespace nptsim::kvm
