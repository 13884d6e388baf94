// How fast the processor model is: full walks, TLB hits, instructions, oracle rows.
#include <benchmark/benchmark.h>

#include "tests/arch/guest_builder.h"

namespace nptsim::svm {
namespace {

// 512 pages all over a guest's address space.
struct Walks {
  Store store;
  CpuProfile profile = plain_profile();
  EntryRuleSets rules{profile};
  std::vector<GuestVirtAddr> addresses;

  Walks() {
    GuestBuilder guest(store, 0);
    std::mt19937_64 random(1);
    for (unsigned i = 0; i < 512; ++i) {
      const u64 gva = (i / 64) * (1ull << 39) + (random() & 63) * kSize2M + (random() & 511) * kPageSize;
      guest.map(gva, 0x8000000000 + i * 7 * kPageSize);
      addresses.emplace_back(gva + (random() & 0xff8));
    }
  }
};

void full_walk(benchmark::State& state) {
  Walks walks;
  arch::PhysicalMemory memory =
      state.range(0) ? arch::PhysicalMemory(walks.store, 1) : arch::PhysicalMemory(walks.store);
  const WalkContext context =
      make_walk_context(walks.profile, walks.rules, vcpu_record(walks.store, 0));
  Translation result;
  Failure failure;
  u64 i = 0;
  for (auto _ : state) {
    if (!translate(context, memory, walks.addresses[i++ & 511], {}, NullObserver{}, result, failure)) {
      state.SkipWithError("a walk failed");
      break;
    }
    benchmark::DoNotOptimize(result);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(full_walk)->ArgName("keyed")->Arg(0)->Arg(1);

}  // namespace
}  // namespace nptsim::svm

BENCHMARK_MAIN();
