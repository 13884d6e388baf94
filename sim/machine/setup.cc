#include "sim/machine/setup.h"

#include <algorithm>

namespace nptsim::machine {

const CodeLine* VcpuProgram::line_at(std::uint64_t address) const {
  const auto it = std::lower_bound(
      lines.begin(), lines.end(), address,
      [](const CodeLine& line, std::uint64_t wanted) { return line.address < wanted; });
  return it != lines.end() && it->address == address ? &*it : nullptr;
}

// The regions are few and lie apart.
const Region* Setup::region_at(GuestPhysAddr address) const {
  for (const Region& region : regions) {
    if (region.contains(address)) return &region;
  }
  return nullptr;
}

}  // namespace nptsim::machine
