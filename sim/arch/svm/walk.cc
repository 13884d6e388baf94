#include "sim/arch/svm/walk.h"

namespace nptsim::svm {
namespace {

#define NPTSIM_INLINE [[gnu::always_inline]] inline
#define NPTSIM_COLD [[gnu::noinline, gnu::cold]]

using arch::KeyId;
using arch::kHostKey;
using arch::kNoKey;
using arch::PhysicalMemory;

constexpr unsigned kNestedLevels4 = 4;
constexpr unsigned kGpaBits4 = 48;  // what 4 levels can index

// Long-mode tables: nine bits of the address for each level.
NPTSIM_INLINE u64 long_index(u64 address, unsigned level) {
  return (address >> (12 + 9 * (level - 1))) & 511;
}

// Accumulates the rights of a level. Only a leaf has a D bit that counts.
NPTSIM_INLINE u64 with_table(u64 rights, u64 entry) {
  return rights & ((entry | kEntryD) ^ kEntryNx);
}
NPTSIM_INLINE u64 with_leaf(u64 rights, u64 entry) { return rights & (entry ^ kEntryNx); }

// Where a nested walk ended, in two registers: what the hot path hands on never meets the stack.
// Host physical addresses have 52 bits; the bits above hold the rest.
class NestedLeaf {
 public:
  NestedLeaf() = default;  // none: the failure is told already
  NestedLeaf(u64 spa, bool c, unsigned shift, u64 rights)
      : packed_(spa | kGood | (c ? kC : 0) | u64{shift} << kShiftAt), rights_(rights) {}

  bool good() const { return packed_ & kGood; }
  bool c() const { return packed_ & kC; }  // the leaf's C-bit
  unsigned shift() const { return packed_ >> kShiftAt & 63; }
  u64 spa() const { return packed_ & bit_range(51, 0); }
  u64 rights() const { return rights_; }
  void add_rights(u64 more) { rights_ |= more; }

 private:
  static constexpr u64 kGood = bit(63);
  static constexpr u64 kC = bit(62);
  static constexpr unsigned kShiftAt = 52;

  u64 packed_ = 0;
  u64 rights_ = 0;
};

// One translation. kKeyed: memory encryption is in play, so each read picks a key.
template <bool kKeyed, class Observer>
class Walk {
 public:
  Walk(const WalkContext& context, PhysicalMemory& memory, GuestVirtAddr gva, Access access,
       Observer observer, Failure& failure)
      : c_(context),
        memory_(memory),
        gva_(gva),
        access_(access),
        observer_(observer),
        failure_(failure) {}

  NPTSIM_INLINE bool run(Translation& out) {
    if (c_.paging == GuestPaging::kLong) [[likely]]
      return run_long(out);
    return run_legacy(out);
  }

 private:
  NPTSIM_COLD bool run_legacy(Translation& out) {
    if (c_.paging == GuestPaging::kOff) {
      return run_final(gva_.value & 0xffffffff, ~0ull, 32, 0, out);
    }
    return run_32bit(out);
  }

  // ---------------------------------------------------------------- the nested dimension

  // The table that the walk has come to.
  struct NestedTable {
    bool good = true;
    u64 address = 0;
    KeyId key;
    u64 rights = ~0ull;
  };

