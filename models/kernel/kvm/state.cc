#include "models/kernel/kvm/state.h"

#include <utility>

#include "sim/base/bits.h"

namespace nptsim::kvm {

static_assert(kSlots.base % kWordsPerPage == 0 && kWordsPerPage % slot::kLayout.words == 0);

std::optional<std::uint64_t> slot_index_of(const Store& store, std::uint64_t gfn) {
  const std::uint64_t count = kVm.at(store, 0).get(vm::kSlots);
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t* const record = kSlots.words_at(store, i);
    if (gfn - field_of(record, slot::kBaseGfn) >= field_of(record, slot::kPages)) continue;
    if (field_of(record, slot::kUsed) && field_of(record, slot::kAddressSpace) == 0) return i;
  }
  return std::nullopt;
}

std::optional<FoundSlot> slot_of(const Store& store, std::uint64_t gfn) {
  const auto index = slot_index_of(store, gfn);
  if (!index) return std::nullopt;
  const std::uint64_t* const record = kSlots.words_at(store, *index);
  FoundSlot found;
  found.invalid = field_of(record, slot::kInvalid);
  found.readonly = field_of(record, slot::kReadonly);
  found.backing = static_cast<machine::BackingId>(field_of(record, slot::kBacking));
  found.page =
      (field_of(record, slot::kOffset) >> kPageShift) + (gfn - field_of(record, slot::kBaseGfn));
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
  const auto index = slot_index_of(store, gfn);
  return index && field_of(kSlots.words_at(store, *index), slot::kLogDirty);
}

void mark_page_dirty(Store& store, std::uint64_t gfn) {
  const auto index = slot_index_of(store, gfn);
  if (!index) return;
  const ConstRecord record = kSlots.at(std::as_const(store), *index);
  if (!record.get(slot::kLogDirty)) return;
  const std::uint64_t page = gfn - record.get(slot::kBaseGfn);
  const WordRef word = dirty_word(*index, page);
  const std::uint64_t old = store.read(word.space, word.index);
  if (!has_bit(old, page % 64)) store.write(word.space, word.index, old | bit(page % 64));
}

}  // namespace nptsim::kvm
