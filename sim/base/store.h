// All state of a simulated machine: words in spaces.
//
// A space is an array of 2^61 words of 64 bits, nearly all of them zero. Architectures and models
// lay their records out in it (layout.h). Because everything is a word, one hash, one comparison
// and one printer serve registers, page tables, memslots and flash chips alike.
//
// * Copying a store is cheap: pages of 512 words are shared until one side writes.
// * Equality is a 128-bit hash, a sum over (space, index, word) to which a zero word adds nothing,
//   so equal machines have equal hashes however they were reached.
// * A word that only grows (a generation) is declared a counter, and a copy of it inside another
//   word a stamp. A stamp is hashed as its distance from the counter, the counter itself only close
//   to its wrap: two machines that differ only in how often something was counted are equal.
#ifndef NPTSIM_SIM_BASE_STORE_H_
#define NPTSIM_SIM_BASE_STORE_H_

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "sim/base/bug.h"
#include "sim/base/flat_words.h"

namespace nptsim {

enum class Space : std::uint8_t {
  kDram,      // host physical memory; word = spa / 8
  kKeys,      // the key that last wrote each 16-byte block of dram; word = spa / 16
  kVcpu,      // registers and hardware state of the vCPUs
  kFrames,    // where each actor stands
  kHost,      // backings, their mappings and protections, the page allocator
  kKernel,    // the kernel's own records
  kVmm,       // the VMM's own records
  kFirmware,  // security processor, RMM, TDX module
  kMonitor,   // what the harm monitors remember
};
inline constexpr unsigned kSpaceCount = 9;
const char* name_of(Space space);

inline constexpr std::uint64_t kWordsPerPage = FlatWords::kWordsOfPage;

struct StoreHash {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  bool operator==(const StoreHash&) const = default;
  auto operator<=>(const StoreHash&) const = default;
  StoreHash& operator+=(StoreHash other) { return low += other.low, high += other.high, *this; }
  StoreHash& operator-=(StoreHash other) { return low -= other.low, high -= other.high, *this; }
};

// What a word adds to the hash of its store. A zero word adds nothing.
StoreHash hash_of_word(Space space, std::uint64_t index, std::uint64_t word);

// A place in a store.
struct WordRef {
  Space space = Space::kDram;
  std::uint64_t index = 0;

  bool operator==(const WordRef&) const = default;
  auto operator<=>(const WordRef&) const = default;
};

// A counter: a whole word that only grows. Its stamps hold it modulo `modulus`.
struct Counter {
  WordRef word;
  std::uint64_t modulus = 0;

  bool operator==(const Counter&) const = default;
};
using CounterId = std::uint32_t;

// How a stamp sits inside its word.
struct StampLayout {
  std::uint64_t mask = 0;                        // the bits that hold the stamp
  std::uint64_t (*extract)(std::uint64_t word);  // word -> stamp
  std::uint64_t (*insert)(std::uint64_t word, std::uint64_t stamp);
};

class Store {
 public:
  Store() = default;
  Store(const Store& other);
  Store& operator=(const Store& other) { return *this = Store(other); }
  Store(Store&&) = default;
  Store& operator=(Store&&) = default;

  std::uint64_t read(Space space, std::uint64_t index) const {
    return words_of_page(space, index / kWordsPerPage)[index % kWordsPerPage];
  }
  void write(Space space, std::uint64_t index, std::uint64_t word) {
    writable_page(space, index / kWordsPerPage)[index % kWordsPerPage] = word;
    if (!stamps_.empty()) [[unlikely]]
      forget_stamp({space, index});
  }

  // `count` words from `index` on, all in one page.
  void write_words(Space space, std::uint64_t index, const std::uint64_t* words,
                   std::uint64_t count) {
    NPTSIM_CHECK(index % kWordsPerPage + count <= kWordsPerPage);
    std::copy_n(words, count, writable_page(space, index / kWordsPerPage) + index % kWordsPerPage);
    for (std::uint64_t i = 0; i < count && !stamps_.empty(); ++i) forget_stamp({space, index + i});
  }

