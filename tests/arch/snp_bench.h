// A guest on a host with SEV-SNP on: every page that it has is its own and validated.
#ifndef NPTSIM_TESTS_ARCH_SNP_BENCH_H_
#define NPTSIM_TESTS_ARCH_SNP_BENCH_H_

#include "sim/arch/svm/rmp_instructions.h"
#include "tests/arch/vcpu_bench.h"

namespace nptsim::svm {

inline CpuProfile snp_profile() {
  CpuProfile p = milan_profile();
  p.secure_nested_paging = true;
  return p;
}

struct SnpBench : VcpuBench {
  explicit SnpBench(GuestType type = GuestType::kSnp, CpuProfile p = snp_profile())
      : VcpuBench(std::move(p), type) {
    gate(29, kHandlerVa);
    if (type != GuestType::kSnp) return;
    for (u64 gpa : {kCodeGpa, kCodeGpa + kPageSize, kDataGpa, kIdtGpa, kStackGpa, kGdtGpa})
      give(gpa);
    const u64 tables = v().registers.cr3;
    for (u64 n = 0; n < 16 && guest.spa_of(tables + n * kPageSize) >= kPageSize; ++n) {
      give(tables + n * kPageSize);
    }
  }

  arch::PhysicalMemory snp_memory{store, 1};
  Rmp rmp{profile.rmp, snp_memory};

  HostPhysAddr spa(u64 gpa) { return HostPhysAddr(guest.spa_of(gpa)); }
  RmpEntry entry(u64 gpa) { return rmp.own(spa(gpa)); }
  void put(u64 gpa, const RmpEntry& e) { rmp.write(spa(gpa), e); }
  void give(u64 gpa) { put(gpa, guest_page(gpa)); }
  RmpEntry guest_page(u64 gpa) {
    RmpEntry e;
    e.assigned = e.validated = true;
    e.gpa = GuestPhysAddr(gpa);
    e.asid = static_cast<u32>(v().control.asid);
    e.permissions = {0x0f, 0, 0, 0};
    return e;
  }
  // The guest maps its data with C=0.
  void share_data() {
    const u64 leaf = guest_leaf(kDataVa);
    set(leaf, get(leaf, key()) & ~bit(51), key());
  }
  void load() { code({0x48, 0x8b, 0x03}); }      // mov rax, [rbx]
  void store_it() { code({0x48, 0x89, 0x03}); }  // mov [rbx], rax
};

}  // namespace nptsim::svm

#endif  // NPTSIM_TESTS_ARCH_SNP_BENCH_H_
