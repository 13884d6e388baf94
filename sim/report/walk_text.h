// One translation as lines: where it went, or which entry stopped it.
#ifndef NPTSIM_SIM_REPORT_WALK_TEXT_H_
#define NPTSIM_SIM_REPORT_WALK_TEXT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/machine/event.h"

namespace nptsim::report {

struct WalkStyle {
  std::optional<unsigned> guest_c_bit;  // where the guest's tables have it
  std::optional<unsigned> nested_c_bit;
  bool all = false;  // every entry, of every walk
};

// "write 0xffc00000 -> gpa 0xffc00000 -> spa 0x1234000, shared".
std::string walk_line(const machine::EventFields& walk);

// The entries that it read, as a table: of a failed walk those that matter, of another one the last
// nested one, which is where rights and keys come from.
std::vector<std::string> walk_entries(const machine::EventFields& walk, const WalkStyle& style);

// Where the nested leaf of the final address is, and its word; none if no entry was read.
std::optional<std::pair<std::uint64_t, std::uint64_t>> last_nested_leaf(
    const machine::EventFields& walk);

bool has_failed(const machine::EventFields& walk);

}  // namespace nptsim::report

#endif  // NPTSIM_SIM_REPORT_WALK_TEXT_H_