  // N1 to N4. `use` is a constant wherever this is inlined.
  NPTSIM_INLINE NestedLeaf nested_translate(u64 gpa, NestedUse use) {
    NestedTable table{true, c_.nested_root, c_.nested_root_key, ~0ull};
    if (c_.nested_levels != kNestedLevels4) [[unlikely]] {
      table = nested_level_5(gpa, use);
      if (!table.good) return {};
    } else if (gpa >> kGpaBits4) [[unlikely]] {
      return gap(Gap::kGpaBeyondNestedWidth, gpa, use);
    }
#pragma GCC unroll 3
    for (unsigned level = 4; level > 1; --level) {
      const u64 spa = table.address + 8 * long_index(gpa, level);
      const u64 entry = read(spa, table.key);
      const LevelRules& rules = c_.nested->level[level];
      saw_nested(level, gpa, use, spa, table.key, entry, rules);
      if ((entry & rules.table_check) != kEntryP) [[unlikely]] {
        return nested_not_table(level, gpa, use, entry, table.rights);
      }
      table = {true, entry & rules.table_address, nested_key(entry),
               with_table(table.rights, entry)};
    }
    const u64 spa = table.address + 8 * long_index(gpa, 1);
    const u64 entry = read(spa, table.key);
    const LevelRules& rules = c_.nested->level[1];
    saw_nested(1, gpa, use, spa, table.key, entry, rules);
    if ((entry & rules.leaf_check) != kEntryP) [[unlikely]] {
      return nested_entry_fault(1, gpa, use, entry);
    }
    const NestedLeaf leaf((entry & rules.leaf_address) | (gpa & kPageMask),
                          kKeyed && (entry & c_.nested_c_mask) != 0, 12,
                          with_leaf(table.rights, entry));
    if (c_.nested_rule(use).missing(leaf.rights())) [[unlikely]] {
      return nested_missing(gpa, use, leaf);
    }
    return rmp_checked(gpa, use, leaf);
  }

  // The fifth level: the same step, once more.
  NPTSIM_COLD NestedTable nested_level_5(u64 gpa, NestedUse use) {
    const u64 spa = c_.nested_root + 8 * long_index(gpa, 5);
    const u64 entry = read(spa, c_.nested_root_key);
    const LevelRules& rules = c_.nested->level[5];
    saw_nested(5, gpa, use, spa, c_.nested_root_key, entry, rules);
    if ((entry & rules.table_check) != kEntryP) {
      nested_entry_fault(5, gpa, use, entry);
      return {false, 0, kNoKey, 0};
    }
    return {true, entry & rules.table_address, nested_key(entry), with_table(~0ull, entry)};
  }

  // A large leaf, or the walk ends here.
  [[gnu::noinline]] NestedLeaf nested_not_table(unsigned level, u64 gpa, NestedUse use, u64 entry,
                                                u64 rights) {
    const LevelRules& rules = c_.nested->level[level];
    if (classify(entry, rules).kind != EntryKind::kLeaf) {
      return nested_entry_fault(level, gpa, use, entry);
    }
    const NestedLeaf leaf((entry & rules.leaf_address) | (gpa & (rules.leaf_size - 1)),
                          (entry & c_.nested_c_mask) != 0, rules.shift, with_leaf(rights, entry));
    if (c_.nested_rule(use).missing(leaf.rights())) return nested_missing(gpa, use, leaf);
    return rmp_checked(gpa, use, leaf);
  }

  // N3 failed, or N4 has something to set.
  NPTSIM_COLD NestedLeaf nested_missing(u64 gpa, NestedUse use, NestedLeaf leaf) {
    const u64 missing = c_.nested_rule(use).missing(leaf.rights());
    if (missing & kRights) return nested_permission_fault(gpa, use, missing);
    if (!set_nested_bits(gpa, use, (missing & kEntryD) != 0)) return {};
    leaf.add_rights(missing & kEntryD);
    return rmp_checked(gpa, use, leaf);
  }

  // N4: walks again, and now writes. Nothing can fail but the log.
  NPTSIM_COLD bool set_nested_bits(u64 gpa, NestedUse use, bool dirty) {
    if (dirty && c_.pml && !log_dirty_page(gpa, use)) return false;
    u64 table = c_.nested_root;
    KeyId key = c_.nested_root_key;
    for (unsigned level = c_.nested_levels;; --level) {
      const LevelRules& rules = c_.nested->level[level];
      const u64 spa = table + 8 * long_index(gpa, level);
      const u64 entry = read(spa, key);
      const bool leaf = (entry & rules.leaf_if) != 0;
      const u64 updated = entry | kEntryA | (leaf && dirty ? kEntryD : 0);
      if (updated != entry && c_.rmp_checked && !nested_update_allowed(spa, gpa, use)) return false;
      write_entry(WhichTables::kNested, level, spa, entry, updated, key);
      if (leaf) return true;
      table = entry & rules.table_address;
      key = nested_key(entry);
    }
  }