  // The 512 words of a page; for a page never written, a page of zeros. Valid until the next write
  // to that page or copy of the store.
  const std::uint64_t* words_of_page(Space space, std::uint64_t page) const {
    const Flat& flat = flat_[static_cast<unsigned>(space)];
    if (page < flat.pages) [[likely]]
      return flat.words + page * kWordsPerPage;
    const NearPages& near = near_[static_cast<unsigned>(space)];
    if (near.reaches(page)) [[likely]]
      return near[page]->words;
    return far_words(space, page);
  }
  // The same for a page that may well be one that nobody wrote: that page stays without memory.
  const std::uint64_t* words_of_any_page(Space space, std::uint64_t page) const {
    const NearPages& near = near_[static_cast<unsigned>(space)];
    if (near.reaches(page)) [[likely]]
      return near[page]->words;
    return far_words(space, page);
  }
  // False if nobody wrote to the page yet.
  bool has_page(Space space, std::uint64_t page) const { return find_page(space, page) != nullptr; }
  // The words, to be written: the page becomes this store's own. Valid until the next copy of the
  // store. Writing stamps through it is not allowed.
  std::uint64_t* writable_page(Space space, std::uint64_t page) {
    const NearPages& near = near_[static_cast<unsigned>(space)];
    if (near.reaches(page)) [[likely]] {
      const PageRef& ref = near[page];
      if (ref.sole_owner()) [[likely]] {
        if (!ref->dirty) mark_dirty(space, page, *ref);
        return ref->words;
      }
    }
    return make_writable(space, page);
  }

  // Counters are declared once, when a machine is set up.
  CounterId declare_counter(Counter counter);
  const std::vector<Counter>& counters() const { return counters_; }
  // Writes a word that carries a stamp of `counter`. A later plain write ends the stamp.
  void write_stamped(WordRef ref, std::uint64_t word, CounterId counter, const StampLayout& layout);
  // Moves a counter to `distance` before its wrap and all its stamps with it: the same machine, as
  // far as hash() tells, unless that is now within kNearWrap.
  void move_before_wrap(CounterId counter, std::uint64_t distance);
  static constexpr std::uint64_t kNearWrap = 64;

  StoreHash hash() const;
  // From here on hash_since_origin() tells this store's later states apart as hash() would, and
  // does not look at pages that nobody has written since. It says nothing about other stores.
  void set_origin();
  StoreHash hash_since_origin() const;

  // Calls visit(index, word) for the non-zero words of a space, in order.
  template <class Visit>
  void for_each_word(Space space, Visit&& visit) const {
    const auto each_page = [&](std::uint64_t page, const PageRef& ref) {
      if (!ref) return;
      for (std::uint64_t i = 0; i < kWordsPerPage; ++i) {
        if (ref->words[i] != 0) visit(page * kWordsPerPage + i, ref->words[i]);
      }
    };
    const NearPages& near = near_[static_cast<unsigned>(space)];
    for (std::uint64_t page = 0; near.reaches(page); ++page) each_page(page, near[page]);
    for (const auto& [number, region] : far_[static_cast<unsigned>(space)]) {
      for (std::uint64_t i = 0; i < kRegionPages; ++i) {
        each_page(number * kRegionPages + i, region[i]);
      }
    }
  }
  // Bytes of memory that the pages of this store take, shared or not.
  std::uint64_t bytes() const;

 private:
  struct Page {
    constexpr Page() = default;
    explicit constexpr Page(std::uint64_t* at) : words(at) {}

    std::uint64_t* words = nullptr;
    StoreHash sum;          // of the words; {} while dirty or unsummed
    bool dirty = false;     // listed in dirty_ of its owner; a shared page is never dirty
    bool unsummed = false;  // as it was at the origin, and never summed; listed in unsummed_
    std::atomic<std::uint32_t> owners{0};
    std::shared_ptr<FlatWords> room;                 // the words lie there,
    std::unique_ptr<std::uint64_t[]> private_words;  // or here
  };
  // What every page is that nobody wrote. It has no owner, so the first write makes another.
  static Page zero_page_;
  // The pages below `pages` lie in `words` at their numbers, all of them: the space's pages until
  // this store is a copy, or had to copy a page that another store shares.
  struct Flat {
    std::uint64_t pages = 0;
    const std::uint64_t* words = nullptr;
    std::shared_ptr<FlatWords> room;
    bool asked_for = false;

