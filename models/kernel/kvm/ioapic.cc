// The I/O APIC in the kernel (Linux arch/x86/kvm/ioapic.c): 256 bytes at 0xfec00000. No interrupt
// ever comes in, so only what is written can be read.
#include <algorithm>
#include <cstring>

#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/devices.h"
#include "models/kernel/kvm/facts.h"

namespace nptsim::kvm {
namespace {

constexpr unsigned kSelect = 0x00, kWindow = 0x10;
constexpr std::uint64_t kRegId = 0, kRegVersion = 1, kRegArb = 2, kRegTable = 0x10;
constexpr std::uint32_t kIoapicVersion = 0x11 | (kIoapicPins - 1) << 16;  // IOAPIC_VERSION_ID
// Of a redirection entry: delivery_status and remote_irr are read-only; trig_mode; mask.
constexpr std::uint64_t kReadOnly = bit(12) | bit(14), kLevel = bit(15), kRemoteIrr = bit(14),
                        kMask = bit(16);

Record ioapic_of(View& view) { return kIoapic.at(view.store(), 0); }

// Kept with the mask inverted: after a reset all entries are masked and nothing else.
std::uint64_t entry(const Record& r, unsigned pin) { return r.get(ioapic::table(pin)) ^ kMask; }
void set_entry(const Record& r, unsigned pin, std::uint64_t value) {
  r.set(ioapic::table(pin), value ^ kMask);
}

// ioapic_read_indirect.
std::uint32_t read_indirect(const Record& r) {
  const std::uint64_t reg = r.get(ioapic::kSelect);
  if (reg == kRegVersion) return kIoapicVersion;
  if (reg == kRegId || reg == kRegArb) return static_cast<std::uint32_t>(r.get(ioapic::kId) << 24);
  const std::uint64_t pin = static_cast<std::uint32_t>(reg - kRegTable) >> 1;
  const std::uint64_t value = pin < kIoapicPins ? entry(r, static_cast<unsigned>(pin)) : ~0ull;
  return static_cast<std::uint32_t>(reg & 1 ? value >> 32 : value);
}

// ioapic_write_indirect.
void write_indirect(const Record& r, std::uint32_t data) {
  const std::uint64_t reg = r.get(ioapic::kSelect);
  if (reg == kRegVersion || reg == kRegArb) return;
  if (reg == kRegId) return r.set(ioapic::kId, get_bits(data, 27, 24));
  const std::uint64_t pin = static_cast<std::uint32_t>(reg - kRegTable) >> 1;
  if (pin >= kIoapicPins) return;
  const std::uint64_t old = entry(r, static_cast<unsigned>(pin));
  std::uint64_t value =
      reg & 1 ? get_bits(old, 31, 0) | std::uint64_t{data} << 32 : (old & ~bit_range(31, 0)) | data;
  value = (value & ~kReadOnly) | (old & kReadOnly);
  if (!(value & kLevel)) value &= ~kRemoteIrr;
  set_entry(r, static_cast<unsigned>(pin), value);
}

}  // namespace

bool ioapic_unmasked(const Store& store, unsigned pin) {
  return ((kIoapic.at(store, 0).get(ioapic::table(pin)) ^ kMask) & kMask) == 0;
}

// ioapic_mmio_read: two registers by their very address, 0 elsewhere.
DeviceAnswer read_ioapic(View& view, GuestPhysAddr gpa, void* data, unsigned length) {
  if (!is_access_size(length)) return DeviceAnswer::kNoData;
  const Record r = ioapic_of(view);
  const std::uint64_t at = gpa.value & 0xff;
  std::uint64_t value = 0;
  if (at == kSelect) value = r.get(ioapic::kSelect);
  if (at == kWindow) value = read_indirect(r);
  std::memcpy(data, &value, length);
  return DeviceAnswer::kTaken;
}

// ioapic_mmio_write: the low 32 bits count; a length that is none is taken and ignored.
void write_ioapic(View& view, GuestPhysAddr gpa, const void* data, unsigned length) {
  if (!is_access_size(length)) return;
  std::uint32_t value = 0;
  std::memcpy(&value, data, std::min(length, 4u));
  const Record r = ioapic_of(view);
  const std::uint64_t at = gpa.value & 0xff;
  if (at == kSelect) r.set(ioapic::kSelect, value & 0xff);
  if (at == kWindow) write_indirect(r, value);
}

}  // namespace nptsim::kvm
