// Points of a sweep a second, in one thread and in two: one read of a hole over widths, C-bits,
// kernels and types of VM. A million of them is the figure that people ask for.
#include <benchmark/benchmark.h>

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

#include "models/library.h"
#include "sim/cli/point_run.h"
#include "sim/cli/points.h"
#include "sim/cli/sweep_axes.h"
#include "sim/cli/workers.h"
#include "sim/scenario/build.h"
#include "sim/scenario/large_matrix.h"

namespace nptsim {
namespace {

scenario::Scenario document() {
  const cli::Documents file = cli::load_documents("scenarios/maxphyaddr/mmio-entry.yaml");
  std::vector<scenario::Setting> axes;
  for (const char* axis :
       {"kernel=kvm-5.17,kvm-6.0,kvm-6.8,kvm-6.10,kvm-6.11,kvm-6.12,kvm-6.14,kvm-6.18,kvm-7.0",
        "vm=default,sev,sev-es,sev-es-legacy", "cpu.maxphyaddr=36..52", "cpu.reduction=0..15",
        "cpu.c_bit=32..51", "kernel.mmio_caching=on,off", "cpu.memory_encryption=on,off"}) {
    auto parsed = cli::parse_axis(axis);
    if (!parsed.ok()) std::abort();
    axes.push_back(std::move(parsed).value());
  }
  if (file.documents.empty()) std::abort();
  auto made = cli::with_axes(file.documents.front(), axes);
  if (!made.ok()) std::abort();
  return std::move(made).value();
}

// What all threads share, as in a sweep: the matrix, the models, and which point is next.
struct Shared {
  Shared() { cli::keep_freed_memory(); }

  models::Library library{"."};
  scenario::LargeMatrix matrix{document()};
  std::atomic<std::uint64_t> next = 0;
};
Shared& shared() {
  static Shared one;
  return one;
}

// A step that has no common factor with any axis, so that every part of the matrix is met.
constexpr std::uint64_t kStep = 7919;

void sweep_points(benchmark::State& state) {
  Shared& all = shared();
  const auto contradiction = [&all](const scenario::Scenario& one) {
    return scenario::contradiction(one, all.library);
  };
  std::int64_t ran = 0;
  for (auto _ : state) {
    auto point = all.matrix.at(all.next++ * kStep % all.matrix.size(), contradiction);
    if (!point.ok()) std::abort();
    if (!point.value().invalid.empty()) continue;  // listed, and not run
    cli::PointRunOptions how;
    how.max_steps = 1'000'000;
    how.hash = false;
    benchmark::DoNotOptimize(cli::run_point({"", std::move(point).value(), 0}, all.library, how));
    ++ran;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
  state.counters["ran"] = benchmark::Counter(static_cast<double>(ran), benchmark::Counter::kIsRate);
}
BENCHMARK(sweep_points)->UseRealTime()->Threads(1)->Threads(2)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace nptsim

BENCHMARK_MAIN();
