#include "sim/machine/host.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "sim/base/bits.h"

namespace nptsim::machine {
namespace {

// Space::kHost. One word a page of a backing, one word a frame that was handed out.
constexpr std::uint64_t kFirstWithFree = 0;  // the first word of the allocator with a free frame
constexpr std::uint64_t kFills = 1;  // by backing: what its pages hold at first, large pages
constexpr std::uint64_t kAllocator = kFills + kMaxFilled;  // a bit a frame: handed out
constexpr std::uint64_t kBackingPages = 1ull << 32;
constexpr std::uint64_t kFrameOwners = 1ull << 48;

constexpr unsigned kPopulatedBit = 0;
constexpr unsigned kDiscardedBit = 1;  // of a filled backing: the page is zeros from now on
constexpr unsigned kLargeBit = 2;      // of the first of 512 pages: one entry maps them all
constexpr unsigned kProtectionHigh = 10, kProtectionLow = 8;

constexpr unsigned kFillHigh = 7, kGigabyteBit = 8, kLargeLow = 9;  // in kFills
constexpr unsigned kOwns1GBit = 63;                                 // in kFrameOwners
constexpr std::uint64_t kPagesIn2M = 512, kPagesIn1G = 512 * 512;

std::uint64_t word_of_page(BackingId backing, std::uint64_t page) {
  NPTSIM_CHECK(backing != kNoBacking && page < (1ull << 32));
  return kBackingPages * (1 + static_cast<std::uint64_t>(backing)) + page;
}

std::uint8_t fill_of(const Store& store, BackingId backing) {
  if (backing >= kMaxFilled) return 0;
  return static_cast<std::uint8_t>(
      get_bits(store.read(Space::kHost, kFills + backing), kFillHigh, 0));
}

// How many pages, from the first one on, the host maps by entries of that size.
std::uint64_t large_pages_of(const Store& store, BackingId backing, HostPageSize size) {
  if (backing >= kMaxFilled) return 0;
  const std::uint64_t word = store.read(Space::kHost, kFills + backing);
  const bool is_1g = has_bit(word, kGigabyteBit);
  if (is_1g != (size == HostPageSize::k1G)) return 0;
  return (word >> kLargeLow) * (is_1g ? kPagesIn1G : kPagesIn2M);
}

bool in_1g(const Store& store, BackingId backing, std::uint64_t page) {
  return page < large_pages_of(store, backing, HostPageSize::k1G);
}

// A page of 1 GByte is one record, that of its first page: it cannot be cut.
std::uint64_t record_of(const Store& store, BackingId backing, std::uint64_t page) {
  return in_1g(store, backing, page) ? page & ~(kPagesIn1G - 1) : page;
}

// What a page without frame holds.
std::uint8_t content_of(const Store& store, BackingId backing, std::uint64_t page) {
  const std::uint8_t fill = fill_of(store, backing);
  if (fill == 0) return 0;
  const bool discarded =
      has_bit(store.read(Space::kHost, word_of_page(backing, page)), kDiscardedBit);
  return discarded ? 0 : fill;
}

// Calls each(page, offset in page, bytes before, bytes) for the pieces of a range.
template <class Each>
void for_each_piece(std::uint64_t offset, std::uint64_t size, Each&& each) {
  for (std::uint64_t done = 0; done < size;) {
    const std::uint64_t at = offset + done;
    const std::uint64_t length = bytes_in_page(at, size - done);
    each(at >> kPageShift, at & kPageMask, done, length);
    done += length;
  }
}

}  // namespace

std::string_view name_of(HostProtection protection) {
  constexpr std::string_view kNames[kHostProtections] = {"rw",       "read",        "none",
                                                         "unmapped", "pfnmap-read", "poisoned"};
  return kNames[static_cast<unsigned>(protection)];
}

HostPhysAddr allocate_frame(Store& store) {
  const std::uint64_t word = store.read(Space::kHost, kFirstWithFree);
  const std::uint64_t used = store.read(Space::kHost, kAllocator + word);
  const auto free = static_cast<unsigned>(std::countr_one(used));
  store.write(Space::kHost, kAllocator + word, used | bit(free));
  std::uint64_t next = word;
  while (store.read(Space::kHost, kAllocator + next) == ~0ull) ++next;
  if (next != word) store.write(Space::kHost, kFirstWithFree, next);
  return HostPhysAddr((kFirstFreeFrame + word * 64 + free) << kPageShift);
}

void reserve_frames(Store& store, HostPhysAddr first, std::uint64_t size) {
  const std::uint64_t begin = std::max(first.page_number(), kFirstFreeFrame) - kFirstFreeFrame;
  const std::uint64_t end = (first + size).page_number() - kFirstFreeFrame;
  for (std::uint64_t number = begin; number < end;) {
    const auto low = static_cast<unsigned>(number % 64);
    const auto high = static_cast<unsigned>(std::min<std::uint64_t>(63, low + end - number - 1));
    const std::uint64_t index = kAllocator + number / 64;
    store.write(Space::kHost, index, store.read(Space::kHost, index) | bit_range(high, low));
    number += high - low + 1;
  }
}

namespace {

// What nobody wrote stays without memory.
void clear_words(Store& store, Space space, std::uint64_t first, std::uint64_t count) {
  std::uint64_t end = 0;
  for (std::uint64_t index = first; index < first + count; index = end) {
    const std::uint64_t page = index / kWordsPerPage;
    end = std::min(first + count, (page + 1) * kWordsPerPage);
    if (!store.has_page(space, page)) continue;
    for (; index < end; ++index) {
      if (store.read(space, index) != 0) store.write(space, index, 0);
    }
  }
}

void clear_memory(Store& store, HostPhysAddr first, std::uint64_t size) {
  clear_words(store, Space::kDram, first.value / 8, size / 8);
  clear_words(store, Space::kKeys, first.value / arch::kBlockSize, size / arch::kBlockSize);
}

}  // namespace

void free_frame(Store& store, HostPhysAddr frame) {
  const std::uint64_t number = frame.page_number() - kFirstFreeFrame;
  const std::uint64_t index = kAllocator + number / 64;
  const std::uint64_t used = store.read(Space::kHost, index);
  NPTSIM_CHECK(has_bit(used, number % 64));
  store.write(Space::kHost, index, used & ~bit(number % 64));
  if (number / 64 < store.read(Space::kHost, kFirstWithFree)) {
    store.write(Space::kHost, kFirstWithFree, number / 64);
  }
  clear_memory(store, frame, kPageSize);
}

BackingPage backing_page(const Store& store, BackingId backing, std::uint64_t page) {
  BackingPage result;
  if (backing == kNoBacking) {
    result.protection = HostProtection::kUnmapped;
    return result;
  }
  const std::uint64_t record = record_of(store, backing, page);
  const std::uint64_t word = store.read(Space::kHost, word_of_page(backing, record));
  result.protection = static_cast<HostProtection>(get_bits(word, kProtectionHigh, kProtectionLow));
  if (has_bit(word, kPopulatedBit)) {
    result.frame = HostPhysAddr(word & ~kPageMask) + (page - record) * kPageSize;
  }
  return result;
}

void set_protection(Store& store, BackingId backing, std::uint64_t page, HostProtection value) {
  const std::uint64_t index = word_of_page(backing, record_of(store, backing, page));
  const std::uint64_t word = store.read(Space::kHost, index);
  store.write(Space::kHost, index,
              with_bits(word, kProtectionHigh, kProtectionLow, static_cast<unsigned>(value)));
}

namespace {

void fill_frame(Store& store, HostPhysAddr frame, std::uint8_t fill) {
  if (fill == 0) return;
  std::fill_n(store.writable_page(Space::kDram, frame.page_number()), kWordsPerPage,
              fill * 0x0101010101010101ull);
}

// Nothing of the 2 MByte was touched before, and one VMA covers them.
bool may_be_large(const Store& store, BackingId backing, std::uint64_t first) {
  if (first >= large_pages_of(store, backing, HostPageSize::k2M)) return false;
  const std::uint64_t pattern = store.read(Space::kHost, word_of_page(backing, first));
  if (has_bit(pattern, kPopulatedBit)) return false;
  for (std::uint64_t i = 1; i < kPagesIn2M; ++i) {
    if (store.read(Space::kHost, word_of_page(backing, first + i)) != pattern) return false;
  }
  return true;
}

void populate_large(Store& store, BackingId backing, std::uint64_t first) {
  const std::uint8_t fill = content_of(store, backing, first);
  const HostPhysAddr frame = populate_2m(store, backing, first);
  for (std::uint64_t i = 0; i < kPagesIn2M; ++i) fill_frame(store, frame + i * kPageSize, fill);
  const std::uint64_t index = word_of_page(backing, first);
  store.write(Space::kHost, index, store.read(Space::kHost, index) | bit(kLargeBit));
}

bool is_mapped_2m(const Store& store, BackingId backing, std::uint64_t page) {
  if (page >= large_pages_of(store, backing, HostPageSize::k2M)) return false;
  const std::uint64_t first = word_of_page(backing, page & ~(kPagesIn2M - 1));
  return has_bit(store.read(Space::kHost, first), kLargeBit);
}

void split_large(Store& store, BackingId backing, std::uint64_t page) {
  if (!is_mapped_2m(store, backing, page)) return;
  const std::uint64_t index = word_of_page(backing, page & ~(kPagesIn2M - 1));
  store.write(Space::kHost, index, store.read(Space::kHost, index) & ~bit(kLargeBit));
}

}  // namespace

void set_large_pages(Store& store, BackingId backing, HostPageSize size, std::uint64_t count) {
  NPTSIM_CHECK(backing < kMaxFilled && size != HostPageSize::k4K);
  const std::uint64_t fill = fill_of(store, backing);
  const bool is_1g = size == HostPageSize::k1G;
  NPTSIM_CHECK(fill == 0 || !is_1g);
  store.write(Space::kHost, kFills + backing,
              count << kLargeLow | (is_1g ? bit(kGigabyteBit) : 0) | fill);
}

HostPageSize mapped_size(const Store& store, BackingId backing, std::uint64_t page) {
  if (in_1g(store, backing, page) && backing_page(store, backing, page).frame) {
    return HostPageSize::k1G;
  }
  return is_mapped_2m(store, backing, page) ? HostPageSize::k2M : HostPageSize::k4K;
}

bool cuts_1g(const Store& store, BackingId backing, std::uint64_t first, std::uint64_t count) {
  const auto cut = [&](std::uint64_t page) {
    return page % kPagesIn1G != 0 && in_1g(store, backing, page);
  };
  return cut(first) || cut(first + count);
}

void protect_range(Store& store, BackingId backing, std::uint64_t first, std::uint64_t count,
                   HostProtection value) {
  if (count == 0) return;
  NPTSIM_CHECK(!cuts_1g(store, backing, first, count));
  const std::uint64_t end = first + count;
  if (first % kPagesIn2M != 0) split_large(store, backing, first);
  if (end % kPagesIn2M != 0) split_large(store, backing, end - 1);
  for (std::uint64_t page = first; page < end;) {
    set_protection(store, backing, page, value);
    page += in_1g(store, backing, page) ? kPagesIn1G : 1;
  }
}

namespace {

// The lowest free frames that are aligned to their number: whole words of the allocator.
HostPhysAddr allocate_block(Store& store, std::uint64_t frames) {
  const std::uint64_t words = frames / 64;
  const auto is_free = [&](std::uint64_t word) {
    for (std::uint64_t i = 0; i < words; ++i) {
      if (store.read(Space::kHost, kAllocator + word + i) != 0) return false;
    }
    return true;
  };
  std::uint64_t word = (frames - kFirstFreeFrame % frames) % frames / 64;
  while (!is_free(word)) word += words;
  for (std::uint64_t i = 0; i < words; ++i) {
    store.write(Space::kHost, kAllocator + word + i, ~0ull);
  }
  std::uint64_t next = store.read(Space::kHost, kFirstWithFree);
  while (store.read(Space::kHost, kAllocator + next) == ~0ull) ++next;
  store.write(Space::kHost, kFirstWithFree, next);
  return HostPhysAddr((kFirstFreeFrame + word * 64) << kPageShift);
}

std::uint64_t owner_word(BackingId backing, std::uint64_t page) {
  return (static_cast<std::uint64_t>(backing) + 1) << 32 | page;
}

void populate_1g(Store& store, BackingId backing, std::uint64_t first) {
  const HostPhysAddr frame = allocate_block(store, kPagesIn1G);
  const std::uint64_t index = word_of_page(backing, first);
  const std::uint64_t word = store.read(Space::kHost, index);
  store.write(Space::kHost, index, word | frame.value | bit(kPopulatedBit));
  store.write(Space::kHost, kFrameOwners + frame.page_number(),
              bit(kOwns1GBit) | owner_word(backing, first));
}

void discard_1g(Store& store, BackingId backing, std::uint64_t first) {
  const auto frame = backing_page(store, backing, first).frame;
  if (!frame) return;
  clear_memory(store, *frame, kSize1G);
  store.write(Space::kHost, kFrameOwners + frame->page_number(), 0);
  const std::uint64_t word = kAllocator + (frame->page_number() - kFirstFreeFrame) / 64;
  for (std::uint64_t i = 0; i < kPagesIn1G / 64; ++i) store.write(Space::kHost, word + i, 0);
  const std::uint64_t free_from =
      std::min(store.read(Space::kHost, kFirstWithFree), word - kAllocator);
  store.write(Space::kHost, kFirstWithFree, free_from);
  const std::uint64_t index = word_of_page(backing, first);
  const std::uint64_t protection =
      get_bits(store.read(Space::kHost, index), kProtectionHigh, kProtectionLow);
  store.write(Space::kHost, index, protection << kProtectionLow);
}

}  // namespace

HostPhysAddr populate(Store& store, BackingId backing, std::uint64_t page) {
  if (in_1g(store, backing, page)) {
    if (const auto known = backing_page(store, backing, page).frame) return *known;
    populate_1g(store, backing, page & ~(kPagesIn1G - 1));
    return *backing_page(store, backing, page).frame;
  }
  const std::uint64_t index = word_of_page(backing, page);
  const std::uint64_t word = store.read(Space::kHost, index);
  if (has_bit(word, kPopulatedBit)) return HostPhysAddr(word & ~kPageMask);
  const std::uint64_t first = page & ~(kPagesIn2M - 1);
  if (may_be_large(store, backing, first)) {
    populate_large(store, backing, first);
    return HostPhysAddr(store.read(Space::kHost, index) & ~kPageMask);
  }
  const HostPhysAddr frame = allocate_frame(store);
  fill_frame(store, frame, content_of(store, backing, page));
  store.write(Space::kHost, index, word | frame.value | bit(kPopulatedBit));
  store.write(Space::kHost, kFrameOwners + frame.page_number(), owner_word(backing, page));
  return frame;
}

HostPhysAddr populate_2m(Store& store, BackingId backing, std::uint64_t first_page) {
  const HostPhysAddr first = allocate_block(store, kPagesIn2M);
  for (std::uint64_t i = 0; i < kPagesIn2M; ++i) {
    const std::uint64_t index = word_of_page(backing, first_page + i);
    const std::uint64_t word = store.read(Space::kHost, index);
    NPTSIM_CHECK(!has_bit(word, kPopulatedBit));
    const HostPhysAddr frame = first + i * kPageSize;
    store.write(Space::kHost, index, word | frame.value | bit(kPopulatedBit));
    store.write(Space::kHost, kFrameOwners + frame.page_number(),
                owner_word(backing, first_page + i));
  }
  return first;
}

bool is_untouched_2m(const Store& store, BackingId backing, std::uint64_t first_page) {
  for (std::uint64_t i = 0; i < kPagesIn2M; ++i) {
    if (backing_page(store, backing, first_page + i).frame) return false;
  }
  return true;
}

std::optional<HostPhysAddr> run_of_2m(const Store& store, BackingId backing,
                                      std::uint64_t first_page) {
  const auto first = backing_page(store, backing, first_page).frame;
  if (!first || !first->aligned_to(kSize2M)) return std::nullopt;
  for (std::uint64_t i = 1; i < kPagesIn2M; ++i) {
    const auto frame = backing_page(store, backing, first_page + i).frame;
    if (!frame || *frame != *first + i * kPageSize) return std::nullopt;
  }
  return first;
}

void discard(Store& store, BackingId backing, std::uint64_t page) {
  if (in_1g(store, backing, page)) return;
  split_large(store, backing, page);
  const std::uint64_t index = word_of_page(backing, page);
  const std::uint64_t word = store.read(Space::kHost, index);
  if (has_bit(word, kPopulatedBit)) {
    const HostPhysAddr frame(word & ~kPageMask);
    free_frame(store, frame);
    store.write(Space::kHost, kFrameOwners + frame.page_number(), 0);
  }
  const bool filled = fill_of(store, backing) != 0;
  store.write(Space::kHost, index,
              with_bits(filled ? bit(kDiscardedBit) : 0, kProtectionHigh, kProtectionLow,
                        get_bits(word, kProtectionHigh, kProtectionLow)));
}

void discard_range(Store& store, BackingId backing, std::uint64_t first, std::uint64_t count) {
  NPTSIM_CHECK(!cuts_1g(store, backing, first, count));
  for (std::uint64_t page = first; page < first + count;) {
    const bool is_1g = in_1g(store, backing, page);
    is_1g ? discard_1g(store, backing, page) : discard(store, backing, page);
    page += is_1g ? kPagesIn1G : 1;
  }
}

void set_fill(Store& store, BackingId backing, std::uint8_t fill) {
  NPTSIM_CHECK(backing < kMaxFilled);
  const std::uint64_t index = kFills + backing;
  store.write(Space::kHost, index, with_bits(store.read(Space::kHost, index), kFillHigh, 0, fill));
}

std::optional<FrameOwner> owner_of(const Store& store, HostPhysAddr frame) {
  if (frame.page_number() >= kFrameOwners) return std::nullopt;
  const auto word_at = [&](HostPhysAddr at) {
    return store.read(Space::kHost, kFrameOwners + at.page_number());
  };
  const auto owner = [](std::uint64_t word, std::uint64_t within) {
    return FrameOwner{static_cast<BackingId>(get_bits(word, 62, 32) - 1),
                      get_bits(word, 31, 0) + within};
  };
  if (const std::uint64_t word = word_at(frame)) return owner(word, 0);
  const HostPhysAddr first = frame.align_down(kSize1G);
  const std::uint64_t word = word_at(first);
  if (!has_bit(word, kOwns1GBit)) return std::nullopt;
  return owner(word, (frame - first) >> kPageShift);
}

void read_backing(arch::PhysicalMemory& memory, BackingId backing, std::uint64_t offset, void* data,
                  std::uint64_t size, arch::KeyId key) {
  for_each_piece(offset, size, [&](auto page, auto in_page, auto done, auto length) {
    auto* to = static_cast<char*>(data) + done;
    const auto frame = backing_page(memory.store(), backing, page).frame;
    if (frame) {
      memory.read_bytes(*frame + in_page, to, length, key);
    } else {
      std::memset(to, content_of(memory.store(), backing, page), length);
    }
  });
}

void write_backing(arch::PhysicalMemory& memory, BackingId backing, std::uint64_t offset,
                   const void* data, std::uint64_t size, arch::KeyId key) {
  for_each_piece(offset, size, [&](auto page, auto in_page, auto done, auto length) {
    const HostPhysAddr frame = populate(memory.store(), backing, page);
    memory.write_bytes(frame + in_page, static_cast<const char*>(data) + done, length, key);
  });
}

}  // namespace nptsim::machine
