// How fast text of a trace is read, and how fast events are aligned with the model's.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "sim/trace/align.h"
#include "sim/trace/read_view.h"
#include "sim/trace/text_trace.h"

namespace nptsim::trace {
namespace {

const View& view() {
  static const View kView = [] {
    auto view = load_view({".", "kvm-6.8"});
    if (!view.ok()) std::abort();
    return std::move(view).value();
  }();
  return kView;
}

// What a host prints of a guest that spins: an exit, a fault, an entry; now and then another
// tracepoint and a line of the log.
std::string text_of(std::size_t rounds) {
  std::string text;
  for (std::size_t i = 0; i < rounds; ++i) {
    text +=
        "       CPU 0/KVM-1234  [001] 324797.313982: kvm_exit:             vcpu 0 reason npf rip "
        "0xffffffff81234567 info1 0x0000000100000007 info2 0x00000000ffc00000 intr_info 0x00000000 "
        "error_code 0x00000000\n"
        "       CPU 0/KVM-1234  [001] 324797.313983: kvm_page_fault:       vcpu 0 rip "
        "0xffffffff81234567 address 0x00000000ffc00000 error_code 0x100000007\n"
        "       CPU 0/KVM-1234  [001] 324797.313984: kvm_entry:            vcpu 0, rip "
        "0xffffffff81234567\n";
    if (i % 16 == 0) text += "  migration/1-20 [001] 324797.313985: sched_switch: prev_comm=x\n";
  }
  return text;
}

void read_lines(benchmark::State& state) {
  const std::string text = text_of(4096);
  std::uint64_t lines = 0;
  for (auto round : state) {
    TextTrace trace(view(), [](const Seen& seen, const SeenAt&) {
      benchmark::DoNotOptimize(&seen);
      return true;
    });
    trace.feed(text);
    lines += trace.counts().lines;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(lines));
  state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * text.size()));
}
BENCHMARK(read_lines);

void align_events(benchmark::State& state) {
  const std::string text = text_of(2);
  std::vector<Seen> round;
  TextTrace trace(view(), [&](const Seen& seen, const SeenAt&) {
    round.push_back(seen);
    return true;
  });
  trace.feed(text);
  Stream stream;
  for (const Seen& seen : round) stream.push_back({seen, 0, "", "", {}, true});
  std::uint64_t events = 0;
  for (auto turn : state) {
    Aligner aligner(view(), stream, std::size_t{0}, {state.range(0) != 0, true});
    for (unsigned i = 0; i < 1000; ++i) {
      for (const Seen& seen : round) aligner.take(seen);
    }
    if (aligner.parting()) std::abort();
    events += aligner.counts().events;
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(events));
}
BENCHMARK(align_events)->Arg(0)->Arg(1);

}  // namespace
}  // namespace nptsim::trace

BENCHMARK_MAIN();
