// Work in threads whose results do not depend on how many there are.
#ifndef NPTSIM_SIM_CLI_WORKERS_H_
#define NPTSIM_SIM_CLI_WORKERS_H_

#include <cstddef>
#include <functional>

namespace nptsim::cli {

// Memory that a point is done with stays the process's, for the next one: machines come and go by
// the thousand, and giving pages back to the host and asking for them again takes a tenth of the
// time.
void keep_freed_memory();

// Calls `work(i)` for each i below `count`, in threads (`jobs`; 0: one for each processor), until
// all is done or an interrupt comes. `done` hears how many are finished, in the calling thread or
// another, never in two at once. What `work` throws is a bug of ours and ends the process.
void work_in_parallel(std::size_t count, unsigned jobs,
                      const std::function<void(std::size_t)>& work,
                      const std::function<void(std::size_t)>& done = {});

}  // namespace nptsim::cli

#endif  // NPTSIM_SIM_CLI_WORKERS_H_
