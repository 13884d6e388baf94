// How fast the whole machine is: fault rounds through the kernel's rules, scenarios, a cold start.
#include <benchmark/benchmark.h>

#include <cstdlib>
#include <memory>
#include <string>

#include "models/library.h"
#include "sim/arch/svm/vcpu.h"
#include "sim/machine/run.h"
#include "sim/scenario/build.h"
#include "sim/scenario/load.h"
#include "sim/scenario/matrix.h"

namespace nptsim {
namespace {

const std::string kLoad =
    "nptsim: 1\nname: pages\n"
    "machine: { cpu: milan, kernel: kvm-7.0, vmm: bare }\n"
    "memory: { ram: { gpa: 0, size: 64M } }\n"
    "map: [ { gva: 0x1000000, gpa: 0x1000000, size: 32M } ]\n"
    "program: { vcpu0: \"mov al, [rbx]\" }\n";

const std::string kSpin =
    "nptsim: 1\nname: spin\n"
    "machine: { cpu: milan, vm: sev-es-legacy, kernel: kvm-7.0, vmm: qemu, guest: ovmf }\n"
    "memory:\n"
    "  ram: { gpa: 0, size: 16M }\n"
    "  flash: { gpa: 0xffc00000, size: 4M, device: pflash, mode: romd, launch: plain }\n"
    "map: [ { gva: 0xffc00000, gpa: 0xffc00000, size: 4M, c_bit: 0, access: rw } ]\n"
    "program: { vcpu0: \"mov rbx, 0xffc00000\\n mov byte ptr [rbx], 0x40\" }\n";

scenario::Scenario point_of(const std::string& text) {
  auto loaded = scenario::load_text(text, "benchmark.yaml");
  if (!loaded) std::abort();
  auto points = scenario::expand(loaded.value().front());
  if (!points) std::abort();
  return points.value().front().scenario;
}

scenario::Built build_or_stop(const scenario::Scenario& point, models::Library& library) {
  auto built = scenario::build(point, library);
  if (!built) std::abort();
  return std::move(built).value();
}

// One round: the access faults (#NPF, not present), KVM's rules find the slot and the page, map it,
// and the access is done again. Then the vCPU is put before the load again, at the next page; when
// all pages are mapped another machine is built. With the TLB the instruction's own page is not
// walked again; without it every access is, as in a scenario that does not ask for one.
void npf_round(benchmark::State& state, const std::string& tlb) {
  models::Library library(".");
  constexpr unsigned kPages = 8000;
  const scenario::Scenario point = point_of(kLoad + "set: { cpu.tlb: " + tlb + " }\n");
  scenario::Built built;
  isa::Registers start;
  unsigned used = kPages;
  for (auto _ : state) {
    if (++used >= kPages) {
      state.PauseTiming();
      built = build_or_stop(point, library);
      start = svm::vcpu_record(built.machine->store(), 0).registers;
      used = 0;
      state.ResumeTiming();
    }
    isa::Registers& registers = svm::vcpu_record(built.machine->store(), 0).registers;
    registers.rip = start.rip;
    registers.gpr[isa::kRbx] = 0x1000000 + used * 4096;
    built.machine->step(0);  // mov: #NPF
    built.machine->step(0);  // the kernel, to the next VMRUN
    built.machine->step(0);  // mov again
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK_CAPTURE(npf_round, tlb, std::string("on"));
BENCHMARK_CAPTURE(npf_round, no_tlb, std::string("off"));

// Build and run, with the models loaded already: what a suite costs a scenario.
void scenario_run(benchmark::State& state) {
  models::Library library(".");
  const scenario::Scenario point = point_of(kSpin);
  build_or_stop(point, library);
  for (auto _ : state) {
    const scenario::Built built = build_or_stop(point, library);
    benchmark::DoNotOptimize(machine::run(*built.machine, {}));
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(scenario_run)->Unit(benchmark::kMicrosecond);

// From nothing: the models' YAML is read, checked and compiled first.
void cold_start(benchmark::State& state) {
  for (auto _ : state) {
    models::Library library(".");
    const scenario::Built built = build_or_stop(point_of(kSpin), library);
    benchmark::DoNotOptimize(machine::run(*built.machine, {}));
  }
}
BENCHMARK(cold_start)->Unit(benchmark::kMillisecond);

// What one comparison costs: the hash of a machine in which one step has changed something.
void hash_after_step(benchmark::State& state) {
  models::Library library(".");
  const scenario::Built built = build_or_stop(point_of(kSpin), library);
  built.machine->step(0);
  for (auto _ : state) {
    built.machine->step(0);
    benchmark::DoNotOptimize(built.machine->hash());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(state.iterations()));
}
BENCHMARK(hash_after_step);

}  // namespace
}  // namespace nptsim

BENCHMARK_MAIN();