  // Page modification logging (APM vol. 2 rev. 3.45, 15.25): the 4-KByte page of the GPA goes to
  // PML_BASE + 8 * index, and the index counts down.
  NPTSIM_COLD bool log_dirty_page(u64 gpa, NestedUse use) {
    VmcbControl& control = *c_.pml;
    if (control.pml_index > 511) {
      fail(FailureKind::kPmlFull, RuleId::kPml, 0, use, gpa);
      return false;
    }
    const HostPhysAddr slot((control.pml_base & bit_range(51, 12)) + 8 * control.pml_index);
    memory_.write_word(slot, gpa & ~kPageMask, kNoKey);
    control.pml_index = (control.pml_index - 1) & 0xffff;
    return true;
  }

  // The place of the RMP checks (APM vol. 2 rev. 3.45, 15.36.10): after the nested walk and its
  // permissions, on the resulting address.
  NPTSIM_INLINE NestedLeaf rmp_checked(u64 gpa, NestedUse use, const NestedLeaf& leaf) {
    if (c_.rmp_checked) [[unlikely]]
      return rmp_asked(gpa, use, leaf);
    return leaf;
  }

  [[gnu::noinline]] NestedLeaf rmp_asked(u64 gpa, NestedUse use, const NestedLeaf& leaf) {
    if (!c_.rmp_final && !is_table(use)) return leaf;
    const RmpAccess access = rmp_access(gpa, use, leaf);
    if (plainly_allowed(Rmp(c_.rmp, memory_), c_.rmp_agent, access)) [[likely]]
      return leaf;
    return rmp_allows(access, gpa, use) ? leaf : NestedLeaf{};
  }

  NPTSIM_INLINE RmpAccess rmp_access(u64 gpa, NestedUse use, const NestedLeaf& leaf) const {
    RmpAccess access;
    access.use = rmp_use(use);
    access.privilege = access_.privilege;
    access.is_private = is_table(use) ? c_.c_rules.table_c() : is_private_;
    access.spa = HostPhysAddr(leaf.spa());
    access.gpa = GuestPhysAddr(gpa);
    access.linear = gva_.value;
    access.leaf_size = bit(leaf.shift());
    access.nested_write = use == NestedUse::kTable;
    return access;
  }

  static constexpr RmpUse rmp_use(NestedUse use) {
    if (is_table(use)) return RmpUse::kTableRead;
    if (use == NestedUse::kRead) return RmpUse::kRead;
    return use == NestedUse::kWrite ? RmpUse::kWrite : RmpUse::kFetch;
  }

  NPTSIM_COLD bool rmp_allows(const RmpAccess& access, u64 gpa, NestedUse use) {
    return passed(check_access(Rmp(c_.rmp, memory_), c_.rmp_agent, access), access.spa, gpa, use);
  }

  // An A or D bit of the guest's: the table must be writable for this VMPL.
  NPTSIM_COLD bool guest_update_allowed(u64 gpa, const NestedLeaf& at) {
    RmpAccess access = rmp_access(gpa, NestedUse::kTable, at);
    access.use = RmpUse::kTableUpdate;
    return rmp_allows(access, gpa, NestedUse::kTable);
  }

  // An A or D bit of the host's own tables.
  NPTSIM_COLD bool nested_update_allowed(u64 table, u64 gpa, NestedUse use) {
    const RmpAccess access = rmp_access(gpa, use, NestedLeaf(table, false, kPageShift, 0));
    const RmpVerdict verdict = check_hardware_page(Rmp(c_.rmp, memory_), c_.rmp_agent,
                                                   HardwarePage::kNestedUpdate, access);
    return passed(verdict, access.spa, gpa, use);
  }

  NPTSIM_COLD bool passed(const RmpVerdict& verdict, HostPhysAddr spa, u64 gpa, NestedUse use) {
    if (verdict.allowed()) return true;
    const bool vc = verdict.outcome == RmpOutcome::kVc;
    refused_ = {spa, vc ? 0 : verdict.error_code & (kErrorRmp | kErrorVmpl)};
    fail(vc ? FailureKind::kPageNotValidated : FailureKind::kNestedRmp, verdict.rule, 0, use, gpa);
    return false;
  }

  // ---------------------------------------------------------------- the guest's dimension

  // The guest's table that the walk has come to.
  struct GuestTable {
    bool good = true;
    u64 gpa = 0;
    u64 rights = ~0ull;
  };

