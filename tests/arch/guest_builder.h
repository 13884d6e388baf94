// A plain guest for tests and benchmarks: 4-level tables of both dimensions in one store.
#ifndef NPTSIM_TESTS_ARCH_GUEST_BUILDER_H_
#define NPTSIM_TESTS_ARCH_GUEST_BUILDER_H_

#include <bit>
#include <random>
#include <utility>

#include "sim/arch/svm/walk.h"
#include "sim/isa/registers.h"

namespace nptsim::svm {

// A CPU with the widths of a Milan part and nothing optional, memory encryption off.
inline CpuProfile plain_profile() {
  CpuProfile profile;
  profile.name = "test";
  return profile;
}

inline constexpr u64 kGoodTable = kEntryP | kEntryRw | kEntryUs | kEntryA;
inline constexpr u64 kGoodLeaf = kGoodTable | kEntryD;

// Maps pages one by one; table pages are taken as they are needed, guest tables get nested
// mappings of their own.
class GuestBuilder {
 public:
  GuestBuilder(Store& store, unsigned vcpu, u64 first_free_spa = 16ull << 20,
               u64 first_table_gpa = 64ull << 20)
      : store_(store), vcpu_(vcpu), next_spa_(first_free_spa), next_gpa_(first_table_gpa) {
    reset_vcpu(store, vcpu);
    VcpuRecord& v = record();
    v.registers = isa::flat_registers(isa::Mode::k64, 0x400000);
    v.registers.cr0 |= bit(0) | bit(16) | bit(31);
    v.registers.cr4 |= bit(5);
    v.registers.efer |= bit(8) | bit(10) | bit(11);
    v.control.ncr3 = new_page();
    const u64 gpa = new_guest_table();
    record().registers.cr3 = gpa;
  }

  VcpuRecord& record() { return vcpu_record(store_, vcpu_); }

  u64 new_page() { return std::exchange(next_spa_, next_spa_ + kPageSize); }

  void map_nested(u64 gpa, u64 spa, u64 flags = kGoodLeaf) {
    set_word(nested_entry(gpa, 1), spa | flags);
  }
  void map_guest(u64 gva, u64 gpa, u64 flags = kGoodLeaf) {
    set_word(guest_entry(gva, 1), gpa | flags);
  }
  // Both, to a page of their own.
  u64 map(u64 gva, u64 gpa, u64 flags = kGoodLeaf) {
    const u64 spa = new_page();
    map_nested(gpa, spa);
    map_guest(gva, gpa, flags);
    return spa;
  }

  // The SPA of an entry; tables above it are made.
  u64 nested_entry(u64 gpa, unsigned level) {
    u64 table = record().control.ncr3 & bit_range(51, 12);
    for (unsigned n = 4; n > level; --n) {
      const u64 at = table + 8 * ((gpa >> (12 + 9 * (n - 1))) & 511);
      if (word(at) == 0) set_word(at, new_page() | kGoodTable);
      table = word(at) & bit_range(51, 12);
    }
    return table + 8 * ((gpa >> (12 + 9 * (level - 1))) & 511);
  }
  u64 guest_entry(u64 gva, unsigned level) {
    u64 table = record().registers.cr3 & bit_range(51, 12);
    for (unsigned n = 4; n > level; --n) {
      const u64 at = spa_of(table) + 8 * ((gva >> (12 + 9 * (n - 1))) & 511);
      if (word(at) == 0) set_word(at, new_guest_table() | kGoodTable);
      table = word(at) & bit_range(51, 12);
    }
    return spa_of(table) + 8 * ((gva >> (12 + 9 * (level - 1))) & 511);
  }
  u64 spa_of(u64 gpa) {
    return (word(nested_entry(gpa, 1)) & bit_range(51, 12)) | (gpa & kPageMask);
  }

  u64 word(u64 spa) const { return store_.read(Space::kDram, spa / 8); }
  void set_word(u64 spa, u64 value) { store_.write(Space::kDram, spa / 8, value); }

 private:
  u64 new_guest_table() {
    const u64 gpa = std::exchange(next_gpa_, next_gpa_ + kPageSize);
    map_nested(gpa, new_page());
    return gpa;
  }

  Store& store_;
  unsigned vcpu_;
  u64 next_spa_;
  u64 next_gpa_;
};

}  // namespace nptsim::svm

#endif  // NPTSIM_TESTS_ARCH_GUEST_BUILDER_H_
