// The arithmetic of KVM's nested entries: MMIO entries, generations, tables in memory.
#include "models/kernel/kvm/npt.h"

#include <cstdint>

#include "doctest/doctest.h"
#include "models/kernel/kvm/model.h"
#include "models/kernel/kvm/state.h"
#include "sim/arch/svm/entry.h"
#include "sim/machine/host.h"

namespace nptsim::kvm {
namespace {

Store fresh() {
  Store store;
  prepare(store, machine::Setup{});
  NestedTables(store, false).new_root();
  return store;
}

// GPA 0xFFC00000 with W and U, for two generations: the words that KVM writes on each machine
// (Linux arch/x86/kvm/mmu/spte.c make_mmio_spte; svm.c svm_adjust_mmio_mask for the values).
TEST_CASE("MMIO entries of the address widths that exist") {
  struct Row {
    const char* machine;
    std::uint64_t value, spte_12, spte_1234;
  };
  constexpr Row kRows[] = {
      {"raw 48, no memory encryption", 0x0008000000000001, 0x00080000ffc00097, 0x01280000ffc001a7},
      {"Naples, Rome, Milan: reduced to 43", 0x000ff80000000001, 0x000ff800ffc00097,
       0x012ff800ffc001a7},
      {"raw 48, reduction 1, C-bit 51", 0x000f800000000001, 0x000f8000ffc00097, 0x012f8000ffc001a7},
      {"raw 48, reduction 1, C-bit 47", 0x000f000000000001, 0x000f0000ffc00097, 0x012f0000ffc001a7},
      {"Genoa: 52 reduced to 46", 0x000fc00000000001, 0x000fc000ffc00097, 0x012fc000ffc001a7},
      {"effective 50, C-bit 51", 0x000c000000000001, 0x000c0000ffc00097, 0x012c0000ffc001a7},
  };
  for (const Row& row : kRows) {
    CAPTURE(row.machine);
    CHECK(make_mmio_spte(row.value, 0x12, 0xffc00000) == row.spte_12);
    CHECK(make_mmio_spte(row.value, 0x1234, 0xffc00000) == row.spte_1234);
    CHECK(is_mmio_spte(row.spte_12, row.value));
    CHECK(mmio_generation_of(row.spte_1234) == 0x1234);
  }
}

TEST_CASE("every 19-bit generation survives the trip through an entry") {
  for (std::uint64_t generation = 0; generation < kMmioGenerationModulus; ++generation) {
    REQUIRE(mmio_generation_of(mmio_generation_bits(generation)) == generation);
    REQUIRE((mmio_generation_bits(generation) & ~kMmioGenerationMask) == 0);
  }
}

TEST_CASE("without caching nothing is an MMIO entry") {
  CHECK_FALSE(is_mmio_spte(0x000ff800ffc00097, 0));
  CHECK_FALSE(is_mmio_spte(~0ull, 0));
}

TEST_CASE("an entry that maps memory is never taken for MMIO") {
  const std::uint64_t spte = make_spte(HostPhysAddr(0x12345000), true, true);
  CHECK_FALSE(is_mmio_spte(spte, 0x000ff80000000001));
  CHECK((spte & svm::kEntryRw) != 0);
  const std::uint64_t read_only = make_spte(HostPhysAddr(0x12345000), false, false);
  CHECK((read_only & svm::kEntryRw) == 0);
  CHECK_FALSE(has_bit(read_only, kSpteMmuWritable));
}

TEST_CASE("what was mapped is found again, next to it nothing is") {
  Store store = fresh();
  NestedTables tables(store, false);
  const GuestPhysAddr gpa(0xffc01000);
  tables.write(tables.find_or_make(gpa), make_spte(HostPhysAddr(0x200000), true, true));
  CHECK(tables.find(gpa).level == 1);
  CHECK((tables.find(gpa).word & svm::kEntryP) != 0);
  CHECK(tables.find(gpa + kPageSize).word == 0);
  CHECK(tables.find(GuestPhysAddr(0)).level == 3);
}

TEST_CASE("a fresh root gives all tables back, and the machine is as before") {
  Store store = fresh();
  const StoreHash before = store.hash();
  NestedTables tables(store, false);
  for (std::uint64_t gpa = 0; gpa < 1ull << 40; gpa += 1ull << 37) {
    tables.write(tables.find_or_make(GuestPhysAddr(gpa)), make_spte(HostPhysAddr(0), true, true));
  }
  CHECK(store.hash() != before);
  tables.new_root();
  CHECK(store.hash() == before);
}

// Bit 11 is clear in an MMIO entry: walkers of "present" entries pass it over (tdp_mmu.c).
TEST_CASE("zapping the leaves of a slot spares its MMIO entries") {
  Store store = fresh();
  NestedTables tables(store, false);
  constexpr std::uint64_t kValue = 0x000ff80000000001;
  const GuestPhysAddr mmio(0x1000), mapped(0x2000);
  tables.write_mmio(tables.find_or_make(mmio), make_mmio_spte(kValue, 4, mmio.value));
  tables.write(tables.find_or_make(mapped), make_spte(HostPhysAddr(0x300000), true, true));
  tables.for_present_leaves(0, 512, [](std::uint64_t) { return std::uint64_t{0}; });
  CHECK(is_mmio_spte(tables.find(mmio).word, kValue));
  CHECK(tables.find(mapped).word == 0);
}

TEST_CASE("a large leaf takes the place of a table, and is split again") {
  Store store = fresh();
  NestedTables tables(store, false);
  const GuestPhysAddr gpa(0x40003000), mmio(0x40005000);
  tables.write_mmio(tables.find_or_make(mmio), make_mmio_spte(0x000ff80000000001, 4, mmio.value));
  const StoreHash with_table = store.hash();
  const std::uint64_t large = make_spte(HostPhysAddr(0x600000), true, true, 2);
  CHECK((large & svm::kEntryPs) != 0);
  CHECK(make_large(make_spte(HostPhysAddr(0x603000), true, true), 2) == large);

  CHECK(tables.put(gpa, 2, large));
  CHECK(store.hash() != with_table);
  CHECK(tables.find(mmio).level == 2);
  CHECK(tables.find(mmio).word == large);
  CHECK_FALSE(tables.put(gpa, 2, large));

  tables.split(tables.find(gpa));
  for (const std::uint64_t page : {0, 3, 511}) {
    const auto entry = tables.find(GuestPhysAddr(0x40000000 + page * kPageSize));
    CHECK(entry.level == 1);
    CHECK(entry.word == make_spte(HostPhysAddr(0x600000 + page * kPageSize), true, true));
  }
}

TEST_CASE(
    "a leaf of 1 GByte takes the place of two levels of tables, and is split level by level") {
  Store store = fresh();
  const StoreHash empty = store.hash();
  NestedTables tables(store, false);
  const GuestPhysAddr gpa(0x40000000), far_away(0x7fe03000);
  const std::uint64_t small = make_spte(HostPhysAddr(0x80003000), true, true);
  tables.write(tables.find_or_make(gpa + 0x3000), small);
  CHECK(tables.has_table(gpa, 3));
  CHECK(tables.has_table(gpa, 2));
  CHECK_FALSE(tables.has_table(far_away, 2));
  const std::uint64_t giant = make_spte(HostPhysAddr(0x80000000), true, true, 3);
  CHECK(make_large(small, 3) == giant);
  CHECK(make_large(make_spte(HostPhysAddr(0x80200000), true, true, 2), 3) == giant);

  CHECK(tables.put(gpa, 3, giant));
  CHECK(tables.find(far_away).level == 3);
  CHECK_FALSE(tables.has_table(gpa, 3));
  tables.split(tables.find(gpa));
  CHECK(tables.find(far_away).word == make_spte(HostPhysAddr(0xbfe00000), true, true, 2));
  tables.split(tables.find(far_away));
  CHECK(tables.find(far_away).word == make_spte(HostPhysAddr(0xbfe03000), true, true));
  CHECK(tables.find(gpa).level == 2);
  unsigned visits = 0;
  tables.for_present_leaves(0x40000, 1 << 18, [&](std::uint64_t) {
    ++visits;
    return std::uint64_t{0};
  });
  CHECK(visits == 511 + 512);
  tables.new_root();
  CHECK(store.hash() == empty);
}

TEST_CASE("a large leaf that is in a range in part is visited once, and whole") {
  Store store = fresh();
  NestedTables tables(store, false);
  const std::uint64_t large = make_spte(HostPhysAddr(0x600000), true, true, 2);
  const std::uint64_t small = make_spte(HostPhysAddr(0x300000), true, true);
  tables.put(GuestPhysAddr(0x40000000), 2, large);
  tables.write(tables.find_or_make(GuestPhysAddr(0x40200000)), small);
  unsigned visits = 0;
  tables.for_present_leaves(0x40100, 0x101, [&](std::uint64_t word) {
    ++visits;
    return word & ~svm::kEntryRw;
  });
  CHECK(visits == 2);
  CHECK(tables.find(GuestPhysAddr(0x40000000)).word == (large & ~svm::kEntryRw));
  CHECK(tables.find(GuestPhysAddr(0x40200000)).word == (small & ~svm::kEntryRw));
}

// The generation inside an MMIO entry counts as its distance from the memslots' generation.
TEST_CASE("two machines whose slots changed equally often since are equal") {
  const auto machine = [](std::uint64_t generation) {
    Store store = fresh();
    kVm.at(store, 0).set(vm::kGeneration, generation);
    NestedTables tables(store, false);
    const GuestPhysAddr gpa(0x1000);
    tables.write_mmio(tables.find_or_make(gpa),
                      make_mmio_spte(0x000ff80000000001, generation - 2, gpa.value));
    return store.hash();
  };
  CHECK(machine(100) == machine(5000));
}

}  // namespace
}  // namespace nptsim::kvm
