#include "models/kernel/kvm/state.h"

#include <utility>

#include "sim/base/bits.h"

namespace nptsim::kvm {

static_assert(kSlots.base % kWordsPerPage == 0 && kWordsPerPage % slot::kLayout.words == 0);

SlotRecord slot_record_of(const Store& store, std::uint64_t gfn) {
  const std::uint64_t count = kVm.at(store, 0).get(vm::kSlots);
  for (std::uint64_t i = 0; i < count; ++i) {
    const SlotRecord record{kSlots.words_at(store, i), i};
    if (gfn - record.get(slot::kBaseGfn) >= record.get(slot::kPages)) continue;
    if (record.get(slot::kUsed) && record.get(slot::kAddressSpace) == 0) return record;
  }
  return {};
}

std::optional<FoundSlot> slot_of(const Store& store, std::uint64_t gfn) {
  const SlotRecord record = slot_record_of(store, gfn);
  if (!record) return std::nullopt;
  FoundSlot found;
  found.invalid = record.get(slot::kInvalid);
  found.readonly = record.get(slot::kReadonly);
  found.backing = static_cast<machine::BackingId>(record.get(slot::kBacking));
  found.page = (record.get(slot::kOffset) >> kPageShift) + (gfn - record.get(slot::kBaseGfn));
  return found;
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

bool logs_dirty(const Store& store, std::uint64_t gfn) {
  const SlotRecord record = slot_record_of(store, gfn);
  return record && record.get(slot::kLogDirty);
}

void mark_page_dirty(Store& store, std::uint64_t gfn) {
  const SlotRecord record = slot_record_of(store, gfn);
  if (!record || !record.get(slot::kLogDirty)) return;
  const std::uint64_t page = gfn - record.get(slot::kBaseGfn);
  const WordRef word = dirty_word(record.index, page);
  const std::uint64_t old = store.read(word.space, word.index);
  if (!has_bit(old, page % 64)) store.write(word.space, word.index, old | bit(page % 64));
}

}  // namespace nptsim::kvm
