// Memory encryption: what a holder of a key sees, and what a hostile host can and cannot do.
#include <doctest/doctest.h>

#include <cstring>
#include <string>

#include "sim/arch/common/physical_memory.h"

namespace nptsim::arch {
namespace {

constexpr KeyId kGuest = guest_key(5, 1), kOther = guest_key(6, 2);
constexpr HostPhysAddr kHere(0x10000), kThere(0x20000);

struct Memory {
  Store store;
  PhysicalMemory at{store, 42};
};

TEST_CASE("E and D are inverse, and depend on seed, key, address and block") {
  const Block plain{0x1122334455667788, 0x99aabbccddeeff00};
  const Block cipher = encrypt(1, kGuest, kHere, plain);
  CHECK(cipher != plain);
  CHECK(decrypt(1, kGuest, kHere, cipher) == plain);
  CHECK(encrypt(2, kGuest, kHere, plain) != cipher);
  CHECK(encrypt(1, kOther, kHere, plain) != cipher);
  CHECK(encrypt(1, kGuest, kThere, plain) != cipher);
  CHECK(encrypt(1, guest_key(5, 2), kHere, plain) != cipher);  // another launch with the same ASID
  CHECK(encrypt(1, kNoKey, kHere, plain) == plain);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const Block block{i * 0x9e3779b97f4a7c15, i};
    CHECK(decrypt(7, kHostKey, HostPhysAddr(i * 16),
                  encrypt(7, kHostKey, HostPhysAddr(i * 16), block)) == block);
  }
}

TEST_CASE("only the writer's key reads what was written") {
  Memory m;
  m.at.write_word(kHere, 0x1234, kGuest);
  CHECK(m.at.read_word(kHere, kGuest) == 0x1234);
  CHECK(m.at.read_word(kHere, kNoKey) != 0x1234);
  CHECK(m.at.read_word(kHere, kOther) != 0x1234);
  CHECK(m.at.read_word(kHere, kOther) == m.at.read_word(kHere, kOther));
  CHECK(m.at.key_of(kHere) == kGuest);
  CHECK(m.at.key_of(kThere) == kNoKey);
}

TEST_CASE("memory that nobody wrote is zero on the bus and noise through a key") {
  Memory m;
  CHECK(m.at.read_word(kHere, kNoKey) == 0);
  CHECK(m.at.read_word(kHere, kGuest) != 0);
}

TEST_CASE("replay: ciphertext written back where it was read decrypts again") {
  Memory m;
  m.at.write_word(kHere, 0x1234, kGuest);
  std::uint64_t old[2];
  m.at.read_bytes(kHere, old, 16, kNoKey);
  m.at.write_word(kHere, 0x5678, kGuest);
  m.at.write_bytes(kHere, old, 16, kNoKey);
  CHECK(m.at.read_word(kHere, kGuest) == 0x1234);
}

TEST_CASE("swap: the same ciphertext elsewhere does not decrypt") {
  Memory m;
  m.at.write_word(kHere, 0x1234, kGuest);
  std::uint64_t cipher[2];
  m.at.read_bytes(kHere, cipher, 16, kNoKey);
  m.at.write_bytes(kThere, cipher, 16, kNoKey);
  CHECK(m.at.read_word(kThere, kNoKey) == cipher[0]);
  CHECK(m.at.read_word(kThere, kGuest) != 0x1234);
}

TEST_CASE("a short write with another key turns the rest of its block into noise") {
  Memory m;
  m.at.write_word(kHere, 0x1234, kGuest);
  m.at.write_word(kHere + 8, 0x5678, kGuest);
  m.at.write_word(kHere + 16, 0x9abc, kGuest);
  const std::uint64_t host_view = m.at.read_word(kHere + 8, kNoKey);
  m.at.write(kHere, 0xff, 1, kNoKey);
  CHECK(m.at.key_of(kHere) == kNoKey);
  CHECK(m.at.read(kHere, 1, kNoKey) == 0xff);
  CHECK(m.at.read_word(kHere + 8, kNoKey) == host_view);
  CHECK(m.at.read_word(kHere, kGuest) != 0x1234);
  CHECK(m.at.read_word(kHere + 8, kGuest) != 0x5678);   // the same block of 16 bytes
  CHECK(m.at.read_word(kHere + 16, kGuest) == 0x9abc);  // the next one
}

TEST_CASE("bytes at odd addresses, across words, blocks and pages") {
  Memory m;
  const std::string text = "The unit of encryption is the block of sixteen bytes.";
  for (KeyId key : {kNoKey, kGuest}) {
    for (std::uint64_t start : {0ull, 1ull, 7ull, 13ull, 4090ull}) {
      const HostPhysAddr at(0x30000 + start);
      m.at.write_bytes(at, text.data(), text.size(), key);
      std::string back(text.size(), ' ');
      m.at.read_bytes(at, back.data(), back.size(), key);
      CHECK(back == text);
      CHECK(m.at.read(at + 3, 8, key) == [&] {
        std::uint64_t n = 0;
        std::memcpy(&n, text.data() + 3, 8);
        return n;
      }());
    }
  }
  Store plain_store;
  PhysicalMemory plain(plain_store);
  plain.write_bytes(HostPhysAddr(4090), text.data(), text.size(), kNoKey);
  std::string back(text.size(), ' ');
  plain.read_bytes(HostPhysAddr(4090), back.data(), back.size(), kNoKey);
  CHECK(back == text);
  plain.write(HostPhysAddr(4093), 0x1122334455667788, 8, kNoKey);
  CHECK(plain.read(HostPhysAddr(4093), 8, kNoKey) == 0x1122334455667788);
  CHECK(plain.read(HostPhysAddr(4095), 2, kNoKey) == 0x5566);
}

}  // namespace
}  // namespace nptsim::arch
