// Bytes and words of dram, with or without memory encryption.
//
// The unit of encryption is the block of 16 bytes (APM vol. 2 rev. 3.45, 15.34.1: the memory
// controller's engine works on such blocks). For each block the store keeps the key that last wrote
// it, and its words as that key's holder sees them:
//
//     what key r reads from a block that key w wrote as b, at address a:  D(r, a, E(w, a, b))
//
// E and D are inverse permutations of 128 bits, tweaked by the address. From this one line follows
// all that a hostile host can do: ciphertext written back where it was read decrypts again
// (replay), the same ciphertext elsewhere does not (swap), a shorter write with another key turns
// the rest of its block into noise. The permutation is no cipher and need not be one: the model
// only asks that different keys, addresses and blocks give unrelated, reproducible bytes.
#ifndef NPTSIM_SIM_ARCH_COMMON_PHYSICAL_MEMORY_H_
#define NPTSIM_SIM_ARCH_COMMON_PHYSICAL_MEMORY_H_

#include <cstdint>
#include <cstring>

#include "sim/base/address.h"
#include "sim/base/bits.h"
#include "sim/base/store.h"

namespace nptsim::arch {

// Which key an access goes through. Its word names the key's whole origin, so that the key itself
// follows from it and the scenario's seed, and nothing else need be remembered.
struct KeyId {
  std::uint64_t word = 0;

  bool operator==(const KeyId&) const = default;
  explicit operator bool() const { return word != 0; }
};
inline constexpr KeyId kNoKey{};           // the bus as it is: plaintext, or somebody's ciphertext
inline constexpr KeyId kHostKey{bit(63)};  // the host's own (SME) key
// The key of the `launch`-th guest that was launched, while it runs with `asid`. `asid` is not 0.
constexpr KeyId guest_key(std::uint32_t asid, std::uint32_t launch) {
  return {(static_cast<std::uint64_t>(launch & 0x7fffffff) << 32) | asid};
}

inline constexpr std::uint64_t kBlockSize = 16;

struct Block {
  std::uint64_t low = 0;
  std::uint64_t high = 0;

  bool operator==(const Block&) const = default;
};

// E and D above. `address` is a multiple of 16. kNoKey leaves the block as it is.
Block encrypt(std::uint64_t seed, KeyId key, HostPhysAddr address, Block plain);
Block decrypt(std::uint64_t seed, KeyId key, HostPhysAddr address, Block cipher);

class PhysicalMemory {
 public:
  // Memory of a machine in which no key is ever used: reads and writes look at no keys.
  explicit PhysicalMemory(Store& store) : store_(&store) {}
  // Memory of a machine with memory encryption. Equal seeds make equal keys.
  PhysicalMemory(Store& store, std::uint64_t seed) : store_(&store), seed_(seed), keyed_(true) {}

  bool keyed() const { return keyed_; }
  Store& store() const { return *store_; }

  // A word of a machine without keys. `address` is a multiple of 8.
  std::uint64_t read_plain_word(HostPhysAddr address) const {
    return store_->words_of_page(Space::kDram, address.page_number())[address.page_offset() / 8];
  }
  std::uint64_t read_word(HostPhysAddr address, KeyId key) const {
    if (!keyed_) return read_plain_word(address);
    if (key_of(address) == key) [[likely]]
      return read_plain_word(address);
    return read_foreign_word(address, key);
  }
  void write_word(HostPhysAddr address, std::uint64_t value, KeyId key) {
    if (keyed_ && key_of(address) != key) [[unlikely]]
      take_block_over(address, key);
    store_->write(Space::kDram, address.value / 8, value);
  }

  // 1 to 8 bytes at any address, as a little-endian number.
  std::uint64_t read(HostPhysAddr address, unsigned size, KeyId key) const;
  void write(HostPhysAddr address, std::uint64_t value, unsigned size, KeyId key);

  // Any number of bytes that are contiguous in physical memory.
  void read_bytes(HostPhysAddr address, void* data, std::uint64_t size, KeyId key) const {
    if (!keyed_ && address.page_offset() + size <= kPageSize) [[likely]] {
      const auto* page = reinterpret_cast<const char*>(
          store_->words_of_any_page(Space::kDram, address.page_number()));
      std::memcpy(data, page + address.page_offset(), size);
      return;
    }
    read_words(address, data, size, key);
  }
  void write_bytes(HostPhysAddr address, const void* data, std::uint64_t size, KeyId key);

  // The key that last wrote the block of `address`; kNoKey for memory that nobody wrote.
  KeyId key_of(HostPhysAddr address) const {
    return {store_->read(Space::kKeys, address.value / kBlockSize)};
  }
  // The block of `address` as the bus carries it: what an attacker with a probe sees.
  Block raw_block(HostPhysAddr address) const;

 private:
  void read_words(HostPhysAddr address, void* data, std::uint64_t size, KeyId key) const;
  Block view_of_block(HostPhysAddr address, KeyId key) const;
  std::uint64_t read_foreign_word(HostPhysAddr address, KeyId key) const;
  void take_block_over(HostPhysAddr address, KeyId key);
  void write_block(HostPhysAddr address, const void* data, KeyId key);
  void write_page(HostPhysAddr address, const void* data, KeyId key);

  Store* store_;
  std::uint64_t seed_ = 0;
  bool keyed_ = false;
};

}  // namespace nptsim::arch

#endif  // NPTSIM_SIM_ARCH_COMMON_PHYSICAL_MEMORY_H_
