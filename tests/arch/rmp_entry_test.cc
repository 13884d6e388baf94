// RMP entries: raw dumps of recordings, the layout bit by bit, where the table lies.
#include <doctest/doctest.h>

#include <set>
#include <string>

#include "sim/arch/svm/rmp_choices.h"
#include "sim/arch/svm/rmp_entry.h"
#include "sim/arch/svm/rmp_states.h"
#include "sim/arch/svm/rules.h"
#include "tests/arch/rmp_bench.h"

namespace nptsim::svm {
namespace {

// Oops of a host that wrote to a page of the RMP itself (Singh, kernel mailing list, 2021-07).
TEST_CASE("the dump of an immutable page reads as one of the firmware's") {
  const RmpEntry entry = decode({0x8000000000000ffd, 0xf});
  CHECK(entry.assigned);
  CHECK(entry.size == RmpPageSize::k4K);
  CHECK(entry.immutable);
  CHECK(entry.lock);
  CHECK(entry.subpage_count == 511);
  CHECK(entry.gpa.value == 0);
  CHECK(entry.asid == 0);
  CHECK_FALSE(entry.vmsa);
  CHECK_FALSE(entry.validated);
  CHECK(entry.permissions == std::array<u8, 4>{0xf, 0, 0, 0});
  CHECK(page_state(entry) == RmpPageState::kFirmware);
}

// AMDESE/AMDSEV issue 109: GPA field 0x2000000001 of a page of the IOMMU.
TEST_CASE("the dump of an IOMMU page has the firmware's tag above GPA 1") {
  const RmpEntry entry = decode({0x2000000001ull << 12 | 5, 0});
  CHECK(firmware_tag(entry) == kTagFirmwareIommu);
  CHECK(firmware_gpa_page(entry) == 1);
  CHECK(page_state(entry) == RmpPageState::kFirmwareIommu);
}

TEST_CASE("every bit of an entry belongs to one field, and survives reading and writing") {
  u64 taken[2] = {0, 0};
  for (const Field& field : kRmpFields) {
    const u64 mask = bit_range(field.high, field.low);
    CHECK((taken[field.word] & mask) == 0);
    taken[field.word] |= mask;
  }
  CHECK(taken[0] == ~0ull);
  CHECK(taken[1] == ~0ull);
  for (unsigned n = 0; n < 128; ++n) {
    CAPTURE(n);
    const RmpWords words{n < 64 ? bit(n) : 0, n < 64 ? 0 : bit(n - 64)};
    CHECK(encode(decode(words)) == words);
    const RmpWords others{~words.q1, ~words.q2};
    CHECK(encode(decode(others)) == others);
  }
}

TEST_CASE("an entry lies 16 KByte behind RMP_BASE, 16 bytes a page") {
  const RmpTable table = RmpBench::kTable;
  CHECK(table.entry_address(HostPhysAddr(0)).value == 0x1004000);
  CHECK(table.entry_address(HostPhysAddr(0x1fff)).value == 0x1004010);
  CHECK(table.entry_address(HostPhysAddr(0x200000)).value == 0x1006000);
  CHECK(table.covered() == 4 * kSize2M);
  CHECK(table.covers(HostPhysAddr(4 * kSize2M - 1)));
  CHECK_FALSE(table.covers(HostPhysAddr(4 * kSize2M)));
  CHECK(table.covers_2m(HostPhysAddr(3 * kSize2M)));
  CHECK_FALSE(table.covers_2m(HostPhysAddr(4 * kSize2M)));
  CHECK(RmpTable{0x1000000, 0x1003fff}.covered() == 0);
  CHECK(RmpTable{}.covered() == 0);
}

// Kalra, kernel mailing list, 2024-08-15: RMPUPDATE just behind the table gives 2, so the page has
// an entry.
TEST_CASE("the table of a host of 2.5 TiB covers the page behind it") {
  const RmpTable table{0x280d4800000, 0x28357efffff};
  CHECK(contradictions(table, 52).empty());
  CHECK(table.covers(HostPhysAddr(0x28357f7c000)));
  CHECK_FALSE(table.covers(HostPhysAddr(0x2836fc00000)));
  CHECK(table.covers(HostPhysAddr(0x2836fbff000)));
}

TEST_CASE("a table that hardware or firmware would not take is refused") {
  CHECK(contradictions({0x1000000, 0x17fffff}, 48).empty());
  CHECK(contradictions({0x1001000, 0x17fffff}, 48).size() == 1);  // 8 KByte
  CHECK(contradictions({0x1002000, 0x17fffff}, 48).size() == 1);  // 1 MByte
  CHECK(contradictions({0x1000000, 0x1001fff}, 48).size() == 2);  // 1 MByte, no room
  CHECK(contradictions({bit(51), bit(51) + 0x7fffff}, 48).size() == 1);
  CHECK(contradictions({0x2000000, 0x10fffff}, 48).size() == 2);
}

TEST_CASE("a 2-MByte entry speaks for its 512 pages, one that is not assigned for none") {
  RmpBench bench;
  bench.put(0x200000, RmpBench::guest_page(0x600000, RmpPageSize::k2M));
  bench.put(0x205000, RmpBench::guest_page(0x1000));
  CHECK(bench.rmp.authoritative(HostPhysAddr(0x205123)).gpa.value == 0x600000);
  CHECK(bench.rmp.authoritative_page(HostPhysAddr(0x205123)).value == 0x200000);
  RmpEntry free = bench.at(0x200000);
  free.assigned = false;
  bench.put(0x200000, free);
  CHECK(bench.rmp.authoritative(HostPhysAddr(0x205123)).gpa.value == 0x1000);
  CHECK(bench.rmp.authoritative_page(HostPhysAddr(0x205123)).value == 0x205000);
}

TEST_CASE("the legal combinations of rights") {
  // R=0 leaves nothing; SSS goes with neither XU nor XS; XS needs XU.
  const std::set<unsigned> legal = {0x00, 0x01, 0x03, 0x05, 0x07, 0x0d, 0x0f, 0x11, 0x13};
  for (unsigned mask = 0; mask < 0x20; ++mask) {
    CAPTURE(mask);
    CHECK(legal_permissions(static_cast<u8>(mask)) == legal.contains(mask));
  }
}

TEST_CASE("rules and switches have names of their own, sentences and sources") {
  for (const Rule& rule : all_rules()) {
    CAPTURE(std::string(rule.id));
    CHECK(rule.sentence.ends_with("."));
  }
  std::set<std::string_view> names;
  for (const RmpSwitch& s : kRmpSwitches) CHECK(names.insert(s.name).second);
  for (const RmpRefusalChoice& c : kRmpRefusalChoices) CHECK(names.insert(c.name).second);
}

}  // namespace
}  // namespace nptsim::svm
