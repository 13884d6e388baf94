#include "sim/arch/svm/entry.h"

#include "sim/base/bug.h"

namespace nptsim::svm {
namespace {

// PML5E, PML4E, PDPE, PDE and PTE (APM vol. 2 rev. 3.45, 5.3.3, 5.3.4, 5.3.5).
//
//   bit          PML5E PML4E   PDPE, 1-GByte   PDE, 2-MByte   PTE
//   7            MBZ           0       1 (PS)  0      1 (PS)  PAT
//   8            MBZ           -       G       -      G       G
//   12           address       address PAT     address PAT    address
//   hole         -             -       29:13   -      20:13   -
//   51:width     MBZ everywhere, but for a C-bit that has a meaning
//   62:52        available, never reserved
//   63           NX, MBZ if EFER.NXE is 0
EntryRules long_rules(const EntryOptions& o) {
  EntryRules rules;
  const u64 high = o.reserved_address | (o.nxe ? 0 : kEntryNx);
  const u64 address = bit_range(51, 12) & ~o.c_mask;
  for (unsigned n = 1; n <= kTopLevel; ++n) {
    LevelRules& level = rules.level[n];
    level.shift = 12 + 9 * (n - 1);
    level.table_reserved = level.leaf_reserved = high;
    level.table_address = address;
    level.leaf_address = address & ~(bit(level.shift) - 1);
  }
  rules.level[5].table_reserved |= bit(7) | bit(8);
  rules.level[4].table_reserved |= bit(7) | bit(8);
  if (o.pages_1g) {
    rules.level[3].leaf_if = kEntryPs;
  } else {
    rules.level[3].table_reserved |= kEntryPs;
  }
  rules.level[3].leaf_reserved |= bit_range(29, 13);
  rules.level[2].leaf_if = kEntryPs;
  rules.level[2].leaf_reserved |= bit_range(20, 13);
  rules.level[1].leaf_if = kEntryP;  // a present PTE is a leaf
  for (LevelRules& level : rules.level) {
    if (level.leaf_if != 0) level.leaf_size = bit(level.shift);
  }
  return rules;
}

// PDPTE, PDE and PTE of legacy PAE paging: as in long mode, but bits 62:52 are reserved too, and
// the PDPTE has no rights (APM vol. 2 rev. 3.45, 5.2.4: "must be zero" 2:1, 8:5 and 63:width).
EntryRules pae_rules(const EntryOptions& o) {
  EntryRules rules = long_rules(o);
  rules.format = TableFormat::kPae;
  const u64 high = o.reserved_address | bit_range(62, 52);
  for (unsigned n = 1; n <= 2; ++n) {
    rules.level[n].table_reserved |= high;
    rules.level[n].leaf_reserved |= high;
  }
  LevelRules& pdpte = rules.level[3];
  pdpte.leaf_if = pdpte.leaf_reserved = pdpte.leaf_size = 0;
  pdpte.table_reserved = high | bit(63) | bit_range(2, 1) | bit_range(8, 5);
  pdpte.has_rights = false;
  return rules;
}

// 32-bit PDE and PTE: no NX, no C-bit; a 4-MByte page only with CR4.PSE, its bits 20:13 are address
// bits 39:32, and bit 21 must be zero (APM vol. 2 rev. 3.45, 5.2.2, 5.2.3).
EntryRules legacy_rules(const EntryOptions& o) {
  EntryRules rules;
  rules.format = TableFormat::kLegacy;
  rules.entry_size = 4;
  rules.index_bits = 10;
  rules.level[1].leaf_if = kEntryP;
  rules.level[1].leaf_address = bit_range(31, 12);
  rules.level[1].leaf_size = bit(12);
  rules.level[1].shift = 12;
  LevelRules& pde = rules.level[2];
  pde.shift = 22;
  pde.table_address = bit_range(31, 12);
  if (o.pse) {
    pde.leaf_if = kEntryPs;
    // Of address bits 39:32, those that the processor does not have.
    const u64 absent = get_bits(o.reserved_address, 39, 32);
    pde.leaf_reserved = bit(21) | absent << 13;
    pde.leaf_address = bit_range(31, 22);
    pde.leaf_size = bit(22);
  }
  return rules;
}

EntryRules rules_of(TableFormat format, const EntryOptions& options) {
  switch (format) {
    case TableFormat::kLong:
      return long_rules(options);
    case TableFormat::kPae:
      return pae_rules(options);
    case TableFormat::kLegacy:
      return legacy_rules(options);
  }
  NPTSIM_BUG("no such table format");
}

}  // namespace

EntryRules make_entry_rules(TableFormat format, const EntryOptions& options) {
  EntryRules rules = rules_of(format, options);
  for (LevelRules& level : rules.level) {
    level.table_check = level.table_reserved | level.leaf_if | kEntryP;
    level.leaf_check = level.leaf_reserved | kEntryP;
  }
  return rules;
}

}  // namespace nptsim::svm
