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

constexpr unsigned kFillHigh = 7, kLargeLow = 8;  // in kFills
constexpr std::uint64_t kPagesIn2M = 512;

std::uint64_t word_of_page(BackingId backing, std::uint64_t page) {
  NPTSIM_CHECK(backing != kNoBacking && page < (1ull << 32));
  return kBackingPages * (1 + static_cast<std::uint64_t>(backing)) + page;
}

std::uint8_t fill_of(const Store& store, BackingId backing) {
  if (backing >= kMaxFilled) return 0;
  return static_cast<std::uint8_t>(
      get_bits(store.read(Space::kHost, kFills + backing), kFillHigh, 0));
}

std::uint64_t large_pages_of(const Store& store, BackingId backing) {
  return backing < kMaxFilled ? store.read(Space::kHost, kFills + backing) >> kLargeLow : 0;
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

void free_frame(Store& store, HostPhysAddr frame) {
  const std::uint64_t number = frame.page_number() - kFirstFreeFrame;
  const std::uint64_t index = kAllocator + number / 64;
  const std::uint64_t used = store.read(Space::kHost, index);
  NPTSIM_CHECK(has_bit(used, number % 64));
  store.write(Space::kHost, index, used & ~bit(number % 64));
  if (number / 64 < store.read(Space::kHost, kFirstWithFree)) {
    store.write(Space::kHost, kFirstWithFree, number / 64);
  }
  for (std::uint64_t offset = 0; offset < kPageSize; offset += 8) {
    const std::uint64_t word = (frame + offset).value / 8;
    if (store.read(Space::kDram, word) != 0) store.write(Space::kDram, word, 0);
    const std::uint64_t block = (frame + offset).value / arch::kBlockSize;
    if (store.read(Space::kKeys, block) != 0) store.write(Space::kKeys, block, 0);
  }
}

BackingPage backing_page(const Store& store, BackingId backing, std::uint64_t page) {
  BackingPage result;
  if (backing == kNoBacking) {
    result.protection = HostProtection::kUnmapped;
    return result;
  }
  const std::uint64_t word = store.read(Space::kHost, word_of_page(backing, page));
  result.protection = static_cast<HostProtection>(get_bits(word, kProtectionHigh, kProtectionLow));
  if (has_bit(word, kPopulatedBit)) result.frame = HostPhysAddr(word & ~kPageMask);
  return result;
}

void set_protection(Store& store, BackingId backing, std::uint64_t page, HostProtection value) {
  const std::uint64_t index = word_of_page(backing, page);
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
  if (first / kPagesIn2M >= large_pages_of(store, backing)) return false;
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

void split_large(Store& store, BackingId backing, std::uint64_t page) {
  if (!is_mapped_2m(store, backing, page)) return;
  const std::uint64_t index = word_of_page(backing, page & ~(kPagesIn2M - 1));
  store.write(Space::kHost, index, store.read(Space::kHost, index) & ~bit(kLargeBit));
}

}  // namespace

void set_large_pages(Store& store, BackingId backing, std::uint64_t count) {
  NPTSIM_CHECK(backing < kMaxFilled);
  const std::uint64_t fill = fill_of(store, backing);
  store.write(Space::kHost, kFills + backing, count << kLargeLow | fill);
}

bool is_mapped_2m(const Store& store, BackingId backing, std::uint64_t page) {
  if (page / kPagesIn2M >= large_pages_of(store, backing)) return false;
  const std::uint64_t first = word_of_page(backing, page & ~(kPagesIn2M - 1));
  return has_bit(store.read(Space::kHost, first), kLargeBit);
}

void protect_range(Store& store, BackingId backing, std::uint64_t first, std::uint64_t count,
                   HostProtection value) {
  if (count == 0) return;
  const std::uint64_t end = first + count;
  if (first % kPagesIn2M != 0) split_large(store, backing, first);
  if (end % kPagesIn2M != 0) split_large(store, backing, end - 1);
  for (std::uint64_t page = first; page < end; ++page) set_protection(store, backing, page, value);
}

HostPhysAddr populate(Store& store, BackingId backing, std::uint64_t page) {
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
  store.write(Space::kHost, kFrameOwners + frame.page_number(),
              (static_cast<std::uint64_t>(backing) + 1) << 32 | page);
  return frame;
}

namespace {

// The lowest free 2 MByte that are aligned: eight whole words of the allocator.
HostPhysAddr allocate_2m(Store& store) {
  constexpr std::uint64_t kFrames = 512, kWords = kFrames / 64;
  constexpr std::uint64_t kFirstAligned = (kFrames - kFirstFreeFrame % kFrames) % kFrames / 64;
  const auto is_free = [&](std::uint64_t word) {
    for (std::uint64_t i = 0; i < kWords; ++i) {
      if (store.read(Space::kHost, kAllocator + word + i) != 0) return false;
    }
    return true;
  };
  std::uint64_t word = kFirstAligned;
  while (!is_free(word)) word += kWords;
  for (std::uint64_t i = 0; i < kWords; ++i) {
    store.write(Space::kHost, kAllocator + word + i, ~0ull);
  }
  std::uint64_t next = store.read(Space::kHost, kFirstWithFree);
  while (store.read(Space::kHost, kAllocator + next) == ~0ull) ++next;
  store.write(Space::kHost, kFirstWithFree, next);
  return HostPhysAddr((kFirstFreeFrame + word * 64) << kPageShift);
}

}  // namespace

HostPhysAddr populate_2m(Store& store, BackingId backing, std::uint64_t first_page) {
  constexpr std::uint64_t kFrames = 512;
  const HostPhysAddr first = allocate_2m(store);
  for (std::uint64_t i = 0; i < kFrames; ++i) {
    const std::uint64_t index = word_of_page(backing, first_page + i);
    const std::uint64_t word = store.read(Space::kHost, index);
    NPTSIM_CHECK(!has_bit(word, kPopulatedBit));
    const HostPhysAddr frame = first + i * kPageSize;
    store.write(Space::kHost, index, word | frame.value | bit(kPopulatedBit));
    store.write(Space::kHost, kFrameOwners + frame.page_number(),
                (static_cast<std::uint64_t>(backing) + 1) << 32 | (first_page + i));
  }
  return first;
}

void discard(Store& store, BackingId backing, std::uint64_t page) {
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

void set_fill(Store& store, BackingId backing, std::uint8_t fill) {
  NPTSIM_CHECK(backing < kMaxFilled);
  const std::uint64_t index = kFills + backing;
  store.write(Space::kHost, index, with_bits(store.read(Space::kHost, index), kFillHigh, 0, fill));
}

std::optional<FrameOwner> owner_of(const Store& store, HostPhysAddr frame) {
  if (frame.page_number() >= kFrameOwners) return std::nullopt;
  const std::uint64_t word = store.read(Space::kHost, kFrameOwners + frame.page_number());
  if (word == 0) return std::nullopt;
  return FrameOwner{static_cast<BackingId>((word >> 32) - 1), word & 0xffffffff};
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
