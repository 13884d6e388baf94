#include "sim/trace/memory_change.h"

#include <set>

#include "sim/machine/host.h"

namespace nptsim::trace {
namespace {

// False when the list is full.
bool compare_page(const machine::Region& region, std::uint64_t page, const PageWords& before,
                  const PageWords& after, std::vector<MemoryChange>& changes) {
  for (std::size_t i = 0; i < before.size(); ++i) {
    if (before[i] == after[i]) continue;
    if (changes.size() == kMostChanges) return false;
    changes.push_back({region.name, page * kPageSize + 8 * i, after[i]});
  }
  return true;
}

}  // namespace

std::vector<MemoryChange> changes_between(const machine::Setup& setup, const ReadPage& before,
                                          const ReadPage& after) {
  std::vector<MemoryChange> changes;
  std::set<machine::BackingId> done;  // an alias is no second memory
  PageWords old_words, new_words;
  for (const machine::Region& region : setup.regions) {
    if (region.backing == machine::kNoBacking || !done.insert(region.backing).second) continue;
    for (std::uint64_t page = 0; page < region.size / kPageSize; ++page) {
      if (!after(region.backing, page, new_words) || !before(region.backing, page, old_words)) {
        continue;
      }
      if (!compare_page(region, page, old_words, new_words, changes)) return changes;
    }
  }
  return changes;
}

ReadPage pages_of(machine::Machine& machine) {
  return [&machine](machine::BackingId backing, std::uint64_t page, PageWords& words) {
    const auto found = machine::backing_page(std::as_const(machine).store(), backing, page);
    if (found.protection == machine::HostProtection::kUnmapped) return false;
    arch::PhysicalMemory memory = machine.memory();
    machine::read_backing(memory, backing, page * kPageSize, words.data(), kPageSize);
    return true;
  };
}

}  // namespace nptsim::trace
