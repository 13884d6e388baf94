#include "sim/base/store.h"

#include <algorithm>

namespace nptsim {
namespace {

// Pages whose number is below this are found by an index: 8 GiB of dram.
constexpr std::uint64_t kNearPages = 1ull << 21;

// Of dram, and of the keys of its blocks, the first pages lie flat: 256 MiB of dram.
constexpr std::uint64_t kFlatPages = 1ull << 16;
constexpr bool may_lie_flat(Space space) { return space == Space::kDram || space == Space::kKeys; }

constinit std::array<std::uint64_t, kWordsPerPage> zero_words{};

// The finalizer of splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
// generators", 2014): a bijection that spreads every input bit.
std::uint64_t spread(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// Counts are hashed beside the words, in a space number that no word has.
StoreHash hash_of_count(std::uint64_t space, std::uint64_t index, std::uint64_t value) {
  const std::uint64_t place = spread(index + (space << 56) + 0x9e3779b97f4a7c15ull);
  return {spread(value ^ place), spread(value + (place << 1 | 1) * 0xd6e8feb86659fd93ull)};
}
constexpr std::uint64_t kStampSpace = 0x40;
constexpr std::uint64_t kCounterSpace = 0x80;

}  // namespace

constinit Store::Page Store::zero_page_(zero_words.data());
constinit Store::Region Store::NearPages::empty_region_{};

const char* name_of(Space space) {
  constexpr const char* kNames[kSpaceCount] = {"dram",   "keys", "vcpu",     "frames", "host",
                                               "kernel", "vmm",  "firmware", "monitor"};
  return kNames[static_cast<unsigned>(space)];
}

StoreHash hash_of_word(Space space, std::uint64_t index, std::uint64_t word) {
  if (word == 0) return {};
  return hash_of_count(static_cast<std::uint64_t>(space), index, word);
}

const std::uint64_t* Store::far_words(Space space, std::uint64_t page) const {
  const PageRef* ref = find_page(space, page);
  return ref ? (*ref)->words : zero_words.data();
}

const Store::PageRef* Store::find_page(Space space, std::uint64_t page) const {
  const NearPages& near = near_[static_cast<unsigned>(space)];
  if (near.reaches(page)) return near[page] ? &near[page] : nullptr;
  const auto& far = far_[static_cast<unsigned>(space)];
  const auto it = far.find(page / kRegionPages);
  if (it == far.end()) return nullptr;
  const PageRef& ref = it->second[page % kRegionPages];
  return ref ? &ref : nullptr;
}

Store::PageRef& Store::page_slot(Space space, std::uint64_t page) {
  if (page >= kNearPages) {
    return far_[static_cast<unsigned>(space)][page / kRegionPages][page % kRegionPages];
  }
  return near_[static_cast<unsigned>(space)].slot(page);
}

Store::NearPages::NearPages(const NearPages& other) {
  regions_.reserve(other.regions_.size());
  for (Region* region : other.regions_) {
    regions_.push_back(region == &empty_region_ ? region : new Region(*region));
  }
}

Store::NearPages::~NearPages() {
  for (Region* region : regions_) {
    if (region != &empty_region_) delete region;
  }
}

Store::PageRef& Store::NearPages::slot(std::uint64_t page) {
  const std::uint64_t number = page / kRegionPages;
  if (number >= regions_.size()) regions_.resize(number + 1, &empty_region_);
  Region*& region = regions_[number];
  if (region == &empty_region_) region = new Region;
  return (*region)[page % kRegionPages];
}

std::uint64_t* Store::make_writable(Space space, std::uint64_t page) {
  PageRef& ref = page_slot(space, page);
  if (!ref) {
    ref = PageRef(new_page(space, page));
  } else if (!ref.sole_owner()) {
    ref = PageRef(copy_of_page(space, *ref));
  }
  if (!ref->dirty) mark_dirty(space, page, *ref);
  return ref->words;
}

Store::Page* Store::new_page(Space space, std::uint64_t page) {
  Flat& flat = flat_[static_cast<unsigned>(space)];
  if (!flat.asked_for && may_lie_flat(space) && !is_copy_) {
    flat.room = FlatWords::reserve(kFlatPages);
    flat.words = flat.room ? flat.room->words() : nullptr;
    flat.pages = flat.room ? kFlatPages : 0;
  }
  flat.asked_for = true;
  auto* fresh = new Page;
  if (page < flat.pages) {
    fresh->room = flat.room;
    fresh->words = flat.room->page(page);
  } else {
    fresh->private_words = std::make_unique<std::uint64_t[]>(kWordsPerPage);
    fresh->words = fresh->private_words.get();
  }
  return fresh;
}

Store::Page* Store::copy_of_page(Space space, const Page& shared) {
  flat_[static_cast<unsigned>(space)].pages = 0;
  auto* own = new Page;
  own->private_words = std::make_unique<std::uint64_t[]>(kWordsPerPage);
  own->words = own->private_words.get();
  std::copy_n(shared.words, kWordsPerPage, own->words);
  own->sum = shared.sum;
  return own;
}

// Its words are still those of the origin.
void Store::take_up(Space space, std::uint64_t page, Page& owned) const {
  owned.sum = sum_of_page(space, page, owned);
  owned.unsummed = false;
  clean_sum_ += owned.sum;
  origin_sum_ += owned.sum;
}

void Store::mark_dirty(Space space, std::uint64_t page, Page& owned) {
  if (owned.unsummed) take_up(space, page, owned);
  clean_sum_ -= owned.sum;
  owned.sum = {};
  owned.dirty = true;
  dirty_.emplace_back(space, page);
}

CounterId Store::declare_counter(Counter counter) {
  NPTSIM_CHECK(counter.modulus > 2 * kNearWrap);
  const std::uint64_t now = read(counter.word.space, counter.word.index);
  counters_.push_back(counter);
  write(counter.word.space, counter.word.index, now);  // hashed anew, as a counter
  return static_cast<CounterId>(counters_.size() - 1);
}

void Store::write_stamped(WordRef ref, std::uint64_t word, CounterId counter,
                          const StampLayout& layout) {
  NPTSIM_CHECK(counter < counters_.size());
  write(ref.space, ref.index, word);
  stamps_[ref] = Stamp{counter, layout};
}

void Store::forget_stamp(WordRef ref) { stamps_.erase(ref); }

void Store::move_before_wrap(CounterId id, std::uint64_t distance) {
  const Counter& counter = counters_.at(id);
  const std::uint64_t old = read(counter.word.space, counter.word.index);
  const std::uint64_t target = counter.modulus - distance;
  const std::uint64_t delta = (target + counter.modulus - old % counter.modulus) % counter.modulus;
  writable_page(counter.word.space,
                counter.word.index / kWordsPerPage)[counter.word.index % kWordsPerPage] =
      old + delta;
  for (const auto& [ref, stamp] : stamps_) {
    if (stamp.counter != id) continue;
    std::uint64_t& word =
        writable_page(ref.space, ref.index / kWordsPerPage)[ref.index % kWordsPerPage];
    word = stamp.layout.insert(word, (stamp.layout.extract(word) + delta) % counter.modulus);
  }
}

bool Store::is_counter(WordRef ref) const {
  for (const Counter& counter : counters_) {
    if (counter.word == ref) return true;
  }
  return false;
}

StoreHash Store::sum_of_page(Space space, std::uint64_t page, const Page& content) const {
  const bool may_have_marks = !stamps_.empty() || !counters_.empty();
  StoreHash sum;
  // Nearly all words are zero: eight at a time.
  constexpr std::uint64_t kGroup = 8;
  const auto group_is_zero = [&](std::uint64_t first) {
    std::uint64_t any = 0;
    for (std::uint64_t k = 0; k < kGroup; ++k) any |= content.words[first + k];
    return any == 0;
  };
  for (std::uint64_t i = 0; i < kWordsPerPage; ++i) {
    if (i % kGroup == 0 && group_is_zero(i)) {
      i += kGroup - 1;
      continue;
    }
    std::uint64_t word = content.words[i];
    if (word == 0) continue;
    const WordRef ref{space, page * kWordsPerPage + i};
    if (may_have_marks) {
      if (is_counter(ref)) continue;
      if (const auto it = stamps_.find(ref); it != stamps_.end()) word &= ~it->second.layout.mask;
    }
    sum += hash_of_word(space, ref.index, word);
  }
  return sum;
}

StoreHash Store::sum_of_counts() const {
  StoreHash sum;
  for (std::uint64_t id = 0; id < counters_.size(); ++id) {
    const Counter& counter = counters_[id];
    const std::uint64_t value = read(counter.word.space, counter.word.index) % counter.modulus;
    if (counter.modulus - value <= kNearWrap) {
      sum += hash_of_count(kCounterSpace, id, counter.modulus - value);
    }
  }
  for (const auto& [ref, stamp] : stamps_) {
    const Counter& counter = counters_[stamp.counter];
    const std::uint64_t now = read(counter.word.space, counter.word.index) % counter.modulus;
    const std::uint64_t copied = stamp.layout.extract(read(ref.space, ref.index)) % counter.modulus;
    const std::uint64_t distance = (now + counter.modulus - copied) % counter.modulus;
    const std::uint64_t place = ref.index + (static_cast<std::uint64_t>(ref.space) << 52);
    sum += hash_of_count(kStampSpace, place, distance + 1);
  }
  return sum;
}

// Brings the sums of all pages up to date, so that they may be shared.
void Store::settle() const {
  for (const auto& [space, page] : dirty_) {
    const PageRef* ref = find_page(space, page);
    Page& content = **ref;
    content.sum = sum_of_page(space, page, content);
    content.dirty = false;
    clean_sum_ += content.sum;
  }
  dirty_.clear();
}

void Store::settle_unsummed() const {
  for (const auto& [space, page] : unsummed_) {
    Page& content = **find_page(space, page);
    if (content.unsummed) take_up(space, page, content);
  }
  unsummed_.clear();
}

void Store::set_origin() {
  settle_unsummed();
  origin_sum_ = clean_sum_;
  for (const auto& [space, page] : dirty_) {
    Page& content = **find_page(space, page);
    content.dirty = false;
    content.unsummed = true;
  }
  unsummed_.swap(dirty_);
}

Store::Store(const Store& other) {
  other.settle();
  other.settle_unsummed();
  near_ = other.near_;
  far_ = other.far_;
  counters_ = other.counters_;
  stamps_ = other.stamps_;
  clean_sum_ = other.clean_sum_;
  is_copy_ = true;
}

StoreHash Store::hash() const {
  settle();
  settle_unsummed();
  StoreHash total = clean_sum_;
  return total += sum_of_counts();
}

StoreHash Store::hash_since_origin() const {
  settle();
  StoreHash total = clean_sum_;
  total -= origin_sum_;
  return total += sum_of_counts();
}

std::uint64_t Store::bytes() const {
  std::uint64_t pages = 0;
  for (unsigned s = 0; s < kSpaceCount; ++s) {
    for (std::uint64_t page = 0; near_[s].reaches(page); ++page) pages += near_[s][page] ? 1 : 0;
    for (const auto& [number, region] : far_[s]) {
      for (const PageRef& ref : region) pages += ref ? 1 : 0;
    }
  }
  return pages * (sizeof(Page) + kWordsPerPage * sizeof(std::uint64_t));
}

}  // namespace nptsim
