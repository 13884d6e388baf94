// The two 8259 interrupt controllers in the kernel (Linux arch/x86/kvm/i8259.c). No interrupt ever
// comes in but the 8254's, which cannot be delivered; so IRR and ISR are empty, an end of interrupt
// ends none, and what a guest sees is masks, trigger modes and where its own commands stand.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/pio_bus.h"

namespace nptsim::kvm {
namespace {

constexpr std::uint64_t kPorts[] = {0x20, 0xa0};
constexpr std::uint64_t kElcrPort = 0x4d0;
constexpr std::uint8_t kElcrMasks[] = {0xf8, 0xde};  // kvm_pic_init: what can be level triggered

struct Chip {
  unsigned index = 0;
  bool elcr = false;
  bool data = false;  // the second of its two ports
};
Chip chip_at(std::uint64_t port) {
  if (port >= kElcrPort) return {static_cast<unsigned>(port & 1), true, false};
  return {port >= kPorts[1] ? 1u : 0u, false, (port & 1) != 0};
}

// The master's pin 0 is the 8254's.
bool may_be_pending(const View& view, const Chip& chip) {
  return chip.index == 0 && pit_counts(view);
}

// pic_ioport_read. A poll that finds nothing pending gives 7 (pic_poll_read).
std::uint8_t read_chip(View& view, const Chip& chip, const Record& r) {
  const auto empty = [&](std::uint8_t value) {
    if (may_be_pending(view, chip)) {
      end_at_gap(view, "whether the 8254 has asked for its interrupt by now is a matter of time");
    }
    return value;
  };
  if (r.get(pic::kPoll)) {
    r.set(pic::kPoll, 0);
    return empty(7);
  }
  if (chip.data) return static_cast<std::uint8_t>(r.get(pic::kImr));
  return r.get(pic::kReadIsr) ? 0 : empty(0);
}

// ICW1: the mask is cleared, also of what was masked before.
void begin_initialization(const Record& r, std::uint8_t value) {
  r.set(pic::kInit4, value & 1);
  r.set(pic::kImr, 0);
  r.set(pic::kReadIsr, 0);
  r.set(pic::kInitState, 1);
}

// OCW3. (OCW2, ends of interrupts and priorities, changes nothing that could be seen.)
void set_read_mode(const Record& r, std::uint8_t value) {
  if (value & 0x04) r.set(pic::kPoll, 1);
  if (value & 0x02) r.set(pic::kReadIsr, value & 1);
}

// pic_ioport_write at the second port: the mask, or the next word of an initialization.
void write_data(const Record& r, std::uint8_t value) {
  enum InitState : unsigned { kReady, kVectorNext, kCascadeNext, kModeNext };
  switch (r.get(pic::kInitState)) {
    case kReady:
      r.set(pic::kImr, value);
      break;
    case kVectorNext:
      r.set(pic::kVectors, value >> 3);
      r.set(pic::kInitState, kCascadeNext);
      break;
    case kCascadeNext:
      r.set(pic::kInitState, r.get(pic::kInit4) ? kModeNext : kReady);
      break;
    default:
      r.set(pic::kInitState, kReady);
  }
}

}  // namespace

std::uint8_t read_pic(View& view, std::uint64_t port) {
  const Chip chip = chip_at(port);
  const Record r = kPics.at(view.store(), chip.index);
  if (chip.elcr) return static_cast<std::uint8_t>(r.get(pic::kElcr));
  return read_chip(view, chip, r);
}

void write_pic(View& view, std::uint64_t port, std::uint8_t value) {
  const Chip chip = chip_at(port);
  const Record r = kPics.at(view.store(), chip.index);
  if (chip.elcr) return r.set(pic::kElcr, value & kElcrMasks[chip.index]);
  if (chip.data) return write_data(r, value);
  if (value & 0x10) return begin_initialization(r, value);
  if (value & 0x08) set_read_mode(r, value);
}

}  // namespace nptsim::kvm
