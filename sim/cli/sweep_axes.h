// The axes of a sweep: the lists of a scenario's `set:`, and what the command line adds.
#ifndef NPTSIM_SIM_CLI_SWEEP_AXES_H_
#define NPTSIM_SIM_CLI_SWEEP_AXES_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "sim/base/diagnostic.h"
#include "sim/base/result.h"
#include "sim/scenario/scenario.h"

namespace nptsim::cli {

// "cpu.c_bit=45..51" or "kernel=kvm-6.8,kvm-7.0": a setting with a list.
Result<scenario::Setting, Diagnostics> parse_axis(const std::string& text);

// The document without its claims, with these settings in place of its own, or behind them.
Result<scenario::Scenario, Diagnostics> with_axes(const scenario::Scenario& document,
                                                  const std::vector<scenario::Setting>& axes);

// "2/4": the second of four parts, which have the same number of points, or one more.
struct Shard {
  std::uint64_t number = 1, of = 1;
  std::uint64_t begin(std::uint64_t total) const;
  std::uint64_t end(std::uint64_t total) const;
};
std::optional<Shard> parse_shard(const std::string& text);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_SWEEP_AXES_H_