  // G1 to G5 for 4 and 5 levels.
  NPTSIM_INLINE bool run_long(Translation& out) {
    if (!is_canonical()) [[unlikely]] {
      return guest_fault(FailureKind::kNonCanonical, RuleId::kGuestNonCanonical, 0);
    }
    GuestTable table{true, c_.guest_root, ~0ull};
    if (c_.guest_levels == 5) [[unlikely]] {
      table = guest_level_5();
      if (!table.good) return false;
    }
#pragma GCC unroll 3
    for (unsigned level = 4; level > 1; --level) {
      const GuestEntry e = read_guest_entry(level, table.gpa + 8 * long_index(gva_.value, level));
      if (!e.good) [[unlikely]]
        return false;
      const LevelRules& rules = c_.guest->level[level];
      if ((e.word & rules.table_check) != kEntryP) [[unlikely]] {
        return guest_not_table(level, e.word, table.rights, out);
      }
      table = {true, e.word & rules.table_address, with_table(table.rights, e.word)};
    }
    const GuestEntry e = read_guest_entry(1, table.gpa + 8 * long_index(gva_.value, 1));
    if (!e.good) [[unlikely]]
      return false;
    const LevelRules& rules = c_.guest->level[1];
    if ((e.word & rules.leaf_check) != kEntryP) [[unlikely]]
      return guest_entry_fault(1, e.word);
    u64 rights = with_leaf(table.rights, e.word);
    if (c_.guest_rule(access_).missing(rights)) [[unlikely]] {
      rights = guest_missing(rights);
      if (rights == 0) return false;
    }
    return run_final((e.word & rules.leaf_address) | (gva_.value & kPageMask), rights, 12, e.word,
                     out);
  }

  // The fifth level: the same step, once more. PML5Es are no leafs.
  NPTSIM_COLD GuestTable guest_level_5() {
    const GuestEntry e = read_guest_entry(5, c_.guest_root + 8 * long_index(gva_.value, 5));
    if (!e.good) return {false, 0, 0};
    const LevelRules& rules = c_.guest->level[5];
    if ((e.word & rules.table_check) != kEntryP) return {guest_entry_fault(5, e.word), 0, 0};
    return {true, e.word & rules.table_address, with_table(~0ull, e.word)};
  }

  // The same for legacy PAE and 32-bit tables. The PDPTEs are read on every walk, not cached
  // (APM vol. 2 rev. 3.45, 15.25).
  NPTSIM_COLD bool run_32bit(Translation& out) {
    GuestTable table{true, c_.guest_root, ~0ull};
    for (unsigned level = c_.guest_levels;; --level) {
      const LevelRules& rules = c_.guest->level[level];
      const GuestEntry e =
          read_guest_entry(level, table.gpa + guest_index(level) * c_.guest->entry_size);
      if (!e.good) return false;
      if (classify(e.word, rules).kind != EntryKind::kTable) {
        return guest_not_table(level, e.word, table.rights, out);
      }
      const u64 rights = rules.has_rights ? with_table(table.rights, e.word) : table.rights;
      table = {true, e.word & rules.table_address, rights};
    }
  }

  // G2: a guest entry, read through the nested tables and the guest's key.
  struct GuestEntry {
    bool good = false;
    u64 word = 0;
  };
  NPTSIM_INLINE GuestEntry read_guest_entry(unsigned level, u64 gpa) {
    looks_for(level);
    if (c_.rogpt) [[unlikely]]
      return read_with_rogpt(level, gpa);
    const NestedLeaf at = nested_translate(gpa, NestedUse::kTable);
    if (!at.good()) [[unlikely]]
      return {};
    return {true, load_guest_entry(level, gpa, at)};
  }

  NPTSIM_INLINE u64 load_guest_entry(unsigned level, u64 gpa, const NestedLeaf& at) {
    const KeyId key = table_key(at);
    const u64 entry = read_sized(at.spa(), key);
    if constexpr (Observer::kListening) {
      observer_.listener->on_entry_read({WhichTables::kGuest, Stage::kTable, u8(level), u8(level),
                                         GuestPhysAddr(gpa), HostPhysAddr(at.spa()), key, entry,
                                         classify(entry, c_.guest->level[level])});
    }
    return entry;
  }

