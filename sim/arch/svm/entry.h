// What a page-table entry is, and which of its bits must be zero.
//
// Guest tables and nested tables have the same formats. They differ in the width of an address (the
// reduction of memory encryption cuts only the host's), in what the C-bit means, and in whose
// EFER.NXE counts: all of that is in EntryRules.
#ifndef NPTSIM_SIM_ARCH_SVM_ENTRY_H_
#define NPTSIM_SIM_ARCH_SVM_ENTRY_H_

#include <array>
#include <cstdint>

#include "sim/base/bits.h"

namespace nptsim::svm {

using u8 = std::uint8_t;
using u16 = std::uint16_t;
using u32 = std::uint32_t;
using u64 = std::uint64_t;

// Bits of an entry (APM vol. 2 rev. 3.45, 5.3, 5.4).
inline constexpr u64 kEntryP = bit(0), kEntryRw = bit(1), kEntryUs = bit(2), kEntryPwt = bit(3),
                     kEntryPcd = bit(4), kEntryA = bit(5), kEntryD = bit(6), kEntryPs = bit(7),
                     kEntryG = bit(8), kEntryNx = bit(63);

enum class TableFormat : u8 {
  kLong,    // long mode, levels 5 (or 4) to 1
  kPae,     // legacy PAE, levels 3 to 1; level 3 are the four PDPTEs
  kLegacy,  // 32-bit entries, levels 2 and 1
};
inline constexpr unsigned kTopLevel = 5;

// The bits of one entry kind at one level.
struct LevelRules {
  u64 leaf_if = 0;         // an entry with this bit is a leaf; 0: there are no leafs at this level
  u64 table_reserved = 0;  // must be zero in an entry that points to a table
  u64 leaf_reserved = 0;   // must be zero in a leaf
  u64 table_address = 0;   // where the address of the next table is
  u64 leaf_address = 0;    // where the address of the frame is
  u64 leaf_size = 0;       // bytes that a leaf maps; 0 if there are none
  unsigned shift = 0;      // lowest bit of the level's index in an address
  bool has_rights = true;  // R/W, U/S and A exist at this level

  // For the walk, one comparison an entry: (entry & table_check) == P for a good pointer to a
  // table, (entry & leaf_check) == P for a good leaf of level 1. All else is classify()'s.
  u64 table_check = 0;
  u64 leaf_check = 0;
};

struct EntryRules {
  TableFormat format = TableFormat::kLong;
  unsigned entry_size = 8;
  unsigned index_bits = 9;
  std::array<LevelRules, kTopLevel + 1> level{};  // [0] is not used

  const LevelRules& at(unsigned n) const { return level[n]; }
};

// What the rules depend on beside the format.
struct EntryOptions {
  u64 reserved_address = 0;  // CpuProfile::host_reserved_address() or guest_reserved_address()
  u64 c_mask = 0;            // the C-bit where it is an attribute: legal, and no part of an address
  bool nxe = true;           // EFER.NXE: the guest's, or for nested tables the host's
  bool pages_1g = true;
  bool pse = true;  // CR4.PSE, for 32-bit tables
};
EntryRules make_entry_rules(TableFormat format, const EntryOptions& options);

enum class EntryKind : u8 { kNotPresent, kReserved, kTable, kLeaf };

struct EntryClass {
  EntryKind kind = EntryKind::kNotPresent;
  u64 reserved_bits = 0;  // which of the entry's bits are set and reserved

  bool operator==(const EntryClass&) const = default;
};

// The presence of an entry is judged before its reserved bits, these before any right
// (APM vol. 2 rev. 3.45, 15.25.6).
constexpr EntryClass classify(u64 entry, const LevelRules& rules) {
  if (!(entry & kEntryP)) return {EntryKind::kNotPresent, 0};
  const bool leaf = (entry & rules.leaf_if) != 0;
  const u64 reserved = entry & (leaf ? rules.leaf_reserved : rules.table_reserved);
  if (reserved != 0) return {EntryKind::kReserved, reserved};
  return {leaf ? EntryKind::kLeaf : EntryKind::kTable, 0};
}

// The address of the frame that a leaf maps.
constexpr u64 leaf_frame(u64 entry, const EntryRules& rules, unsigned level) {
  const u64 frame = entry & rules.level[level].leaf_address;
  if (rules.format != TableFormat::kLegacy || level == 1) return frame;
  // The 4-MByte page of PSE-36: bits 20:13 are address bits 39:32 (APM vol. 2 rev. 3.45, 5.2.3).
  return (frame & bit_range(31, 22)) | get_bits(entry, 20, 13) << 32;
}

}  // namespace nptsim::svm

#endif  // NPTSIM_SIM_ARCH_SVM_ENTRY_H_
