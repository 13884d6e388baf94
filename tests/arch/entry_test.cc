// Which bits are reserved, and what profiles may say.
#include <doctest/doctest.h>

#include "sim/arch/svm/cpu_profile.h"
#include "sim/arch/svm/entry.h"
#include "sim/arch/svm/exits.h"
#include "sim/arch/svm/rules.h"
#include "sim/arch/svm/sev.h"

namespace nptsim::svm {
namespace {

CpuProfile with_widths(unsigned a, unsigned r, std::optional<unsigned> c, bool encryption) {
  CpuProfile p;
  p.maxphyaddr = a, p.reduction = r, p.c_bit = c, p.memory_encryption = encryption;
  p.features.sme = p.features.sev = c.has_value();
  p.encrypted_guests = c ? 509 : 0;
  return p;
}

EntryRules nested_rules(const CpuProfile& p, bool nxe = true) {
  return make_entry_rules(
      TableFormat::kLong,
      {.reserved_address = p.host_reserved_address(), .c_mask = p.host_c_mask(), .nxe = nxe});
}

// What a hypervisor may put into a nested leaf to get a reserved-bit fault, CPU by CPU.
TEST_CASE("the reserved bits of a 4-KByte nested leaf") {
  struct Row {
    unsigned a, r;
    std::optional<unsigned> c;
    u64 reserved;  // of a 4-KByte leaf
    u64 kvm_mmio;  // KVM's MMIO entry, 0: caching off
    bool kvm_faults;
    u64 openbsd;  // bits :(A-R)
    bool openbsd_faults;
  };
  const Row rows[] = {
      {48, 5, 47, bit_range(51, 48) | bit_range(46, 43), 0x000ff80000000001, true,
       0x0000f80000000000, true},
      {48, 5, 51, bit_range(50, 43), 0x000ff80000000001, true, 0x0000f80000000000, true},
      {48, 4, 51, bit_range(50, 44), 0x000ff00000000001, true, 0x0000f00000000000, true},
      {52, 6, 51, bit_range(50, 46), 0x000fc00000000001, true, 0x000fc00000000000, true},
      {52, 5, 51, bit_range(50, 47), 0x000f800000000001, true, 0x000f800000000000, true},
      {52, 2, 51, bit(50), 0x000c000000000001, true, 0x000c000000000000, true},
      {52, 1, 51, 0, 0, false, 0x0008000000000000, false},
      {48, 1, 47, bit_range(51, 48), 0x000f000000000001, true, 0x0000800000000000, false},
      {52, 1, 47, bit(51), 0x0008000000000001, true, 0x0008000000000000, true},
      {52, 0, 51, 0, 0, false, 0, false},
      {52, 0, std::nullopt, 0, 0, false, 0, false},
      {48, 0, std::nullopt, bit_range(51, 48), 0x0008000000000001, true, 0, false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.a);
    CAPTURE(row.r);
    const EntryRules rules = nested_rules(with_widths(row.a, row.r, row.c, row.c.has_value()));
    CHECK(rules.at(1).leaf_reserved == row.reserved);
    if (row.kvm_mmio) {
      CHECK((classify(row.kvm_mmio | 6, rules.at(1)).kind == EntryKind::kReserved) ==
            row.kvm_faults);
    }
    CHECK((classify(row.openbsd | 7, rules.at(1)).kind == EntryKind::kReserved) ==
          row.openbsd_faults);
    // Other kinds of entries have reserved bits at every width.
    CHECK(classify(bit(20) | 0x87, rules.at(2)).kind == EntryKind::kReserved);
    CHECK(classify(bit(29) | 0x87, rules.at(3)).kind == EntryKind::kReserved);
    CHECK(classify(bit(8) | 7, rules.at(4)).kind == EntryKind::kReserved);
    CHECK(classify(bit(7) | 7, rules.at(5)).kind == EntryKind::kReserved);
  }
}

TEST_CASE("long-mode entries, bit by bit") {
  const EntryRules rules = nested_rules(with_widths(48, 5, 51, true));
  CHECK(classify(6, rules.at(1)).kind == EntryKind::kNotPresent);
  CHECK(classify(7, rules.at(1)).kind == EntryKind::kLeaf);
  CHECK(classify(7, rules.at(2)).kind == EntryKind::kTable);
  CHECK(classify(0x87, rules.at(2)).kind == EntryKind::kLeaf);
  CHECK(classify(0x87, rules.at(1)).kind == EntryKind::kLeaf);    // PAT
  CHECK(classify(0x1087, rules.at(2)).kind == EntryKind::kLeaf);  // bit 12 is PAT
  CHECK(classify(0x2087, rules.at(2)) == EntryClass{EntryKind::kReserved, bit(13)});
  CHECK(classify(0x107, rules.at(2)).kind == EntryKind::kTable);  // bit 8 is ignored
  CHECK(classify(0x107, rules.at(3)).kind == EntryKind::kTable);
  CHECK(classify(0x107, rules.at(4)) == EntryClass{EntryKind::kReserved, bit(8)});
  CHECK(classify(bit(51) | 7, rules.at(1)).kind == EntryKind::kLeaf);  // the C-bit
  CHECK(classify(bit_range(62, 52) | 7, rules.at(1)).kind == EntryKind::kLeaf);
  CHECK(classify(bit(63) | 7, rules.at(1)).kind == EntryKind::kLeaf);
  CHECK(classify(bit(63) | 7, nested_rules(with_widths(48, 5, 51, true), false).at(1)).kind ==
        EntryKind::kReserved);
  CHECK(leaf_frame(bit(51) | 0x12345000 | 7, rules, 1) == 0x12345000);
}

TEST_CASE("a guest's tables have the raw width") {
  const CpuProfile p = with_widths(48, 5, 51, true);
  CHECK(p.guest_reserved_address(0) == bit_range(51, 48));
  CHECK(p.guest_reserved_address(p.guest_c_mask()) == bit_range(50, 48));
  // Without memory encryption the C-bit means nothing to the host.
  const CpuProfile off = with_widths(48, 5, 51, false);
  CHECK(off.host_width() == 48);
  CHECK(off.host_reserved_address() == bit_range(51, 48));
}

TEST_CASE("the PSE-36 page") {
  const EntryRules rules =
      make_entry_rules(TableFormat::kLegacy, {.reserved_address = bit_range(51, 40), .pse = true});
  const u64 pde = 0xffc00000 | 0x81 | (0xabull << 13);
  CHECK(classify(pde, rules.at(2)).kind == EntryKind::kLeaf);
  CHECK(leaf_frame(pde, rules, 2) == 0xabffc00000);
  CHECK(classify(pde | bit(21), rules.at(2)).kind == EntryKind::kReserved);
}

TEST_CASE("contradictory profiles get plain reasons") {
  CHECK(contradictions(with_widths(48, 5, 51, true)).empty());
  CHECK(contradictions(CpuProfile{}).empty());
  CpuProfile p = with_widths(48, 5, 51, true);
  p.features.snp = true;
  CHECK(contradictions(p) ==
        std::vector<std::string>{"snp needs sev_es", "snp needs at least one VMPL"});
  p = with_widths(60, 0, std::nullopt, false);
  CHECK(contradictions(p).size() == 1);
  p = with_widths(48, 0, std::nullopt, true);
  CHECK_FALSE(contradictions(p).empty());
}

TEST_CASE("SEV_STATUS is SEV_FEATURES two bits up") {
  CHECK(sev_status(GuestType::kPlain, 0) == 0);
  CHECK(sev_status(GuestType::kSev, 0) == 1);
  CHECK(sev_status(GuestType::kSevEs, 0) == 3);
  CHECK(sev_status(GuestType::kSnp, kSnpActive | kDebugVirtualization) == (7 | bit(7)));
}

TEST_CASE("rules have unique ids, a sentence, and a source where they are facts") {
  const auto rules = all_rules();
  for (const Rule& rule : rules) {
    CHECK_FALSE(rule.sentence.empty());
    CHECK_FALSE(rule.id.empty());
    if (rule.evidence != Evidence::kInferred) CHECK_FALSE(rule.source.empty());
    int same = 0;
    for (const Rule& other : rules) same += other.id == rule.id;
    CHECK(same == 1);
  }
  CHECK(rule_of(RuleId::kNestedReservedBit).id == "npt.reserved-bit");
}

TEST_CASE("automatic exits") {
  CHECK(find_automatic_exit(exit_code::kHlt)->rip_advanced);
  CHECK(find_automatic_exit(exit_code::kCr0WriteTrap + 1) == nullptr);
  CHECK(find_automatic_exit(exit_code::kCpuid) == nullptr);
  CHECK(exit_name(0x13) == "CR3_WRITE");
  CHECK(exit_name(0x4e) == "EXCP14");
  CHECK(exit_name(0x400) == "NPF");
  CHECK(exit_name(0x98) == "CR8_WRITE_TRAP");
  CHECK(exit_name(0x500) == "0x500");
}

}  // namespace
}  // namespace nptsim::svm