  // With ROGPT the access is a nested write only once A must be set (rule npt.rogpt); D comes at
  // G5.
  NPTSIM_COLD GuestEntry read_with_rogpt(unsigned level, u64 gpa) {
    const NestedLeaf at = nested_translate(gpa, NestedUse::kTableRead);
    if (!at.good()) return {};
    const u64 entry = load_guest_entry(level, gpa, at);
    const LevelRules& rules = c_.guest->level[level];
    const EntryKind kind = classify(entry, rules).kind;
    const bool usable = kind == EntryKind::kTable || kind == EntryKind::kLeaf;
    const bool sets_a = usable && rules.has_rights && !(entry & kEntryA);
    if (sets_a && !nested_translate_again(gpa, NestedUse::kTable).good()) return {};
    return {true, entry};
  }

  // A large page, or G3 ends the walk.
  [[gnu::noinline]] bool guest_not_table(unsigned level, u64 entry, u64 rights, Translation& out) {
    const LevelRules& rules = c_.guest->level[level];
    if (classify(entry, rules).kind != EntryKind::kLeaf) return guest_entry_fault(level, entry);
    rights = with_leaf(rights, entry);
    if (c_.guest_rule(access_).missing(rights)) rights = guest_missing(rights);
    if (rights == 0) return false;
    const u64 offset = gva_.value & (rules.leaf_size - 1);
    return run_final(leaf_frame(entry, *c_.guest, level) | offset, rights, rules.shift, entry, out);
  }

  // G4 failed (0), or G5 has something to set: the rights after that.
  NPTSIM_COLD u64 guest_missing(u64 rights) {
    const u64 missing = c_.guest_rule(access_).missing(rights);
    if (missing & kRights) {
      return guest_fault(FailureKind::kGuestPermission, RuleId::kGuestPermission, 0);
    }
    if (!set_guest_bits((missing & kEntryD) != 0)) return 0;
    return rights | (missing & kEntryD) | kEntryA;
  }

  // G5: walks again, and now writes. It can fail only with ROGPT, where this is the first write.
  NPTSIM_COLD bool set_guest_bits(bool dirty) {
    u64 table = c_.guest_root;
    for (unsigned level = c_.guest_levels;; --level) {
      const LevelRules& rules = c_.guest->level[level];
      const u64 gpa = table + guest_index(level) * c_.guest->entry_size;
      looks_for(level);
      const NestedLeaf at = quiet_nested_translate(gpa);
      const KeyId key = table_key(at);
      const u64 entry = read_sized(at.spa(), key);
      const bool leaf = (entry & rules.leaf_if) != 0;
      const u64 updated = entry | (rules.has_rights ? kEntryA : 0) | (leaf && dirty ? kEntryD : 0);
      if (updated != entry && c_.rogpt && !nested_translate_again(gpa, NestedUse::kTable).good()) {
        return false;
      }
      if (updated != entry && c_.rmp_checked && !guest_update_allowed(gpa, at)) return false;
      write_entry(WhichTables::kGuest, level, at.spa(), entry, updated, key);
      if (leaf) return true;
      table = entry & rules.table_address;
    }
  }

  // G6 and G7.
  NPTSIM_INLINE bool run_final(u64 gpa, u64 rights, unsigned shift, u64 entry, Translation& out) {
    const bool entry_c = (entry & c_.guest_c_mask) != 0;
    const CRules& c = c_.c_rules;
    const bool data_private = c.effective_c(AccessKind::kRead, entry_c, GuestPhysAddr(gpa));
    const bool is_private = data_private || (access_.kind == AccessKind::kFetch && c.table_c());
    is_private_ = is_private;
    looks_for(0);
    const NestedLeaf at = nested_translate(gpa, nested_use(access_));
    if (!at.good()) [[unlikely]]
      return false;
    out.spa = HostPhysAddr(at.spa());
    out.gpa = GuestPhysAddr(gpa);
    out.key = kKeyed ? c_.c_rules.key(is_private, at.c()) : kNoKey;
    out.guest_rights = rights;
    out.nested_rights = at.rights();
    out.page_shift = static_cast<u8>(shift < at.shift() ? shift : at.shift());
    out.is_private = is_private;
    out.data_private = data_private;
    out.nested_c = at.c();
    out.global = (entry & kEntryG) != 0;
    out.nested_shift = static_cast<u8>(at.shift());
    if (c_.rmp_checked) [[unlikely]]
      out.nested_rights |= rmp_right(nested_use(access_));
    if constexpr (Observer::kListening) {
      observer_.listener->on_translated(
          {access_, gva_, out.gpa, out.spa, out.key, out.page_shift, is_private, false},
          RuleId::kAccessDone);
    }
    return true;
  }

