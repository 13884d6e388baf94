// The TLB: with proper flushes nobody can tell that it is there, without them it is stale.
#include <doctest/doctest.h>

#include "tests/arch/vcpu_bench.h"

namespace nptsim::svm {
namespace {

using arch::kNoKey;

u64 gpa_of(u64 gva) {
  switch (gva) {
    case kCodeVa:
      return kCodeGpa;
    case kHandlerVa:
      return kCodeGpa + 0x1000;
    case kDataVa:
      return kDataGpa;
    case kIdtVa:
      return kIdtGpa;
    case kStackVa:
      return kStackGpa;
    default:
      return kGdtGpa;
  }
}

u64 load(VcpuBench& b, u64 gva, Attempt& a) {
  u64 data = 0;
  a = b.cpu.attempt_access(b.place(), {AccessKind::kRead, GuestVirtAddr(gva), 8}, &data);
  return data;
}

TEST_CASE("a stale entry answers until a flush") {
  VcpuBench b(plain_profile());
  b.v().tlb.enabled = 1;
  b.set_data(1, kNoKey);
  Attempt a;
  CHECK(load(b, kDataVa, a) == 1);
  b.set_nested(kDataGpa, kEntryP, 0);
  CHECK(load(b, kDataVa, a) == 1);
  SUBCASE("INVLPG") {
    b.code({0x0f, 0x01, 0x3b});  // invlpg [rbx]
    CHECK(b.step().kind == AttemptKind::kRetired);
  }
  SUBCASE("MOV CR3") {
    b.code({0x0f, 0x22, 0xd8});  // mov cr3, rax
    b.v().registers.gpr[isa::kRax] = b.v().registers.cr3;
    CHECK(b.step().kind == AttemptKind::kRetired);
  }
  SUBCASE("TLB_CONTROL: all") { b.v().control.tlb_control = 1, b.cpu.vmrun(b.place()); }
  SUBCASE("TLB_CONTROL: this ASID") { b.v().control.tlb_control = 3, b.cpu.vmrun(b.place()); }
  SUBCASE("TLB_CONTROL: this ASID, not global") {
    b.v().control.tlb_control = 7, b.cpu.vmrun(b.place());
  }
  SUBCASE("another ASID") { b.v().control.asid = 2; }
  load(b, kDataVa, a);
  CHECK(a.exit_code == 0x400);
}

TEST_CASE("a right that was added is seen at once, one that was taken away is not") {
  VcpuBench b(plain_profile());
  b.v().tlb.enabled = 1;
  Attempt a;
  b.set_nested(kDataGpa, kEntryRw, 0);
  load(b, kDataVa, a);
  u64 data = 5;
  const GuestAccess store{AccessKind::kWrite, GuestVirtAddr(kDataVa), 8};
  CHECK(b.cpu.attempt_access(b.place(), store, &data).exit_code == 0x400);
  b.set_nested(kDataGpa, 0, kEntryRw);
  CHECK(b.cpu.attempt_access(b.place(), store, &data).kind == AttemptKind::kRetired);
  b.set_nested(kDataGpa, kEntryRw, 0);
  CHECK(b.cpu.attempt_access(b.place(), store, &data).kind == AttemptKind::kRetired);
}

TEST_CASE("a write through an entry that a read made sets D first") {
  VcpuBench b(plain_profile());
  b.v().tlb.enabled = 1;
  b.set(b.guest_leaf(kDataVa), kDataGpa | kGoodTable, kNoKey);
  Attempt a;
  load(b, kDataVa, a);
  CHECK((b.get(b.guest_leaf(kDataVa), kNoKey) & kEntryD) == 0);
  u64 data = 5;
  b.cpu.attempt_access(b.place(), {AccessKind::kWrite, GuestVirtAddr(kDataVa), 8}, &data);
  CHECK((b.get(b.guest_leaf(kDataVa), kNoKey) & kEntryD) != 0);
}

TEST_CASE("global entries survive MOV CR3 while CR4.PGE is set") {
  VcpuBench b(plain_profile());
  b.v().tlb.enabled = 1;
  b.v().registers.cr4 |= bit(7);
  b.set(b.guest_leaf(kDataVa), kDataGpa | kGoodLeaf | kEntryG, kNoKey);
  Attempt a;
  load(b, kDataVa, a);
  b.set_nested(kDataGpa, kEntryP, 0);
  b.code({0x0f, 0x22, 0xd8});
  b.v().registers.gpr[isa::kRax] = b.v().registers.cr3;
  CHECK(b.step().kind == AttemptKind::kRetired);
  load(b, kDataVa, a);
  CHECK(a.kind == AttemptKind::kRetired);
}

// Random accesses and changes, each change with its flush.
TEST_CASE("with flushes the TLB cannot be told from none") {
  VcpuBench with(milan_profile(), GuestType::kSev), without(milan_profile(), GuestType::kSev);
  with.v().tlb.enabled = 1;
  std::mt19937_64 random(4);
  const u64 pages[] = {kCodeVa, kHandlerVa, kDataVa, kIdtVa, kStackVa, kGdtVa};
  for (unsigned i = 0; i < 20000; ++i) {
    const u64 page = pages[random() % 6];
    if (random() % 8 == 0) {
      constexpr unsigned kBits[] = {0, 1, 2, 5, 6, 63};
      const u64 flip = bit(kBits[random() % 6]);
      const bool nested = random() % 2;
      for (VcpuBench* b : {&with, &without}) {
        const arch::KeyId key = nested ? kNoKey : b->key();
        const u64 gpa = gpa_of(page);
        const u64 at = nested ? b->nested_leaf(gpa) : b->guest_leaf(page);
        b->set(at, b->get(at, key) ^ flip, key);
        b->v().control.tlb_control = 3;
        b->cpu.vmrun(b->place());
      }
    }
    const GuestAccess access{static_cast<AccessKind>(random() % 3),
                             GuestVirtAddr(page + (random() & 0xff8)), 8};
    if (access.kind == AccessKind::kWrite && (page == kGdtVa || page == kIdtVa)) continue;
    u64 one = i, two = i;
    for (VcpuBench* b : {&with, &without}) {
      b->v().registers.cpl = i & 3 ? 0 : 3;
      set_intercept(b->v().control, exit_code::kException0 + 14);
    }
    const Attempt a = with.cpu.attempt_access(with.place(), access, &one);
    const Attempt b = without.cpu.attempt_access(without.place(), access, &two);
    REQUIRE(a.kind == b.kind);
    REQUIRE(one == two);
    REQUIRE(with.v().exit == without.v().exit);
  }
}

}  // namespace
}  // namespace nptsim::svm
