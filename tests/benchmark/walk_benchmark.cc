// How fast the processor model is: full walks, TLB hits, instructions, oracle rows.
#include <benchmark/benchmark.h>

#include "sim/arch/svm/cpu.h"
#include "sim/arch/svm/guest_port.h"
#include "sim/arch/svm/rmp_instructions.h"
#include "tests/arch/guest_builder.h"
#include "tests/oracle/machine.h"
#include "tests/oracle/row.h"

namespace nptsim::svm {
namespace {

// Milan's widths; the host has SNP on or not. No key: what is measured is who asks whom.
CpuProfile snp_profile(bool on) {
  CpuProfile p = plain_profile();
  p.reduction = 5, p.c_bit = 51, p.memory_encryption = true, p.vmpls = 4;
  p.features.sev = p.features.sev_es = p.features.snp = true;
  p.secure_nested_paging = on;
  return p;
}

// 512 pages all over a guest's address space.
struct Walks {
  Store store;
  CpuProfile profile;
  EntryRuleSets rules{profile};
  std::vector<GuestVirtAddr> addresses;
  std::vector<std::pair<u64, u64>> pages;  // gpa, spa
  u64 tables = 0;

  explicit Walks(CpuProfile p = plain_profile(), u64 c_bit = 0) : profile(std::move(p)) {
    GuestBuilder guest(store, 0);
    tables = guest.record().registers.cr3;
    std::mt19937_64 random(1);
    for (unsigned i = 0; i < 512; ++i) {
      const u64 gva =
          (i / 64) * (1ull << 39) + (random() & 63) * kSize2M + (random() & 511) * kPageSize;
      const u64 gpa = 0x8000000000 + i * 7 * kPageSize;
      pages.emplace_back(gpa, guest.map(gva, gpa, kGoodLeaf | c_bit));
      addresses.emplace_back(gva + (random() & 0xff8));
    }
    for (u64 gpa = tables; guest.spa_of(gpa) >= kPageSize; gpa += kPageSize) {
      pages.emplace_back(gpa, guest.spa_of(gpa));
    }
  }

  // Every page is the guest's, and validated.
  void give_all(arch::PhysicalMemory& memory) {
    const Rmp rmp(profile.rmp, memory);
    for (const auto& [gpa, spa] : pages) {
      RmpEntry entry;
      entry.assigned = entry.validated = true;
      entry.gpa = GuestPhysAddr(gpa), entry.asid = 1, entry.permissions = {0x0f, 0, 0, 0};
      rmp.write(HostPhysAddr(spa), entry);
    }
  }
};

void walk_all(benchmark::State& state, Walks& walks, arch::PhysicalMemory& memory) {
  const WalkContext context =
      make_walk_context(walks.profile, walks.rules, vcpu_record(walks.store, 0));
  Translation result;
  Failure failure;
  u64 i = 0;
  for (auto _ : state) {
    if (!translate(context, memory, walks.addresses[i++ & 511], {}, NullObserver{}, result,
                   failure)) {
      state.SkipWithError("a walk failed");
      break;
    }
    benchmark::DoNotOptimize(result);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}

void full_walk(benchmark::State& state) {
  Walks walks;
  arch::PhysicalMemory memory =
      state.range(0) ? arch::PhysicalMemory(walks.store, 1) : arch::PhysicalMemory(walks.store);
  walk_all(state, walks, memory);
}
BENCHMARK(full_walk)->ArgName("keyed")->Arg(0)->Arg(1);

// The same with memory encryption and private pages: of an SEV-ES guest, and of an SNP guest, where
// the RMP is asked about each table and the final page.
void private_walk(benchmark::State& state) {
  const bool snp = state.range(0) != 0;
  Walks walks(snp_profile(snp), bit(51));
  arch::PhysicalMemory memory(walks.store, 1);
  vcpu_record(walks.store, 0).control.guest_type =
      static_cast<u64>(snp ? GuestType::kSnp : GuestType::kSevEs);
  walks.give_all(memory);
  walk_all(state, walks, memory);
}
BENCHMARK(private_walk)->ArgName("snp")->Arg(0)->Arg(1);

// RMP instructions on 512 pages: each page is given away, taken back.
void rmpupdates(benchmark::State& state) {
  Store store;
  arch::PhysicalMemory memory(store);
  const CpuProfile profile = snp_profile(true);
  const Rmp rmp(profile.rmp, memory);
  RmpExecutor host;
  u64 i = 0;
  for (auto _ : state) {
    const HostPhysAddr spa(0x40000000 + (i & 511) * kPageSize);
    const bool give = (i++ & 512) == 0;
    const RmpOperand op =
        rmp_operand({.gpa = GuestPhysAddr(spa.value), .assigned = give, .asid = give ? 1u : 0u});
    benchmark::DoNotOptimize(rmpupdate(rmp, host, spa, op));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(rmpupdates);

// Loads through a TLB that has all of their pages.
void tlb_hit(benchmark::State& state) {
  Walks walks;
  arch::PhysicalMemory memory(walks.store);
  VcpuRecord& v = vcpu_record(walks.store, 0);
  v.tlb.enabled = 1;
  const WalkContext context = make_walk_context(walks.profile, walks.rules, v);
  GuestPort port(memory, 0, v, context, nullptr);
  u64 i = 0, data = 0;
  for (auto _ : state) {
    port.load(walks.addresses[i++ & 15].page_base(), &data, 8, isa::Privilege::kCurrent);
    benchmark::DoNotOptimize(data);
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(tlb_hit);

// A loop of a load, an addition, a store, a decrement and a jump.
void instructions(benchmark::State& state) {
  Store store;
  GuestBuilder guest(store, 0);
  const u64 code = guest.map(0x400000, 0x100000);
  guest.map(0x500000, 0x101000);
  // mov rax, [rbx]; add rax, rcx; mov [rbx], rax; dec rcx; jmp back
  const u8 bytes[] = {0x48, 0x8b, 0x03, 0x48, 0x01, 0xc8, 0x48,
                      0x89, 0x03, 0x48, 0xff, 0xc9, 0xeb, 0xf2};
  arch::PhysicalMemory memory(store);
  memory.write_bytes(HostPhysAddr(code), bytes, sizeof bytes, arch::kNoKey);
  VcpuRecord& v = guest.record();
  v.registers.gpr[isa::kRbx] = 0x500000;
  v.tlb.enabled = static_cast<u64>(state.range(0));
  const CpuProfile profile = plain_profile();
  Cpu cpu(profile);
  const Cpu::Place place{memory, 0, nullptr};
  for (auto _ : state) {
    const Attempt attempt = cpu.attempt_instruction(place);
    if (attempt.kind != AttemptKind::kRetired) {
      state.SkipWithError("an instruction did not retire");
      break;
    }
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(instructions)->ArgName("tlb")->Arg(0)->Arg(1);

void oracle_rows(benchmark::State& state) {
  const auto file = oracle::read_file("tests/oracle/npt-consensus.csv.gz");
  if (!file) {
    state.SkipWithError("run it from the project's folder");
    return;
  }
  oracle::Machine machine;
  u64 i = 0;
  for (auto _ : state) {
    benchmark::DoNotOptimize(machine.run(file.value().rows[i++ % file.value().rows.size()]));
  }
  state.SetItemsProcessed(static_cast<int64_t>(state.iterations()));
}
BENCHMARK(oracle_rows);

}  // namespace
}  // namespace nptsim::svm

BENCHMARK_MAIN();