  // ---------------------------------------------------------------- helpers

  NPTSIM_INLINE u64 read(u64 spa, KeyId key) const {
    if constexpr (kKeyed) return memory_.read_word(HostPhysAddr(spa), key);
    return memory_.read_plain_word(HostPhysAddr(spa));
  }
  NPTSIM_INLINE u64 read_sized(u64 spa, KeyId key) const {
    if (c_.guest->entry_size == 4) [[unlikely]]
      return memory_.read(HostPhysAddr(spa), 4, key);
    return read(spa, key);
  }
  NPTSIM_INLINE KeyId nested_key(u64 entry) const {
    return kKeyed && (entry & c_.nested_c_mask) ? kHostKey : kNoKey;
  }
  NPTSIM_INLINE KeyId table_key(const NestedLeaf& at) const {
    return kKeyed ? c_.c_rules.key(c_.c_rules.table_c(), at.c()) : kNoKey;
  }
  NPTSIM_INLINE bool is_canonical() const {
    const unsigned up = 64 - c_.linear_bits;
    return static_cast<u64>(static_cast<std::int64_t>(gva_.value << up) >> up) == gva_.value;
  }
  u64 guest_index(unsigned level) const {
    return (gva_.value >> c_.guest->level[level].shift) & (bit(index_bits(level)) - 1);
  }
  // The four PDPTEs of legacy PAE are picked by two bits.
  unsigned index_bits(unsigned level) const {
    return c_.paging == GuestPaging::kPae && level == 3 ? 2 : c_.guest->index_bits;
  }

  NPTSIM_INLINE void saw_nested(unsigned level, u64 gpa, NestedUse use, u64 spa, KeyId key,
                                u64 entry, const LevelRules& rules) {
    if constexpr (Observer::kListening) {
      observer_.listener->on_entry_read({WhichTables::kNested,
                                         is_table(use) ? Stage::kTable : Stage::kFinal, u8(level),
                                         u8(guest_level_), GuestPhysAddr(gpa), HostPhysAddr(spa),
                                         key, entry, classify(entry, rules)});
    }
  }

  NPTSIM_COLD NestedLeaf nested_translate_again(u64 gpa, NestedUse use) {
    return nested_translate(gpa, use);
  }
  // For the second pass: the entries were told already, and the translation was good.
  NestedLeaf quiet_nested_translate(u64 gpa) {
    Walk<kKeyed, NullObserver> quiet(c_, memory_, gva_, access_, NullObserver{}, failure_);
    return quiet.nested_translate_again(gpa, NestedUse::kTableRead);
  }
  void looks_for(unsigned guest_level) {
    if constexpr (Observer::kListening) guest_level_ = guest_level;
  }

  void write_entry(WhichTables tables, unsigned level, u64 spa, u64 before, u64 after, KeyId key) {
    if (after == before) return;
    const unsigned size = tables == WhichTables::kGuest ? c_.guest->entry_size : 8;
    memory_.write(HostPhysAddr(spa), after, size, key);
    if constexpr (Observer::kListening) {
      observer_.listener->on_entry_write({tables, u8(level), HostPhysAddr(spa), before, after});
    }
  }

  // ---------------------------------------------------------------- failures

