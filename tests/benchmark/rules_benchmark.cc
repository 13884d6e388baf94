// How fast the rules decide, and how long a model takes to be checked.
#include <benchmark/benchmark.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "sim/rules/check.h"
#include "sim/rules/compile.h"
#include "sim/rules/read_model.h"
#include "sim/rules/run.h"
#include "sim/yaml/load.h"

namespace nptsim::rules {
namespace {

constexpr unsigned kFacts = 8;

struct Bench : Context {
  Bench() : Context(false) {}
  std::array<unsigned, kFacts> facts{};
  std::uint64_t acts = 0;
};

template <unsigned number>
unsigned fact_number(const Bench& bench) {
  return bench.facts[number];
}
ActionResult act(Bench& bench, const Args&) {
  ++bench.acts;
  return ActionResult::done();
}

template <unsigned number>
void add_fact(Vocabulary& vocabulary) {
  FactDef def;
  def.name = "f" + std::to_string(number);
  def.values = {"a", "b", "c", "d"};
  def.compute = fact_of<Bench, fact_number<number>>;
  def.fixed = true;
  vocabulary.add(std::move(def));
  if constexpr (number + 1 < kFacts) add_fact<number + 1>(vocabulary);
}

const Vocabulary& vocabulary() {
  static const Vocabulary instance = [] {
    Vocabulary v;
    add_fact<0>(v);
    ActionDef action;
    action.name = "act";
    action.open = action.sealed = action_of<Bench, act>;
    v.add(action);
    return v;
  }();
  return instance;
}

// A table like those of KVM: eight rows over eight facts, the last takes the rest.
std::string table(const std::string& name) {
  std::string text = "  " + name + ":\n";
  for (unsigned i = 0; i + 1 < kFacts; ++i) {
    const std::string n = std::to_string(i);
    text += "    - { id: " + name + "." + n + ", when: { f" + n + ": [b, c], f" +
            std::to_string(i + 1) + ": { not: d } }, then: r" + n +
            ", source: bench, evidence: code }\n";
  }
  return text + "    - { id: " + name + ".rest, then: rest, source: bench, evidence: code }\n";
}

std::string model(unsigned stages) {
  std::string text = "kernel: bench\nstages:\n";
  for (unsigned i = 0; i < stages; ++i) text += table("s" + std::to_string(i));
  text += "procedures:\n";
  for (unsigned i = 0; i < stages; ++i) {
    const std::string s = "s" + std::to_string(i);
    const std::string p = "p" + std::to_string(i);
    text += "  " + p + ":\n    - { id: " + p + ".decide, decide: " + s +
            ", source: b, evidence: code }\n";
    for (unsigned r = 0; r < 5; ++r) {
      const std::string n = std::to_string(r);
      text += "    - { id: " + p + "." + n + ", when: { " + s + ": r" + n + ", f" + n +
              ": b }, do: act, source: b, evidence: code }\n";
    }
    if (i + 1 < stages) {
      text += "    - { id: " + p + ".next, when: { result: rest }, call: p" +
              std::to_string(i + 1) + ", source: b, evidence: code }\n";
    }
    text += "    - { id: " + p + ".out, return: result, source: b, evidence: code }\n";
  }
  return text;
}

[[noreturn]] void stop(const Diagnostics& diagnostics) {
  for (const Diagnostic& d : diagnostics) std::fprintf(stderr, "%s\n", to_string(d).c_str());
  std::exit(1);
}

Model read(unsigned stages) {
  const LoadFile load = [&](const std::string& path) {
    return yaml::shared(yaml::load_text(model(stages), path));
  };
  auto read = load_model("bench.yaml", {}, load);
  if (!read.ok()) stop(read.error());
  return std::move(read).value();
}

const Program& program() {
  static const Program instance = [] {
    const auto checked = check(read(1), vocabulary());
    if (!checked.ok()) stop(checked.error());
    WordTable words;
    auto compiled = compile(checked.value(), {}, words);
    if (!compiled.ok()) stop(compiled.error());
    return std::move(compiled).value();
  }();
  return instance;
}

// Situations that differ from one decision to the next, so that no branch is learned by heart.
std::array<Bench, 256> situations() {
  std::array<Bench, 256> all;
  std::uint64_t seed = 1;
  for (Bench& bench : all) {
    for (unsigned& fact : bench.facts) {
      seed = seed * 6364136223846793005ull + 1442695040888963407ull;
      fact = static_cast<unsigned>(seed >> 62);
    }
  }
  return all;
}

void decide_with_known_bits(benchmark::State& state) {
  const auto all = situations();
  std::array<std::uint64_t, 256> bits{};
  for (unsigned i = 0; i < 256; ++i) bits[i] = situation_bits(program(), 0, nullptr, all[i]);
  unsigned i = 0;
  for (auto _ : state) benchmark::DoNotOptimize(decide_known(program(), 0, bits[++i & 255]));
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decide_with_known_bits);

// The situation a spin sees again and again.
void decide_the_same_again(benchmark::State& state) {
  const auto all = situations();
  std::uint64_t bits = situation_bits(program(), 0, nullptr, all[3]);
  for (auto _ : state) {
    benchmark::DoNotOptimize(bits);
    benchmark::DoNotOptimize(decide_known(program(), 0, bits));
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decide_the_same_again);

void decide_computing_facts(benchmark::State& state) {
  const auto all = situations();
  unsigned i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(decide(program(), 0, nullptr, all[++i & 255]).row);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(decide_computing_facts);

// A decision, five conditional rows and a return, in a frame.
void run_a_procedure(benchmark::State& state) {
  auto all = situations();
  unsigned i = 0;
  for (auto _ : state) {
    FrameWords frame = begin(program(), 0);
    benchmark::DoNotOptimize(run(program(), frame, all[++i & 255]).answer.word);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(run_a_procedure);

void run_a_procedure_aloud(benchmark::State& state) {
  auto all = situations();
  Listener silent;
  unsigned i = 0;
  for (auto _ : state) {
    FrameWords frame = begin(program(), 0);
    benchmark::DoNotOptimize(run(program(), frame, all[++i & 255], &silent).answer.word);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(run_a_procedure_aloud);

void read_a_model(benchmark::State& state) {
  for (auto _ : state) {
    benchmark::DoNotOptimize(read(static_cast<unsigned>(state.range(0))).stages.size());
  }
}
BENCHMARK(read_a_model)->Arg(40)->Unit(benchmark::kMillisecond);

void check_a_model(benchmark::State& state) {
  const Model m = read(static_cast<unsigned>(state.range(0)));
  for (auto _ : state) {
    const auto checked = check(m, vocabulary());
    if (!checked.ok()) stop(checked.error());
  }
}
BENCHMARK(check_a_model)->Arg(40)->Unit(benchmark::kMillisecond);

void compile_a_model(benchmark::State& state) {
  const auto checked = check(read(static_cast<unsigned>(state.range(0))), vocabulary());
  if (!checked.ok()) stop(checked.error());
  for (auto _ : state) {
    WordTable words;
    benchmark::DoNotOptimize(compile(checked.value(), {}, words).ok());
  }
}
BENCHMARK(compile_a_model)->Arg(40)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace nptsim::rules

BENCHMARK_MAIN();
