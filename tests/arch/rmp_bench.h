// An SNP host of 8 MByte of memory with entries, in a store of its own: for tests of the RMP.
#ifndef NPTSIM_TESTS_ARCH_RMP_BENCH_H_
#define NPTSIM_TESTS_ARCH_RMP_BENCH_H_

#include "sim/arch/svm/rmp_instructions.h"

namespace nptsim::svm {

struct RmpBench {
  static constexpr RmpTable kTable{0x1000000, 0x1000000 + RmpTable::kBookkeeping + 4 * 0x2000 - 1};
  static constexpr u32 kAsid = 5;

  Store store;
  arch::PhysicalMemory memory{store};
  Rmp rmp{kTable, memory};

  RmpEntry at(u64 spa) const { return rmp.own(HostPhysAddr(spa)); }
  void put(u64 spa, const RmpEntry& entry) const { rmp.write(HostPhysAddr(spa), entry); }

  // A page of guest kAsid, as it is when all is well.
  static RmpEntry guest_page(u64 gpa, RmpPageSize size = RmpPageSize::k4K) {
    RmpEntry entry;
    entry.assigned = entry.validated = true;
    entry.size = size;
    entry.gpa = GuestPhysAddr(gpa);
    entry.asid = kAsid;
    entry.permissions = {0x0f, 0, 0, 0};
    return entry;
  }

  static RmpAgentState host() { return {}; }
  static RmpAgentState guest(RmpAgent agent, u8 vmpl = 0) {
    RmpAgentState state;
    state.agent = agent;
    state.asid = kAsid;
    state.vmpl = vmpl;
    state.error = {.id_reported = true, .gmet = false, .enc_reported = true};
    return state;
  }
  static RmpExecutor host_executor() { return {}; }
  static RmpExecutor guest_executor(u8 vmpl = 0) {
    RmpExecutor by;
    by.agent = guest(RmpAgent::kSnpGuest, vmpl);
    return by;
  }
};

}  // namespace nptsim::svm

#endif  // NPTSIM_TESTS_ARCH_RMP_BENCH_H_
