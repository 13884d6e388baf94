#include "sim/cli/workers.h"

#include <malloc.h>

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

#include "sim/base/bug.h"
#include "sim/cli/interrupt.h"

namespace nptsim::cli {

void keep_freed_memory() {
  constexpr int kMost = 64 << 20, kLargest = 4 << 20;
  mallopt(M_TRIM_THRESHOLD, kMost);
  mallopt(M_MMAP_THRESHOLD, kLargest);
}

void work_in_parallel(std::size_t count, unsigned jobs,
                      const std::function<void(std::size_t)>& work,
                      const std::function<void(std::size_t)>& done) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::size_t finished = 0;
  const auto loop = [&] {
    try {
      for (std::size_t i = next++; i < count && !interrupted(); i = next++) {
        work(i);
        if (!done) continue;
        const std::lock_guard lock(mutex);
        done(++finished);
      }
    } catch (const std::exception& error) {
      NPTSIM_BUG(error.what());
    }
  };
  const std::size_t wanted = jobs != 0 ? jobs : std::max(1u, std::thread::hardware_concurrency());
  std::vector<std::thread> threads;
  for (std::size_t i = 1; i < std::min(wanted, count); ++i) threads.emplace_back(loop);
  loop();
  for (std::thread& thread : threads) thread.join();
}

}  // namespace nptsim::cli
