// Work in processes of its own: what stops one of them does not stop the others.
#ifndef NPTSIM_SIM_CLI_FORKED_WORK_H_
#define NPTSIM_SIM_CLI_FORKED_WORK_H_

#include <cstddef>
#include <cstdint>
#include <functional>

namespace nptsim::cli {

// A small answer; `stopped` when the process ended before it gave one.
struct ForkedAnswer {
  std::uint32_t end = 0;
  std::uint32_t detail = 0;
  bool stopped = false;
};

// Calls `work(i)` for each i below `count` in `jobs` processes (0: one for each processor) and
// `done(i, answer)` here, in any order. Items are dealt out by their number, so that an answer does
// not depend on how many processes there are. No other thread may run meanwhile.
void work_in_processes(std::size_t count, unsigned jobs,
                       const std::function<ForkedAnswer(std::size_t)>& work,
                       const std::function<void(std::size_t, const ForkedAnswer&)>& done);

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_FORKED_WORK_H_
