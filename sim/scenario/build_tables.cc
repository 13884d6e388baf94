#include "sim/scenario/build_tables.h"

#include <cstring>

#include "sim/arch/svm/entry.h"
#include "sim/scenario/build_parts.h"

namespace nptsim::scenario::building {
namespace {

using svm::kEntryA;
using svm::kEntryD;
using svm::kEntryNx;
using svm::kEntryP;
using svm::kEntryPs;
using svm::kEntryRw;
using svm::kEntryUs;

constexpr unsigned shift_of(unsigned level) { return kPageShift + 9 * (level - 1); }
constexpr unsigned level_of(std::uint64_t page) {
  return page == kSize1G ? 3 : page == kSize2M ? 2 : 1;
}

}  // namespace

GuestTables::GuestTables(unsigned levels, GuestPhysAddr first, std::uint64_t c_mask)
    : levels_(levels), first_(first), c_mask_(c_mask) {
  new_page();
}

std::size_t GuestTables::new_page() {
  pages_.emplace_back();
  return pages_.size() - 1;
}

std::uint64_t GuestTables::table_entry(std::size_t page) const {
  return page_address(page).value | c_mask_ | kEntryP | kEntryRw | kEntryUs | kEntryA;
}

std::size_t GuestTables::table_below(std::size_t table, std::size_t index, unsigned level) {
  const std::uint64_t entry = pages_[table][index];
  const bool present = entry & kEntryP;
  const bool leaf = present && level <= 3 && (entry & kEntryPs);
  if (present && !leaf) {
    const std::uint64_t address = entry & bit_range(51, kPageShift) & ~c_mask_;
    return (address - first_.value) / kPageSize;
  }
  const std::size_t below = new_page();
  if (leaf) {
    // The same mapping in smaller leaves.
    const std::uint64_t step = 1ull << shift_of(level - 1);
    const std::uint64_t first = level - 1 == 1 ? entry & ~kEntryPs : entry;
    for (std::size_t i = 0; i < pages_[below].size(); ++i) pages_[below][i] = first + i * step;
  }
  pages_[table][index] = table_entry(below);
  return below;
}

void GuestTables::map(GuestVirtAddr gva, GuestPhysAddr gpa, std::uint64_t page,
                      std::uint64_t flags) {
  const unsigned leaf_level = level_of(page);
  std::size_t table = 0;
  for (unsigned level = levels_; level > leaf_level; --level) {
    table = table_below(table, (gva.value >> shift_of(level)) & 511, level);
  }
  const std::uint64_t size_bit = leaf_level > 1 ? kEntryPs : 0;
  pages_[table][(gva.value >> shift_of(leaf_level)) & 511] = gpa.value | flags | size_bit;
}

// --- what the guest maps ---

namespace {

// Leaves that a scenario may ask for: their tables take up to 1/512 of a page each.
constexpr std::uint64_t kMaxLeaves = 1ull << 21;

class Mapper {
 public:
  explicit Mapper(Plan& plan)
      : plan_(plan),
        c_mask_(plan.setup.keyed() && !plan.vm.start.vmsa.vtom ? plan.setup.cpu.guest_c_mask() : 0),
        tables_(plan.la57 ? 5 : 4, plan.places.tables, c_mask_),
        areas_(areas_without_tables(plan)) {}

  void run() {
    for (const Area& area : areas_) map_area(area);
    for (const MapEntry& entry : plan_.vm.map) {
      if (check(entry)) map_entry(entry);
    }
    // Mapping the tables can take further tables.
    for (std::size_t i = 0; i < tables_.page_count(); ++i) {
      const GuestPhysAddr page = tables_.page_address(i);
      if (!is_mapped_by_scenario(page)) map_page(page, flags_of(false, false, false));
    }
    finish();
  }

 private:
  std::uint64_t flags_of(bool user, bool execute, bool shared) const {
    return kEntryP | kEntryRw | kEntryA | kEntryD | (user ? kEntryUs : 0) |
           (!execute && plan_.nxe ? kEntryNx : 0) | (shared ? 0 : c_mask_);
  }

  void map_page(GuestPhysAddr page, std::uint64_t flags) {
    tables_.map(GuestVirtAddr(page.value), page, kPageSize, flags);
  }