    Flat() = default;
    Flat(Flat&& other) noexcept
        : pages(std::exchange(other.pages, 0)),
          words(other.words),
          room(std::move(other.room)),
          asked_for(other.asked_for) {}
    Flat& operator=(Flat&& other) noexcept {
      pages = std::exchange(other.pages, 0);
      words = other.words;
      room = std::move(other.room);
      asked_for = other.asked_for;
      return *this;
    }
  };
  // A counted reference; the count is only touched by copying a store and by copy-on-write. Never
  // null: reading memory asks no question.
  class PageRef {
   public:
    constexpr PageRef() : page_(&zero_page_) {}
    explicit PageRef(Page* page) : page_(page) { share(); }
    PageRef(const PageRef& other) : page_(other.page_) { share(); }
    PageRef(PageRef&& other) noexcept : page_(std::exchange(other.page_, &zero_page_)) {}
    PageRef& operator=(PageRef other) noexcept {
      std::swap(page_, other.page_);
      return *this;
    }
    ~PageRef() {
      if (*this && page_->owners.fetch_sub(1, std::memory_order_acq_rel) == 1) delete page_;
    }
    // False for the page that nobody wrote.
    explicit operator bool() const { return page_ != &zero_page_; }
    Page* operator->() const { return page_; }
    Page& operator*() const { return *page_; }
    bool sole_owner() const { return page_->owners.load(std::memory_order_acquire) == 1; }

   private:
    void share() {
      if (*this) page_->owners.fetch_add(1, std::memory_order_relaxed);
    }
    Page* page_;
  };
  // The pages that are found by an index, in regions of neighbours. A region without a page is the
  // same one for all, so a machine whose memory begins high up does not pay for what is below.
  static constexpr std::uint64_t kRegionPages = 64;
  using Region = std::array<PageRef, kRegionPages>;
  class NearPages {
   public:
    NearPages() = default;
    NearPages(const NearPages& other);
    NearPages(NearPages&& other) noexcept : regions_(std::exchange(other.regions_, {})) {}
    NearPages& operator=(NearPages other) noexcept {
      regions_.swap(other.regions_);
      return *this;
    }
    ~NearPages();

    bool reaches(std::uint64_t page) const { return page / kRegionPages < regions_.size(); }
    // Of a page that it reaches.
    const PageRef& operator[](std::uint64_t page) const {
      return (*regions_[page / kRegionPages])[page % kRegionPages];
    }
    PageRef& slot(std::uint64_t page);

   private:
    static Region empty_region_;
    std::vector<Region*> regions_;
  };
  struct Stamp {
    CounterId counter = 0;
    StampLayout layout;
  };

  const std::uint64_t* far_words(Space space, std::uint64_t page) const;
  const PageRef* find_page(Space space, std::uint64_t page) const;
  PageRef& page_slot(Space space, std::uint64_t page);
  std::uint64_t* make_writable(Space space, std::uint64_t page);
  Page* new_page(Space space, std::uint64_t page);
  Page* copy_of_page(Space space, const Page& shared);
  void mark_dirty(Space space, std::uint64_t page, Page& owned);
  void take_up(Space space, std::uint64_t page, Page& owned) const;
  void forget_stamp(WordRef ref);
  void settle() const;
  void settle_unsummed() const;
  StoreHash sum_of_page(Space space, std::uint64_t page, const Page& content) const;
  StoreHash sum_of_counts() const;
  bool is_counter(WordRef ref) const;

  // Pages below kNearPages, and the regions of the others by their number.
  std::array<NearPages, kSpaceCount> near_;
  std::array<std::map<std::uint64_t, Region>, kSpaceCount> far_;
  std::array<Flat, kSpaceCount> flat_;
  bool is_copy_ = false;
  std::vector<Counter> counters_;
  std::map<WordRef, Stamp> stamps_;

  // Caches, brought up to date by hash(): the sum over the pages that are neither dirty nor
  // unsummed, and what of it was there at the origin already.
  using PageNumbers = std::vector<std::pair<Space, std::uint64_t>>;
  mutable StoreHash clean_sum_;
  mutable StoreHash origin_sum_;
  mutable PageNumbers dirty_;
  mutable PageNumbers unsummed_;
};

}  // namespace nptsim

#endif  // NPTSIM_SIM_BASE_STORE_H_
