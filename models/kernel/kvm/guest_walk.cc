#include "models/kernel/kvm/guest_walk.h"

#include <array>

#include "models/kernel/kvm/guest_memory.h"
#include "models/kernel/kvm/state.h"
#include "sim/arch/svm/entry.h"
#include "sim/arch/svm/exit_info.h"
#include "sim/arch/svm/guest_tables.h"

namespace nptsim::kvm {
namespace {

struct Visited {
  GuestPhysAddr gpa;
  std::uint64_t word = 0;
  unsigned level = 0;
};

svm::TableFormat format_of(svm::GuestPaging paging) {
  if (paging == svm::GuestPaging::kLong) return svm::TableFormat::kLong;
  return paging == svm::GuestPaging::kPae ? svm::TableFormat::kPae : svm::TableFormat::kLegacy;
}

svm::CMeaning c_meaning(svm::TableFormat format, bool keyed) {
  const bool is_attribute = keyed && format != svm::TableFormat::kLegacy;
  return is_attribute ? svm::CMeaning::kAttribute : svm::CMeaning::kAddress;
}

class Walker {
 public:
  Walker(machine::OpenView& view, GuestVirtAddr address, WalkFor access, bool user)
      : view_(view),
        r_(view.vcpu_state().registers),
        address_(address),
        access_(access),
        user_(user) {}

  GuestTranslation walk() {
    if (!(r_.cr0 & isa::kCr0Pg)) return {GuestPhysAddr(address_.value), 0};
    choose_format();
    for (unsigned level = levels_;; --level) {
      const svm::LevelRules& rules = rules_->at(level);
      const std::uint64_t index =
          get_bits(address_.value, rules.shift + rules_->index_bits - 1, rules.shift);
      Visited& entry = path_[count_++];
      entry.gpa = GuestPhysAddr(table_ + index * rules_->entry_size);
      entry.level = level;
      if (!read_guest(view_, entry.gpa, &entry.word, rules_->entry_size)) return fault(0);
      const svm::EntryKind kind = svm::classify(entry.word, rules).kind;
      if (kind == svm::EntryKind::kNotPresent) return fault(0);
      if (kind == svm::EntryKind::kReserved) return fault(svm::kErrorP | svm::kErrorRsv);
      add_rights(entry.word, rules);
      if (kind == svm::EntryKind::kLeaf || level == 1) return end_at(entry.word, level);
      table_ = entry.word & (rules.table_address | c_mask_);
    }
  }

 private:
  // gpte_to_gfn: to KVM an SEV guest's C-bit is not reserved, and a part of the address. Memory
  // slots do not reach there.
  void choose_format() {
    const bool keyed = view_.setup().keyed();
    const svm::GuestTables tables = svm::guest_tables(r_, 0);
    levels_ = tables.levels;
    table_ = tables.root;
    const svm::TableFormat format = format_of(tables.paging);
    const bool has_c_bit = keyed && format != svm::TableFormat::kLegacy;
    if (has_c_bit) c_mask_ = view_.setup().cpu.guest_c_mask();
    const bool pse = format == svm::TableFormat::kLegacy;
    rules_ = &view_.entry_rules().guest(
        format, pse ? r_.cr4 & isa::kCr4Pse : r_.efer & isa::kEferNxe, c_meaning(format, keyed));
  }

  void add_rights(std::uint64_t word, const svm::LevelRules& rules) {
    if (!rules.has_rights) return;
    writable_ &= (word & svm::kEntryRw) != 0;
    user_page_ &= (word & svm::kEntryUs) != 0;
    no_execute_ |= (r_.efer & isa::kEferNxe) && rules_->entry_size == 8 && (word & svm::kEntryNx);
  }

  bool denied() const {
    if (user_ && !user_page_) return true;
    if (access_ == WalkFor::kWrite && !writable_ && (user_ || (r_.cr0 & isa::kCr0Wp))) return true;
    if (access_ != WalkFor::kFetch) return prevented_by_smap();
    return no_execute_ || (!user_ && user_page_ && (r_.cr4 & isa::kCr4Smep));
  }

  // mmu.h permission_fault.
  bool prevented_by_smap() const {
    return !user_ && user_page_ && (r_.cr4 & isa::kCr4Smap) && !(r_.rflags & isa::kFlagAc);
  }

  GuestTranslation end_at(std::uint64_t word, unsigned level) {
    if (denied()) return fault(svm::kErrorP);
    if (!set_accessed_and_dirty()) return fault(0);  // walk_addr_generic: errcode is still 0
    const std::uint64_t offset = bit_range(rules_->at(level).shift - 1, 0);
    const std::uint64_t frame = svm::leaf_frame(word, *rules_, level) | (word & c_mask_);
    return {GuestPhysAddr((frame & ~offset) | (address_.value & offset)), 0};
  }

  // A table in a read-only slot stays as it is. False where the host's mapping forbids the write.
  bool set_accessed_and_dirty() {
    for (unsigned i = 0; i < count_; ++i) {
      const Visited& entry = path_[i];
      if (!rules_->at(entry.level).has_rights) continue;
      const bool leaf = i + 1 == count_;
      std::uint64_t wanted = svm::kEntryA;
      if (leaf && access_ == WalkFor::kWrite) wanted |= svm::kEntryD;
      const std::uint64_t word = entry.word | wanted;
      if (word == entry.word) continue;
      const auto slot = slot_of(view_.store(), entry.gpa.page_number());
      if (slot && slot->readonly) continue;
      if (!write_guest(view_, entry.gpa, &word, rules_->entry_size)) return false;
    }
    return true;
  }

  GuestTranslation fault(std::uint64_t error) const {
    if (access_ == WalkFor::kWrite) error |= svm::kErrorRw;
    if (user_) error |= svm::kErrorUs;
    // The bit exists with NX or SMEP only.
    const bool fetch_bit = (r_.efer & isa::kEferNxe) || (r_.cr4 & isa::kCr4Smep);
    if (access_ == WalkFor::kFetch && fetch_bit) error |= svm::kErrorId;
    return {std::nullopt, static_cast<std::uint32_t>(error)};
  }

  machine::OpenView& view_;
  const isa::Registers& r_;
  GuestVirtAddr address_;
  WalkFor access_;
  bool user_;
  const svm::EntryRules* rules_ = nullptr;
  unsigned levels_ = 0;
  std::uint64_t table_ = 0;
  std::uint64_t c_mask_ = 0;
  std::array<Visited, svm::kTopLevel> path_{};
  unsigned count_ = 0;
  bool writable_ = true, user_page_ = true, no_execute_ = false;
};

}  // namespace

GuestTranslation walk_guest_tables(machine::OpenView& view, GuestVirtAddr address, WalkFor access,
                                   bool user) {
  return Walker(view, address, access, user).walk();
}

}  // namespace nptsim::kvm
