#include "models/kernel/kvm/state.h"

#include <utility>

#include "sim/base/bits.h"

namespace nptsim::kvm {

std::optional<FoundSlot> slot_of(const Store& store, std::uint64_t gfn) {
  const std::uint64_t count = kVm.at(store, 0).get(vm::kSlots);
  for (std::uint64_t i = 0; i < count; ++i) {
    const ConstRecord record = kSlots.at(store, i);
    if (!record.get(slot::kUsed) || record.get(slot::kAddressSpace) != 0) continue;
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

std::optional<std::uint64_t> slot_with_id(const Store& store, std::uint64_t address_space,
                                          std::uint64_t id) {
  const std::uint64_t count = kVm.at(store, 0).get(vm::kSlots);
  for (std::uint64_t i = 0; i < count; ++i) {
    const ConstRecord record = kSlots.at(store, i);
    if (record.get(slot::kUsed) && record.get(slot::kId) == id &&
        record.get(slot::kAddressSpace) == address_space) {
      return i;
    }
  }
  return std::nullopt;
}

void mark_page_dirty(Store& store, std::uint64_t gfn) {
  const auto found = slot_of(store, gfn);
  if (!found || !found->log_dirty) return;
  const std::uint64_t page =
      gfn - kSlots.at(std::as_const(store), found->index).get(slot::kBaseGfn);
  const WordRef word = dirty_word(found->index, page);
  const std::uint64_t old = store.read(word.space, word.index);
  if (!has_bit(old, page % 64)) store.write(word.space, word.index, old | bit(page % 64));
}

}  // namespace nptsim::kvm
