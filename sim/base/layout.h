// What the words of a space mean: records made of named bit fields.
//
// An architecture or a model declares a layout once; its own code reads and writes through Record,
// and whoever prints a machine (explain, a before/after list) uses the same names.
#ifndef NPTSIM_SIM_BASE_LAYOUT_H_
#define NPTSIM_SIM_BASE_LAYOUT_H_

#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "sim/base/bits.h"
#include "sim/base/store.h"

namespace nptsim {

// Bits high..low of word `word` of a record.
struct Field {
  std::string_view name;
  unsigned word = 0;
  unsigned high = 63;
  unsigned low = 0;
  std::string_view meaning;
};

struct RecordLayout {
  std::string_view name;
  unsigned words = 0;  // from one record to the next in an array of them
  std::span<const Field> fields;
};

// One record of a store. `S` is Store or const Store.
template <class S>
class BasicRecord {
 public:
  BasicRecord(S& store, Space space, std::uint64_t base)
      : store_(&store), space_(space), base_(base) {}

  // Inlined always: the field is known where it is named, and folds into a shift and a mask.
  [[gnu::always_inline]] std::uint64_t get(const Field& field) const {
    return get_bits(store_->read(space_, base_ + field.word), field.high, field.low);
  }
  [[gnu::always_inline]] void set(const Field& field, std::uint64_t value) const
      requires(!std::is_const_v<S>) {
    const std::uint64_t index = base_ + field.word;
    const std::uint64_t old = store_->read(space_, index);
    store_->write(space_, index, with_bits(old, field.high, field.low, value));
  }
  std::uint64_t base() const { return base_; }

 private:
  S* store_;
  Space space_;
  std::uint64_t base_;
};
using Record = BasicRecord<Store>;
using ConstRecord = BasicRecord<const Store>;

// The value of a field among the words of its record.
constexpr std::uint64_t field_of(const std::uint64_t* words, const Field& field) {
  return get_bits(words[field.word], field.high, field.low);
}

// `count` records of one layout, one after the other from `base`.
struct RecordArray {
  const RecordLayout* layout = nullptr;
  Space space = Space::kKernel;
  std::uint64_t base = 0;
  std::uint64_t count = 1;

  Record at(Store& store, std::uint64_t i) const {
    return Record(store, space, base + i * layout->words);
  }
  ConstRecord at(const Store& store, std::uint64_t i) const {
    return ConstRecord(store, space, base + i * layout->words);
  }
  // The words of one record, for field_of(): of a layout whose records never cross a page. Valid
  // until the store is written or copied.
  const std::uint64_t* words_at(const Store& store, std::uint64_t i) const {
    const std::uint64_t at = base + i * layout->words;
    return store.words_of_page(space, at / kWordsPerPage) + at % kWordsPerPage;
  }
};

}  // namespace nptsim

#endif  // NPTSIM_SIM_BASE_LAYOUT_H_
