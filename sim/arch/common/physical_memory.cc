#include "sim/arch/common/physical_memory.h"

#include <algorithm>
#include <array>

namespace nptsim::arch {
namespace {

// The finalizer of splitmix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number
// generators", 2014): a bijection that spreads every input bit.
std::uint64_t spread(std::uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
  return x ^ (x >> 31);
}

// A Feistel network of four rounds: a permutation whatever the round function is (Luby, Rackoff:
// "How to construct pseudorandom permutations from pseudorandom functions", 1988).
constexpr unsigned kRounds = 4;

struct RoundKeys {
  std::uint64_t of[kRounds];
};

RoundKeys round_keys(std::uint64_t seed, KeyId key, HostPhysAddr block) {
  RoundKeys keys{};
  std::uint64_t state =
      spread(seed + 0x9e3779b97f4a7c15ull) ^ spread(key.word * 3 + 1) ^ spread(block.value * 5 + 2);
  for (std::uint64_t& round : keys.of) round = state = spread(state + 0x9e3779b97f4a7c15ull);
  return keys;
}

HostPhysAddr block_of(HostPhysAddr address) { return address.align_down(kBlockSize); }

}  // namespace

Block encrypt(std::uint64_t seed, KeyId key, HostPhysAddr address, Block block) {
  if (!key) return block;
  const RoundKeys keys = round_keys(seed, key, address);
  for (unsigned i = 0; i < kRounds; ++i) {
    block = {block.high, block.low ^ spread(block.high ^ keys.of[i])};
  }
  return block;
}

Block decrypt(std::uint64_t seed, KeyId key, HostPhysAddr address, Block block) {
  if (!key) return block;
  const RoundKeys keys = round_keys(seed, key, address);
  for (unsigned i = kRounds; i-- > 0;) {
    block = {block.high ^ spread(block.low ^ keys.of[i]), block.low};
  }
  return block;
}

Block PhysicalMemory::raw_block(HostPhysAddr address) const {
  const HostPhysAddr start = block_of(address);
  const Block written{read_plain_word(start), read_plain_word(start + 8)};
  return encrypt(seed_, key_of(start), start, written);
}

Block PhysicalMemory::view_of_block(HostPhysAddr address, KeyId key) const {
  const HostPhysAddr start = block_of(address);
  return decrypt(seed_, key, start, raw_block(start));
}

std::uint64_t PhysicalMemory::read_foreign_word(HostPhysAddr address, KeyId key) const {
  const Block view = view_of_block(address, key);
  return (address.value & 8) ? view.high : view.low;
}

// Before a part of a block is written with `key`, the rest becomes what `key` sees there: memory
// itself only holds ciphertext, and the controller writes back a whole block.
void PhysicalMemory::take_block_over(HostPhysAddr address, KeyId key) {
  NPTSIM_CHECK(keyed_);
  const HostPhysAddr start = block_of(address);
  const Block view = view_of_block(start, key);
  store_->write(Space::kDram, start.value / 8, view.low);
  store_->write(Space::kDram, start.value / 8 + 1, view.high);
  store_->write(Space::kKeys, start.value / kBlockSize, key.word);
}

// A whole block: nothing of what was there is left, whoever wrote it.
void PhysicalMemory::write_block(HostPhysAddr address, const void* data, KeyId key) {
  std::array<std::uint64_t, 2> words;
  std::memcpy(words.data(), data, kBlockSize);
  store_->write(Space::kDram, address.value / 8, words[0]);
  store_->write(Space::kDram, address.value / 8 + 1, words[1]);
  if (keyed_ && key_of(address) != key) {
    store_->write(Space::kKeys, address.value / kBlockSize, key.word);
  }
}

// The same for a page of blocks.
void PhysicalMemory::write_page(HostPhysAddr address, const void* data, KeyId key) {
  constexpr std::uint64_t kBlocks = kPageSize / kBlockSize;
  std::array<std::uint64_t, kWordsPerPage> words;
  std::memcpy(words.data(), data, kPageSize);
  store_->write_words(Space::kDram, address.value / 8, words.data(), kWordsPerPage);
  if (!keyed_) return;
  const std::uint64_t first = address.value / kBlockSize;
  const std::uint64_t* const now =
      store_->words_of_any_page(Space::kKeys, first / kWordsPerPage) + first % kWordsPerPage;
  const auto has_key = [&](std::uint64_t word) { return word == key.word; };
  if (std::all_of(now, now + kBlocks, has_key)) return;
  std::fill_n(words.begin(), kBlocks, key.word);
  store_->write_words(Space::kKeys, first, words.data(), kBlocks);
}

std::uint64_t PhysicalMemory::read(HostPhysAddr address, unsigned size, KeyId key) const {
  const unsigned offset = address.value & 7;
  if (offset + size <= 8) [[likely]] {
    const std::uint64_t word = read_word(address.align_down(8), key) >> (8 * offset);
    return size == 8 ? word : word & (bit(8 * size) - 1);
  }
  std::uint64_t value = 0;
  read_bytes(address, &value, size, key);
  return value;
}

void PhysicalMemory::write(HostPhysAddr address, std::uint64_t value, unsigned size, KeyId key) {
  const unsigned offset = address.value & 7;
  if (offset + size <= 8) [[likely]] {
    const HostPhysAddr word = address.align_down(8);
    const unsigned low = 8 * offset;
    if (size == 8) return write_word(word, value, key);
    write_word(word, with_bits(read_word(word, key), low + 8 * size - 1, low, value), key);
    return;
  }
  write_bytes(address, &value, size, key);
}

void PhysicalMemory::read_words(HostPhysAddr address, void* data, std::uint64_t size,
                                KeyId key) const {
  char* out = static_cast<char*>(data);
  while (size > 0) {
    const std::uint64_t offset = address.value & 7;
    const std::uint64_t count = size < 8 - offset ? size : 8 - offset;
    const std::uint64_t word = read_word(address.align_down(8), key);
    std::memcpy(out, reinterpret_cast<const char*>(&word) + offset, count);
    out += count, size -= count, address = address + count;
  }
}

void PhysicalMemory::write_bytes(HostPhysAddr address, const void* data, std::uint64_t size,
                                 KeyId key) {
  const char* in = static_cast<const char*>(data);
  while (size > 0) {
    if (size >= kPageSize && address.page_offset() == 0) {
      write_page(address, in, key);
      in += kPageSize, size -= kPageSize, address = address + kPageSize;
      continue;
    }
    if (size >= kBlockSize && address == block_of(address)) {
      write_block(address, in, key);
      in += kBlockSize, size -= kBlockSize, address = address + kBlockSize;
      continue;
    }
    const std::uint64_t offset = address.value & 7;
    const std::uint64_t count = size < 8 - offset ? size : 8 - offset;
    std::uint64_t word = count == 8 ? 0 : read_word(address.align_down(8), key);
    std::memcpy(reinterpret_cast<char*>(&word) + offset, in, count);
    write_word(address.align_down(8), word, key);
    in += count, size -= count, address = address + count;
  }
}

}  // namespace nptsim::arch
