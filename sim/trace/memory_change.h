// What a run changed in the VM's memory, word by word.
#ifndef NPTSIM_SIM_TRACE_MEMORY_CHANGE_H_
#define NPTSIM_SIM_TRACE_MEMORY_CHANGE_H_

#include <array>
#include <cstdint>
#include <functional>
#include <vector>

#include "sim/base/address.h"
#include "sim/machine/machine.h"
#include "sim/machine/setup.h"
#include "sim/trace/ending.h"

namespace nptsim::trace {

// No recording lists more.
inline constexpr std::size_t kMostChanges = 512;

using PageWords = std::array<std::uint64_t, kWordsPerPage>;
// A page of a backing; false where nothing is mapped, which is then not compared.
using ReadPage = std::function<bool(machine::BackingId, std::uint64_t page, PageWords&)>;

// In the order of regions and addresses, at most kMostChanges. Memory of a region is its backing's:
// guest_memfd is nobody's to read.
std::vector<MemoryChange> changes_between(const machine::Setup& setup, const ReadPage& before,
                                          const ReadPage& after);

// A model's memory as the VMM sees it. The machine has to live as long as the reader.
ReadPage pages_of(machine::Machine& machine);

}  // namespace nptsim::trace

#endif  // NPTSIM_SIM_TRACE_MEMORY_CHANGE_H_
