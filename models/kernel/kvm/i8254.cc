// The 8254 interval timer in the kernel (Linux arch/x86/kvm/i8254.c). What it counts is time, and
// that is not modelled: a counter can be read as long as nobody has loaded it, which for channels 1
// and 2 means never, since they count from their creation on.
#include "models/kernel/kvm/define.h"
#include "models/kernel/kvm/pio_bus.h"

namespace nptsim::kvm {
namespace {

constexpr unsigned kChannels = 3;
constexpr unsigned kModeAfterReset = 0xff;                            // kvm_pit_reset
enum Access : unsigned { kLatchNow, kLow, kHigh, kWord, kWordHigh };  // RW_STATE_*

Record channel_of(View& view, unsigned n) { return kPitChannels.at(view.store(), n); }

unsigned mode_of_channel(const Record& c) {
  return static_cast<unsigned>(c.get(pit::kMode)) ^ kModeAfterReset;
}

// __kpit_elapsed is 0 before the first timer of channel 0; the others' time began with the VM.
bool stands_still(const View& view, unsigned n) { return n == 0 && !pit_counts(view); }

// pit_get_count at time 0. The count that is programmed as 0 is 65536.
std::uint32_t count_of(View& view, unsigned n) {
  if (!stands_still(view, n)) {
    end_at_gap(view, "what a counter of the 8254 has come to is a matter of time");
  }
  return static_cast<std::uint32_t>(channel_of(view, n).get(pit::kCount));
}

// pit_get_out at time 0.
std::uint8_t output_of(View& view, unsigned n) {
  if (!stands_still(view, n)) {
    end_at_gap(view, "what an output of the 8254 has come to is a matter of time");
  }
  const unsigned mode = mode_of_channel(channel_of(view, n));
  return mode == 1 || mode == 3;
}

void latch_count(View& view, unsigned n) {
  const Record c = channel_of(view, n);
  if (c.get(pit::kCountLatched)) return;
  const std::uint32_t count = count_of(view, n);
  c.set(pit::kLatchedCount, count);
  c.set(pit::kCountLatched, c.get(pit::kRwMode));
}

// pit_latch_status: NULL COUNT (bit 6) is never told.
void latch_status(View& view, unsigned n) {
  const Record c = channel_of(view, n);
  if (c.get(pit::kStatusLatched)) return;
  const std::uint64_t status = output_of(view, n) << 7 | c.get(pit::kRwMode) << 4 |
                               (mode_of_channel(c) << 1 & 0xff) | c.get(pit::kBcd);
  c.set(pit::kStatus, status & 0xff);
  c.set(pit::kStatusLatched, 1);
}

// pit_load_count. Channel 0's timer starts in modes 0 to 4 (create_pit_timer), and the others'
// clocks begin anew.
void load_count(View& view, unsigned n, std::uint64_t count) {
  const Record c = channel_of(view, n);
  c.set(pit::kCount, count);
  if (n == 0 && mode_of_channel(c) <= 4) vm_of(view).set(vm::kPitCounts, 1);
}

void write_count(View& view, unsigned n, std::uint8_t value) {
  const Record c = channel_of(view, n);
  switch (c.get(pit::kWriteState)) {
    case kHigh:
      return load_count(view, n, std::uint64_t{value} << 8);
    case kWord:
      c.set(pit::kWriteLatch, value);
      c.set(pit::kWriteState, kWordHigh);
      return;
    case kWordHigh:
      load_count(view, n, c.get(pit::kWriteLatch) | std::uint64_t{value} << 8);
      c.set(pit::kWriteState, kWord);
      return;
    default:
      return load_count(view, n, value);
  }
}

void read_back(View& view, std::uint8_t value) {
  for (unsigned n = 0; n < kChannels; ++n) {
    if (!(value & (2u << n))) continue;
    if (!(value & 0x20)) latch_count(view, n);
    if (!(value & 0x10)) latch_status(view, n);
  }
}

void write_control(View& view, std::uint8_t value) {
  const unsigned n = value >> 6;
  if (n == 3) return read_back(view, value);
  const unsigned access = value >> 4 & 3;
  if (access == kLatchNow) return latch_count(view, n);
  const Record c = channel_of(view, n);
  const unsigned mode = value >> 1 & 7;
  c.set(pit::kRwMode, access);
  c.set(pit::kReadState, access);
  c.set(pit::kWriteState, access);
  c.set(pit::kMode, (mode > 5 ? mode - 4 : mode) ^ kModeAfterReset);
  c.set(pit::kBcd, value & 1);
}

std::uint32_t take_latched_count(const Record& c) {
  const auto count = static_cast<std::uint32_t>(c.get(pit::kLatchedCount));
  const std::uint64_t state = c.get(pit::kCountLatched);
  c.set(pit::kCountLatched, state == kWord ? kHigh : kLatchNow);
  return state == kHigh ? count >> 8 : count & 0xff;
}

std::uint32_t read_running_count(View& view, unsigned n) {
  const Record c = channel_of(view, n);
  const std::uint64_t state = c.get(pit::kReadState);
  const std::uint32_t count = count_of(view, n);
  if (state == kWord) c.set(pit::kReadState, kWordHigh);
  if (state == kWordHigh) c.set(pit::kReadState, kWord);
  return state == kHigh || state == kWordHigh ? count >> 8 & 0xff : count & 0xff;
}

}  // namespace

bool pit_counts(const View& view) { return vm_of(view).get(vm::kPitCounts) != 0; }

DeviceAnswer read_pit(View& view, std::uint64_t port, std::uint32_t& value) {
  const auto n = static_cast<unsigned>(port & 3);
  if (n == kChannels) return DeviceAnswer::kNoData;
  const Record c = channel_of(view, n);
  if (c.get(pit::kStatusLatched)) {
    c.set(pit::kStatusLatched, 0);
    value = static_cast<std::uint32_t>(c.get(pit::kStatus));
  } else if (c.get(pit::kCountLatched)) {
    value = take_latched_count(c);
  } else {
    value = read_running_count(view, n);
  }
  return DeviceAnswer::kTaken;
}

void write_pit(View& view, std::uint64_t port, std::uint8_t value) {
  const auto n = static_cast<unsigned>(port & 3);
  n == kChannels ? write_control(view, value) : write_count(view, n, value);
}

// The gate of channel 2 and the speaker's switch show only at port 0x61.
void write_speaker(View& view, std::uint8_t value) { vm_of(view).set(vm::kSpeaker, value & 3); }

}  // namespace nptsim::kvm
