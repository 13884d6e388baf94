// The state store: cheap copies, a hash that is equality, counters and stamps.
#include "sim/base/store.h"

#include <cstdint>
#include <map>
#include <random>
#include <utility>

#include "doctest/doctest.h"
#include "sim/base/layout.h"

namespace nptsim {
namespace {

constexpr StampLayout kLowByte{0xff, [](std::uint64_t word) { return word & 0xff; },
                               [](std::uint64_t word, std::uint64_t stamp) {
                                 return (word & ~std::uint64_t{0xff}) | (stamp & 0xff);
                               }};

TEST_CASE("a store that was written and unwritten equals one that never was") {
  Store store;
  const StoreHash empty = store.hash();
  store.write(Space::kDram, 12345, 7);
  CHECK(store.hash() != empty);
  store.write(Space::kDram, 12345, 0);
  CHECK(store.hash() == empty);
}

TEST_CASE("the same word in another space or place is another machine") {
  Store a, b, c;
  a.write(Space::kDram, 1, 7);
  b.write(Space::kKernel, 1, 7);
  c.write(Space::kDram, 2, 7);
  CHECK(a.hash() != b.hash());
  CHECK(a.hash() != c.hash());
  CHECK(b.hash() != c.hash());
}

TEST_CASE("a copy goes its own way, in both directions") {
  Store original;
  original.write(Space::kVmm, 3, 1);
  Store copy = original;
  CHECK(copy.hash() == original.hash());
  copy.write(Space::kVmm, 3, 2);
  CHECK(original.read(Space::kVmm, 3) == 1);
  original.write(Space::kVmm, 4, 9);
  CHECK(copy.read(Space::kVmm, 4) == 0);
  CHECK(copy.hash() != original.hash());
  copy.write(Space::kVmm, 3, 1);
  copy.write(Space::kVmm, 4, 9);
  CHECK(copy.hash() == original.hash());
}

TEST_CASE("a store begins with zeros, whatever another one has left in the same place") {
  for (const std::uint64_t pages : {3, 600}) {  // cleared, and given back
    {
      Store first;
      for (std::uint64_t page = 0; page < pages; ++page) {
        first.write(Space::kDram, page * kWordsPerPage + page % kWordsPerPage, ~0ull);
      }
      Store copy = first;
      copy.write(Space::kDram, 1, 2);
    }
    Store second;
    second.write(Space::kDram, 5 * kWordsPerPage, 1);
    std::uint64_t words = 0;
    second.for_each_word(Space::kDram, [&](std::uint64_t, std::uint64_t) { ++words; });
    CHECK(words == 1);
    for (std::uint64_t index = 0; index < 600 * kWordsPerPage; ++index) {
      const std::uint64_t word = second.read(Space::kDram, index);
      REQUIRE(word == (index == 5 * kWordsPerPage ? 1 : 0));
    }
  }
}

TEST_CASE("far words, beyond the flat array, behave like near ones") {
  Store store;
  const std::uint64_t far = (1ull << 50) + 5;
  CHECK(store.read(Space::kDram, far) == 0);
  store.write(Space::kDram, far, 0xabc);
  Store copy = store;
  copy.write(Space::kDram, far, 0);
  CHECK(store.read(Space::kDram, far) == 0xabc);
  CHECK(copy.hash() == Store().hash());
}

TEST_CASE("the hash agrees with a naive sum after any sequence of writes and copies") {
  std::mt19937_64 random(20260601);
  Store store;
  std::map<std::pair<unsigned, std::uint64_t>, std::uint64_t> naive;
  for (int step = 0; step < 4000; ++step) {
    const auto space = static_cast<Space>(random() % kSpaceCount);
    const std::uint64_t index = random() % 2000;
    const std::uint64_t word = random() % 3 == 0 ? 0 : random();
    store.write(space, index, word);
    naive[{static_cast<unsigned>(space), index}] = word;
    if (random() % 64 == 0) {
      const Store copy = store;  // settles and shares the pages
      CHECK(copy.hash() == store.hash());
    }
    if (random() % 97 != 0) continue;
    StoreHash sum;
    for (const auto& [place, value] : naive) {
      sum += hash_of_word(static_cast<Space>(place.first), place.second, value);
    }
    REQUIRE(store.hash() == sum);
  }
}

// The same writes go to a twin that is always hashed whole.
TEST_CASE("since an origin states are told apart as by the whole hash") {
  std::mt19937_64 random(20261122);
  Store store, twin;
  const Counter counter{{Space::kKernel, 0}, 4096};
  const CounterId id = store.declare_counter(counter);
  twin.declare_counter(counter);
  // Few places and words, so that states come back.
  const auto write = [&](std::uint64_t places) {
    const std::uint64_t index = 1 + 300 * (random() % places), word = random() % 2;
    const bool stamped = random() % 8 == 0;
    const auto space = static_cast<Space>(random() % 2);
    for (Store* one : {&store, &twin}) {
      if (stamped) {
        one->write_stamped({space, index}, word << 8, id, kLowByte);
      } else {
        one->write(space, index, word);
      }
    }
  };
  for (int i = 0; i < 100; ++i) write(5);
  for (int round = 0; round < 10; ++round) {
    store.set_origin();
    std::map<StoreHash, StoreHash> whole_of, since_of;
    for (int step = 0; step < 300; ++step) {
      const StoreHash since = store.hash_since_origin(), whole = twin.hash();
      REQUIRE(whole_of.emplace(since, whole).first->second == whole);
      REQUIRE(since_of.emplace(whole, since).first->second == since);
      if (random() % 50 == 0) REQUIRE(store.hash() == whole);
      write(3);
    }
    CHECK(whole_of.size() < 300);
  }
}

TEST_CASE("machines that differ only in how often something was counted are equal") {
  const auto machine = [](std::uint64_t count) {
    Store store;
    const CounterId id = store.declare_counter({{Space::kKernel, 0}, 4096});
    store.write(Space::kKernel, 0, count);
    store.write_stamped({Space::kDram, 9}, 0x5500 | ((count - 3) & 0xff), id, kLowByte);
    return store;
  };
  CHECK(machine(100).hash() == machine(200).hash());

  Store older = machine(100);
  older.write(Space::kKernel, 0, 101);  // now the stamp is four behind
  CHECK(older.hash() != machine(100).hash());
}

TEST_CASE("close to its wrap a counter is told apart") {
  Store a, b;
  a.declare_counter({{Space::kKernel, 0}, 4096});
  b.declare_counter({{Space::kKernel, 0}, 4096});
  a.write(Space::kKernel, 0, 4096 - Store::kNearWrap);
  b.write(Space::kKernel, 0, 4096 - Store::kNearWrap + 1);
  CHECK(a.hash() != b.hash());
}

TEST_CASE("moving a counter before its wrap takes its stamps along") {
  Store store;
  const CounterId id = store.declare_counter({{Space::kKernel, 0}, 256});
  store.write(Space::kKernel, 0, 20);
  store.write_stamped({Space::kDram, 1}, 0xaa00 | 17, id, kLowByte);
  store.move_before_wrap(id, 8);
  CHECK(store.read(Space::kKernel, 0) == 248);
  CHECK(store.read(Space::kDram, 1) == (0xaa00 | 245));
}

TEST_CASE("a plain write ends a stamp") {
  Store stamped, plain;
  const CounterId id = stamped.declare_counter({{Space::kKernel, 0}, 4096});
  plain.declare_counter({{Space::kKernel, 0}, 4096});
  stamped.write_stamped({Space::kDram, 1}, 0x1234, id, kLowByte);
  stamped.write(Space::kDram, 1, 0x77);
  plain.write(Space::kDram, 1, 0x77);
  CHECK(stamped.hash() == plain.hash());
}

TEST_CASE("records read and write their own bits") {
  constexpr Field kLow{"low", 0, 7, 0, ""}, kHigh{"high", 0, 63, 8, ""},
      kNext{"next", 1, 63, 0, ""};
  Store store;
  const Record record(store, Space::kVmm, 40);
  record.set(kHigh, 0x1122);
  record.set(kLow, 0x33);
  record.set(kNext, ~0ull);
  CHECK(store.read(Space::kVmm, 40) == 0x112233);
  CHECK(record.get(kHigh) == 0x1122);
  CHECK(record.get(kNext) == ~0ull);
}

}  // namespace
}  // namespace nptsim
