// The host's memory: frames, backings, and what the guest's keys leave of them.
#include "sim/machine/host.h"

#include <array>
#include <cstring>
#include <iterator>
#include <random>
#include <set>
#include <string>

#include "doctest/doctest.h"

namespace nptsim::machine {
namespace {

TEST_CASE("the lowest free frame is handed out, also after one was given back") {
  Store store;
  const HostPhysAddr first = allocate_frame(store), second = allocate_frame(store);
  CHECK(first.page_number() == kFirstFreeFrame);
  CHECK(second == first + kPageSize);
  store.write(Space::kDram, first.value / 8, 0xabc);
  free_frame(store, first);
  CHECK(store.read(Space::kDram, first.value / 8) == 0);
  CHECK(allocate_frame(store) == first);
}

TEST_CASE("a page gets its frame when it is first touched, and knows its owner") {
  Store store;
  CHECK_FALSE(backing_page(store, 2, 5).frame.has_value());
  const HostPhysAddr frame = populate(store, 2, 5);
  CHECK(populate(store, 2, 5) == frame);
  const auto owner = owner_of(store, frame);
  REQUIRE(owner.has_value());
  CHECK(owner->backing == 2);
  CHECK(owner->page == 5);
  CHECK_FALSE(owner_of(store, HostPhysAddr(0)).has_value());
}

TEST_CASE("512 pages at once are contiguous and aligned, and nobody else gets them") {
  Store store;
  const HostPhysAddr small = populate(store, 1, 0);
  const HostPhysAddr large = populate_2m(store, 2, 512);
  CHECK(large.aligned_to(kSize2M));
  for (std::uint64_t i = 0; i < 512; ++i) {
    CHECK(backing_page(store, 2, 512 + i).frame == large + i * kPageSize);
    CHECK(owner_of(store, large + i * kPageSize)->page == 512 + i);
  }
  CHECK(populate_2m(store, 2, 1024) == large + kSize2M);
  HostPhysAddr next = small;
  for (unsigned i = 0; i < 600; ++i) {
    next = allocate_frame(store);
    CHECK((next < large || next >= large + 2 * kSize2M));
  }
  CHECK(next >= large + 2 * kSize2M);
}

TEST_CASE("a large page comes whole, and is small once it is not mapped alike") {
  Store store;
  arch::PhysicalMemory memory(store);
  set_fill(store, 3, 0x5a);
  set_large_pages(store, 3, HostPageSize::k2M, 2);  // the third 2 MByte are not whole
  CHECK(mapped_size(store, 3, 700) == HostPageSize::k4K);
  const HostPhysAddr frame = populate(store, 3, 700);
  CHECK(frame.page_offset() == 0);
  CHECK(backing_page(store, 3, 512).frame->aligned_to(kSize2M));
  CHECK(*backing_page(store, 3, 512).frame + 188 * kPageSize == frame);
  std::uint8_t byte = 0;
  read_backing(memory, 3, 1023 * kPageSize, &byte, 1);
  CHECK(byte == 0x5a);
  CHECK(mapped_size(store, 3, 512) == HostPageSize::k2M);
  CHECK(mapped_size(store, 3, 1023) == HostPageSize::k2M);
  CHECK(mapped_size(store, 3, 511) == HostPageSize::k4K);
  populate(store, 3, 1024);
  CHECK(mapped_size(store, 3, 1024) == HostPageSize::k4K);

  protect_range(store, 3, 512, 512, HostProtection::kRead);
  CHECK(mapped_size(store, 3, 700) == HostPageSize::k2M);
  protect_range(store, 3, 700, 1, HostProtection::kReadWrite);
  CHECK(mapped_size(store, 3, 700) == HostPageSize::k4K);
  CHECK(backing_page(store, 3, 700).frame == frame);

  populate(store, 3, 0);
  CHECK(mapped_size(store, 3, 0) == HostPageSize::k2M);
  discard(store, 3, 5);
  CHECK(mapped_size(store, 3, 0) == HostPageSize::k4K);
  protect_range(store, 4, 3, 4, HostProtection::kNone);
  CHECK(backing_page(store, 4, 6).protection == HostProtection::kNone);
  CHECK(backing_page(store, 4, 7).protection == HostProtection::kReadWrite);
}

TEST_CASE("2 MByte with two protections are no large page") {
  Store store;
  set_large_pages(store, 0, HostPageSize::k2M, 1);
  set_protection(store, 0, 7, HostProtection::kRead);
  populate(store, 0, 0);
  CHECK(mapped_size(store, 0, 0) == HostPageSize::k4K);
  CHECK_FALSE(backing_page(store, 0, 1).frame.has_value());
}

TEST_CASE(
    "a page of 1 GByte comes, changes and goes as a whole, and takes memory where it is used") {
  constexpr std::uint64_t k1G = kSize1G / kPageSize;
  Store store;
  arch::PhysicalMemory memory(store);
  const HostPhysAddr small = populate(store, 1, 0);
  const StoreHash before = store.hash();
  set_large_pages(store, 3, HostPageSize::k1G, 2);
  CHECK(mapped_size(store, 3, k1G) == HostPageSize::k4K);
  const std::uint8_t byte = 0x5a;
  write_backing(memory, 3, kSize1G + 0x12345678, &byte, 1);
  const HostPhysAddr first = *backing_page(store, 3, k1G).frame;
  CHECK(first.aligned_to(kSize1G));
  CHECK(*backing_page(store, 3, 2 * k1G - 1).frame == first + (kSize1G - kPageSize));
  CHECK(mapped_size(store, 3, 2 * k1G - 1) == HostPageSize::k1G);
  CHECK_FALSE(backing_page(store, 3, 0).frame.has_value());
  CHECK(owner_of(store, first + 0x12345000)->backing == 3);
  CHECK(owner_of(store, first + 0x12345000)->page == k1G + 0x12345);
  CHECK_FALSE(owner_of(store, first + kSize1G).has_value());
  CHECK(store.bytes() < 1 << 20);

  CHECK(cuts_1g(store, 3, 0, 7));
  CHECK(cuts_1g(store, 3, 1, 2 * k1G - 1));
  CHECK_FALSE(cuts_1g(store, 3, k1G, k1G));
  protect_range(store, 3, k1G, k1G, HostProtection::kRead);
  CHECK(backing_page(store, 3, k1G + 77).protection == HostProtection::kRead);
  CHECK(backing_page(store, 3, 77).protection == HostProtection::kReadWrite);
  protect_range(store, 3, k1G, k1G, HostProtection::kReadWrite);

  discard(store, 3, k1G + 5);  // a part of it stays
  CHECK(backing_page(store, 3, k1G + 5).frame.has_value());
  discard_range(store, 3, k1G, k1G);
  CHECK_FALSE(backing_page(store, 3, k1G + 5).frame.has_value());
  CHECK(allocate_frame(store) == small + kPageSize);
  free_frame(store, small + kPageSize);
  set_large_pages(store, 3, HostPageSize::k2M, 0);
  CHECK(store.hash() == before);
}

TEST_CASE("protections are kept by page") {
  Store store;
  set_protection(store, 0, 1, HostProtection::kRead);
  populate(store, 0, 1);
  CHECK(backing_page(store, 0, 1).protection == HostProtection::kRead);
  CHECK(backing_page(store, 0, 2).protection == HostProtection::kReadWrite);
}

TEST_CASE("bytes cross pages, untouched pages read as zero") {
  Store store;
  arch::PhysicalMemory memory(store);
  const std::string text = "across the border";
  write_backing(memory, 0, kPageSize - 7, text.data(), text.size());
  std::string back(text.size() + 8, 'x');
  read_backing(memory, 0, kPageSize - 7, back.data(), back.size());
  CHECK(back.substr(0, text.size()) == text);
  CHECK(back.substr(text.size()) == std::string(8, '\0'));
  read_backing(memory, 7, 0, back.data(), back.size());
  CHECK(back == std::string(back.size(), '\0'));
}

TEST_CASE(
    "a filled backing takes frames only where it is touched, and forgets its fill when discarded") {
  Store store;
  arch::PhysicalMemory memory(store);
  set_fill(store, 3, 0xff);
  std::array<std::uint8_t, 4> back{};
  read_backing(memory, 3, kPageSize - 2, back.data(), 4);
  CHECK(back == std::array<std::uint8_t, 4>{0xff, 0xff, 0xff, 0xff});
  CHECK_FALSE(backing_page(store, 3, 0).frame.has_value());

  const std::uint8_t byte = 0x12;
  write_backing(memory, 3, 1, &byte, 1);
  read_backing(memory, 3, 0, back.data(), 4);
  CHECK(back == std::array<std::uint8_t, 4>{0xff, 0x12, 0xff, 0xff});

  for (const std::uint64_t page : {0, 1}) {
    discard(store, 3, page);
    read_backing(memory, 3, page * kPageSize, back.data(), 4);
    CHECK(back == std::array<std::uint8_t, 4>{});
    populate(store, 3, page);
    read_backing(memory, 3, page * kPageSize, back.data(), 4);
    CHECK(back == std::array<std::uint8_t, 4>{});
  }
}

TEST_CASE("frames are handed out and taken back in any order as a plain list would") {
  Store store;
  std::set<std::uint64_t> used;
  std::mt19937 random(7);
  for (unsigned round = 0; round < 2000; ++round) {
    if (used.empty() || random() % 3 != 0) {
      std::uint64_t lowest = kFirstFreeFrame;
      while (used.count(lowest)) ++lowest;
      REQUIRE(allocate_frame(store).page_number() == lowest);
      used.insert(lowest);
    } else {
      const auto one = std::next(used.begin(), static_cast<long>(random() % used.size()));
      free_frame(store, HostPhysAddr(*one << kPageShift));
      used.erase(one);
    }
  }
}

TEST_CASE("what a guest encrypted is noise to the host, the same noise each time") {
  Store store;
  arch::PhysicalMemory memory(store, 42);
  const char secret[] = "sixteen secret b";
  write_backing(memory, 0, 0, secret, 16, arch::guest_key(1, 1));
  char host[16], again[16], guest[16];
  read_backing(memory, 0, 0, host, 16);
  read_backing(memory, 0, 0, again, 16);
  read_backing(memory, 0, 0, guest, 16, arch::guest_key(1, 1));
  CHECK(std::memcmp(host, secret, 16) != 0);
  CHECK(std::memcmp(host, again, 16) == 0);
  CHECK(std::memcmp(guest, secret, 16) == 0);
}

}  // namespace
}  // namespace nptsim::machine
