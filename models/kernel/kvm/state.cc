#include "models/kernel/kvm/state.h"

namespace nptsim::kvm {

std::optional<FoundSlot> slot_of(const Store& store, std::uint64_t gfn) {
  const std::uint64_t count = kVm.at(store, 0).get(vm::kSlots);
  for (std::uint64_t i = 0; i < count; ++i) {
    const ConstRecord record = kSlots.at(store, i);
    if (!record.get(slot::kUsed)) continue;
    const std::uint64_t base = record.get(slot::kBaseGfn);
    if (gfn < base || gfn - base >= record.get(slot::kPages)) continue;
    FoundSlot found;
    found.index = i;
    found.invalid = record.get(slot::kInvalid);
    found.readonly = record.get(slot::kReadonly);
    found.log_dirty = record.get(slot::kLogDirty);
    found.backing = static_cast<machine::BackingId>(record.get(slot::kBacking));
    found.page = (record.get(slot::kOffset) >> kPageShift) + (gfn - base);
    return found;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> slot_with_id(const Store& store, std::uint64_t id) {
  const std::uint64_t count = kVm.at(store, 0).get(vm::kSlots);
  for (std::uint64_t i = 0; i < count; ++i) {
    const ConstRecord record = kSlots.at(store, i);
    if (record.get(slot::kUsed) && record.get(slot::kId) == id) return i;
  }
  return std::nullopt;
}

}  // namespace nptsim::kvm