  void map_area(const Area& area) {
    for (std::uint64_t at = 0; at < area.size; at += kPageSize) {
      map_page(area.gpa + at, flags_of(area.user, area.execute, area.shared));
    }
  }

  bool is_mapped_by_scenario(GuestPhysAddr page) const {
    for (const MapEntry& entry : plan_.vm.map) {
      if (page.value - entry.gva.value < entry.size) return true;
    }
    return false;
  }

  bool is_ghcb(GuestPhysAddr gpa) const {
    for (const Area& area : areas_) {
      if (area.shared && gpa - area.gpa < area.size) return true;
    }
    return false;
  }

  bool check(const MapEntry& entry) {
    leaves_ += entry.size / entry.page;
    if (leaves_ > kMaxLeaves) {
      plan_.report(entry.pos, "map: more than " + std::to_string(kMaxLeaves) + " entries",
                   "smaller ranges or larger pages (page: 2M)");
      return false;
    }
    if ((entry.gpa.value & c_mask_) != 0 || ((entry.gpa.value + entry.size - 1) & c_mask_) != 0) {
      plan_.report(entry.pos, "gpa " + hex(entry.gpa.value) + " contains the C-bit",
                   "the address without it, and c_bit: 0 or 1");
      return false;
    }
    const unsigned bits = plan_.la57 ? 57 : 48;
    const auto high = static_cast<std::int64_t>(entry.gva.value) >> (bits - 1);
    if (high != 0 && high != -1) {
      plan_.report(entry.pos, "gva " + hex(entry.gva.value) + " is not canonical",
                   "addresses of " + std::to_string(bits) + " bits");
      return false;
    }
    return check_ghcbs(entry);
  }

  // A large private page over a GHCB would take its C=0 away.
  bool check_ghcbs(const MapEntry& entry) {
    if (entry.page == kPageSize || entry.c_bit) return true;
    for (const Area& area : areas_) {
      if (!area.shared || area.gpa.value - entry.gva.value >= entry.size) continue;
      plan_.report(entry.pos,
                   "a large page would cover the GHCB at " + hex(area.gpa.value) +
                       ", which has to be shared",
                   "page: 4K there, c_bit said, or `place: { ghcb: ... }` elsewhere");
      return false;
    }
    return true;
  }

  void map_entry(const MapEntry& entry) {
    const Rights& rights = entry.rights;
    for (std::uint64_t at = 0; at < entry.size; at += entry.page) {
      const GuestPhysAddr gpa = entry.gpa + at;
      const bool c_bit = entry.c_bit.value_or(!is_ghcb(gpa));
      const std::uint64_t flags = (rights.present ? kEntryP : 0) | (rights.write ? kEntryRw : 0) |
                                  (rights.user ? kEntryUs : 0) | (rights.execute ? 0 : kEntryNx) |
                                  kEntryA | kEntryD | (c_bit ? c_mask_of(entry) : 0);
      tables_.map(entry.gva + at, gpa, entry.page, rights.present ? flags : 0);
    }
  }

  void finish() {
    for (std::size_t i = 0; i < tables_.page_count(); ++i) {
      std::vector<std::uint8_t> bytes(kPageSize);
      std::memcpy(bytes.data(), tables_.page(i).data(), kPageSize);
      plan_.image.push_back({tables_.page_address(i), std::move(bytes), false});
    }
    plan_.tables_size = tables_.page_count() * kPageSize;
    for (isa::Registers& r : plan_.registers) r.cr3 = tables_.root().value | c_mask_;
  }

  Plan& plan_;
  // With a virtual top of memory a C-bit is there only where the scenario asks for the mistake.
  std::uint64_t c_mask_of(const MapEntry& entry) const {
    return entry.c_bit && plan_.setup.keyed() ? plan_.setup.cpu.guest_c_mask() : c_mask_;
  }

  std::uint64_t c_mask_;
  GuestTables tables_;
  std::vector<Area> areas_;
  std::uint64_t leaves_ = 0;
};

}  // namespace

void write_guest_tables(Plan& plan) {
  if (plan.mode == isa::Mode::k64) Mapper(plan).run();
}

}  // namespace nptsim::scenario::building
