// The guest's own page tables, made in long mode's format before there is a machine to write to.
#ifndef NPTSIM_SIM_SCENARIO_BUILD_TABLES_H_
#define NPTSIM_SIM_SCENARIO_BUILD_TABLES_H_

#include <array>
#include <cstdint>
#include <vector>

#include "sim/base/address.h"

namespace nptsim::scenario::building {

class GuestTables {
 public:
  using Page = std::array<std::uint64_t, 512>;

  // Pages of tables are taken one after the other from `first`; the root is the first of them.
  // `c_mask` goes into every entry that points to a table: a guest's tables are private.
  GuestTables(unsigned levels, GuestPhysAddr first, std::uint64_t c_mask);

  // One leaf of 4 KiB, 2 MiB or 1 GiB. `flags` are all its bits but address and page size. What was
  // mapped there before gives way; a larger leaf around it is split.
  void map(GuestVirtAddr gva, GuestPhysAddr gpa, std::uint64_t page, std::uint64_t flags);

  GuestPhysAddr root() const { return first_; }
  std::size_t page_count() const { return pages_.size(); }
  GuestPhysAddr page_address(std::size_t i) const { return first_ + i * kPageSize; }
  const Page& page(std::size_t i) const { return pages_[i]; }

 private:
  std::size_t new_page();
  // The page that the entry points to, made if need be.
  std::size_t table_below(std::size_t table, std::size_t index, unsigned level);
  std::uint64_t table_entry(std::size_t page) const;

  unsigned levels_;
  GuestPhysAddr first_;
  std::uint64_t c_mask_;
  std::vector<Page> pages_;
};

}  // namespace nptsim::scenario::building

#endif  // NPTSIM_SIM_SCENARIO_BUILD_TABLES_H_