  NPTSIM_COLD void fail(FailureKind kind, RuleId rule, unsigned level, NestedUse use, u64 gpa,
                        Gap gap = Gap::kNone) {
    failure_ = Failure{};
    failure_.kind = kind;
    failure_.rule = rule;
    failure_.gap = gap;
    failure_.level = static_cast<u8>(level);
    failure_.stage = is_table(use) ? Stage::kTable : Stage::kFinal;
    failure_.nested_write = use == NestedUse::kTable || use == NestedUse::kWrite;
    failure_.is_private = is_table(use) ? c_.c_rules.table_c() : is_private_;
    failure_.access = access_;
    failure_.gva = gva_;
    failure_.gpa = GuestPhysAddr(gpa);
    failure_.spa = refused_.spa;
    failure_.extra = refused_.extra;
    if constexpr (Observer::kListening) observer_.listener->on_failure(failure_);
  }

  NPTSIM_COLD NestedLeaf gap(Gap gap, u64 gpa, NestedUse use) {
    fail(FailureKind::kUnspecified, RuleId::kUnspecified, 0, use, gpa, gap);
    return {};
  }

  // N1 and N2.
  NPTSIM_COLD NestedLeaf nested_entry_fault(unsigned level, u64 gpa, NestedUse use, u64 entry) {
    const bool present = entry & kEntryP;
    fail(present ? FailureKind::kNestedReserved : FailureKind::kNestedNotPresent,
         present ? RuleId::kNestedReservedBit : RuleId::kNestedNotPresent, level, use, gpa);
    return {};
  }

  // N3.
  NPTSIM_COLD NestedLeaf nested_permission_fault(u64 gpa, NestedUse use, u64 missing) {
    RuleId rule = RuleId::kNestedPermission;
    if (c_.gmet && (missing & kEntryUs))
      rule = RuleId::kNestedGmet;
    else if (missing & kEntryUs)
      rule = RuleId::kNestedUser;
    else if (is_table(use) && c_.rogpt)
      rule = RuleId::kNestedRogpt;
    else if (is_table(use))
      rule = RuleId::kNestedTableWrite;
    // A read of a page that carries the shadow stack marking: no source says what it gives.
    const bool only_user = (missing & kRights) == kEntryUs;
    if (c_.sss_check && only_user && use == NestedUse::kRead) {
      return gap(Gap::kSssOrdinaryAccess, gpa, use);
    }
    fail(FailureKind::kNestedPermission, rule, 0, use, gpa);
    return {};
  }

  // G3.
  NPTSIM_COLD bool guest_entry_fault(unsigned level, u64 entry) {
    const bool present = entry & kEntryP;
    return guest_fault(present ? FailureKind::kGuestReserved : FailureKind::kGuestNotPresent,
                       present ? RuleId::kGuestReservedBit : RuleId::kGuestNotPresent, level);
  }

  NPTSIM_COLD bool guest_fault(FailureKind kind, RuleId rule, unsigned level) {
    failure_ = Failure{};
    failure_.kind = kind;
    failure_.rule = rule;
    failure_.level = static_cast<u8>(level);
    failure_.access = access_;
    failure_.gva = gva_;
    if constexpr (Observer::kListening) observer_.listener->on_failure(failure_);
    return false;
  }

  template <bool, class>
  friend class Walk;

  const WalkContext& c_;
  PhysicalMemory& memory_;
  const GuestVirtAddr gva_;
  const Access access_;
  [[no_unique_address]] Observer observer_;
  Failure& failure_;
  unsigned guest_level_ = 0;  // for listeners: of the guest entry looked for; 0: the final address
  bool is_private_ = false;   // of the final access
  struct {
    HostPhysAddr spa;
    u64 extra = 0;
  } refused_;  // by the RMP
};

}  // namespace

template <class Observer>
bool translate(const WalkContext& context, PhysicalMemory& memory, GuestVirtAddr gva, Access access,
               Observer observer, Translation& result, Failure& failure) {
  if (memory.keyed()) {
    return Walk<true, Observer>(context, memory, gva, access, observer, failure).run(result);
  }
  return Walk<false, Observer>(context, memory, gva, access, observer, failure).run(result);
}

template bool translate(const WalkContext&, PhysicalMemory&, GuestVirtAddr, Access, NullObserver,
                        Translation&, Failure&);
template bool translate(const WalkContext&, PhysicalMemory&, GuestVirtAddr, Access,
                        ListeningObserver, Translation&, Failure&);

}  // namespace nptsim::svm
