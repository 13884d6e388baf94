// No VMM of its own: slots as they are listed, one answer for every access, and nothing else.
#ifndef NPTSIM_MODELS_VMM_BARE_MODEL_H_
#define NPTSIM_MODELS_VMM_BARE_MODEL_H_

#include <cstdint>
#include <vector>

#include "sim/base/address.h"
#include "sim/base/store.h"
#include "sim/machine/host.h"
#include "sim/machine/setup.h"
#include "sim/rules/vocabulary.h"

namespace nptsim::bare {

const rules::Vocabulary& vocabulary();

// A slot for each region that has memory: ROM and flash in romd mode read-only, flash in the mode
// of a device none.
void prepare(Store& store, const machine::Setup& setup);

// One call of KVM_SET_USER_MEMORY_REGION2.
struct Slot {
  std::uint32_t id = 0;
  GuestPhysAddr gpa;
  std::uint64_t size = 0;
  machine::BackingId backing = 0;
  std::uint64_t offset = 0;
  bool readonly = false;
  bool log_dirty = false;
  machine::BackingId gmem = machine::kNoBacking;  // guest_memfd, at the same offset
};
inline constexpr std::size_t kMaxSlots = 512;

// A userspace_addr that is none: above the user's half of the address space.
inline constexpr std::uint64_t kNoUserAddress = 1ull << 32;

// These slots, in this order, instead of those of prepare(). At most kMaxSlots.
void set_slots(Store& store, const std::vector<Slot>& slots);
// What it will ask for.
std::vector<Slot> wanted_slots(const Store& store);

}  // namespace nptsim::bare

#endif  // NPTSIM_MODELS_VMM_BARE_MODEL_H_
