// SEV-SNP in the walk: what the RMP says of a page is what the guest, or its host, gets.
#include <doctest/doctest.h>

#include <array>
#include <string>

#include "sim/arch/svm/tlb.h"
#include "tests/arch/snp_bench.h"

namespace nptsim::svm {
namespace {

void check_npf(SnpBench& b, const Attempt& a, u64 info_1, u64 info_2) {
  REQUIRE(a.kind == AttemptKind::kExit);
  CHECK(b.v().exit.exit_code == 0x400);
  CHECK(b.v().exit.exit_info_1 == info_1);
  CHECK(b.v().exit.exit_info_2 == info_2);
  CHECK(b.v().exit.insn_count == 0);
  CHECK(b.v().registers.rip == kCodeVa);
}

void check_vc(SnpBench& b, const Attempt& a, u64 error, u64 cr2) {
  REQUIRE(a.kind == AttemptKind::kDelivered);
  CHECK(a.event.vector == 29);
  CHECK(a.event.error_code == error);
  CHECK(b.v().registers.cr2 == cr2);
  CHECK(b.v().exit == ExitRecord{});
}

// One thing wrong with a page.
enum class Wrong { kNothing, kFree, kOther, kElsewhere, kImmutable, kLarge, kInvalid, kRights };
constexpr const char* kNames[] = {"nothing",   "free",  "other",   "gpa",
                                  "immutable", "large", "invalid", "rights"};
constexpr unsigned kWrongs = 8;

void spoil(SnpBench& b, u64 gpa, Wrong wrong) {
  RmpEntry e = b.guest_page(gpa);
  if (wrong == Wrong::kFree) e = RmpEntry{};
  if (wrong == Wrong::kOther) e.asid = 7;
  if (wrong == Wrong::kElsewhere) e.gpa = GuestPhysAddr(gpa + kPageSize);
  if (wrong == Wrong::kImmutable) e.immutable = true;
  if (wrong == Wrong::kInvalid) e.validated = false;
  if (wrong == Wrong::kRights) e.permissions[0] = 0;
  if (wrong != Wrong::kLarge) return b.put(gpa, e);
  e.size = RmpPageSize::k2M;
  e.gpa = GuestPhysAddr(gpa).align_down(kSize2M);
  b.rmp.write(b.spa(gpa).align_down(kSize2M), e);
}

// What EXITINFO1 has besides: nothing for #VC.
u64 extra_bits(Wrong wrong) {
  if (wrong == Wrong::kInvalid) return 0;
  return kErrorRmp | (wrong == Wrong::kRights ? kErrorVmpl : 0);
}

TEST_CASE("a private access: each check of the RMP with its code, for reads and writes") {
  for (unsigned n = 0; n < kWrongs; ++n) {
    for (const bool write : {false, true}) {
      const auto wrong = static_cast<Wrong>(n);
      CAPTURE(std::string(kNames[n]));
      CAPTURE(write);
      SnpBench b;
      // Apart from the other pages, so that a large entry is about this one alone.
      b.guest.map_nested(kDataGpa, 0x40000000);
      spoil(b, kDataGpa, wrong);
      write ? b.store_it() : b.load();
      const Attempt a = b.step();
      if (wrong == Wrong::kNothing) {
        CHECK(a.kind == AttemptKind::kRetired);
      } else if (wrong == Wrong::kInvalid) {
        check_vc(b, a, 0x404, kDataVa);
        CHECK(a.rule == RuleId::kRmpValidated);
      } else {
        check_npf(b, a, 0x500000005 | (write ? 2 : 0) | extra_bits(wrong), kDataGpa);
      }
    }
  }
}

TEST_CASE("a fetch: the page of the code, the right of the privilege level") {
  for (unsigned n = 1; n < kWrongs; ++n) {
    const auto wrong = static_cast<Wrong>(n);
    CAPTURE(std::string(kNames[n]));
    SnpBench b;
    const u64 bytes = b.guest.spa_of(kCodeGpa);
    b.guest.map_nested(kCodeGpa, 0x40000000);
    for (u64 at = 0; at < 64; at += 8) {
      b.set(0x40000000 + at, b.get(bytes + at, b.key()), b.key());
    }
    spoil(b, kCodeGpa, wrong);
    b.v().registers.rip = kCodeVa;
    const Attempt a = b.step();
    if (wrong == Wrong::kInvalid) {
      check_vc(b, a, 0x404, kCodeVa);
    } else {
      check_npf(b, a, 0x500000015 | extra_bits(wrong), kCodeGpa);
    }
  }
}

TEST_CASE("a guest table: every entry is read through the RMP, as a private access") {
  for (unsigned n = 1; n < kWrongs; ++n) {
    const auto wrong = static_cast<Wrong>(n);
    if (wrong == Wrong::kLarge) continue;  // would be about all tables
    CAPTURE(std::string(kNames[n]));
    SnpBench b;
    // A table that only this page needs, so that the handler of #VC can still run.
    b.v().registers.gpr[isa::kRbx] = 0x10000000000;
    const u64 tables = b.v().registers.cr3;
    u64 last = tables;
    while (b.guest.spa_of(last + kPageSize) >= kPageSize) last += kPageSize;
    const u64 root = b.spa(tables).value;
    // PML4 entry 2 leads to a table of its own, which is spoilt.
    const u64 own = last + kPageSize;
    b.guest.map_nested(own, b.guest.new_page());
    b.set(root + 8 * 2, own | kGoodTable, b.key());
    b.give(own);
    spoil(b, own, wrong);
    b.load();
    const Attempt a = b.step();
    if (wrong == Wrong::kInvalid) {
      check_vc(b, a, 0x404, 0x10000000000);
    } else {
      check_npf(b, a, 0x600000007 | extra_bits(wrong), own);
    }
  }
}

TEST_CASE("an accessed bit needs the table writable for the VMPL") {
  SnpBench b;
  b.v().state.vmpl = 1;
  const u64 tables = b.v().registers.cr3;
  for (u64 gpa : {kCodeGpa, kCodeGpa + kPageSize, kDataGpa, kIdtGpa, kStackGpa, kGdtGpa}) {
    RmpEntry e = b.guest_page(gpa);
    e.permissions[1] = 0x0f;
    b.put(gpa, e);
  }
  u64 leaf_table = 0;
  for (u64 gpa = tables; b.guest.spa_of(gpa) >= kPageSize; gpa += kPageSize) {
    RmpEntry e = b.guest_page(gpa);
    e.permissions[1] = kVmplRead;
    b.put(gpa, e);
    if (b.spa(gpa) == HostPhysAddr(b.guest_leaf(kDataVa)).page_base()) leaf_table = gpa;
  }
  REQUIRE(leaf_table != 0);
  b.load();
  CHECK(b.step().kind == AttemptKind::kRetired);
  b.set(b.guest_leaf(kDataVa), b.get(b.guest_leaf(kDataVa), b.key()) & ~kEntryA, b.key());
  b.load();
  const u64 at = leaf_table + 8 * (kDataVa >> 12 & 511);
  check_npf(b, b.step(), 0x1680000007, at & ~7ull);
}

TEST_CASE("shared accesses: reads are not checked, writes need a page of the hypervisor's") {
  SnpBench b;
  b.share_data();
  b.load();
  CHECK(b.step().kind == AttemptKind::kRetired);  // ciphertext, no fault
  b.store_it();
  check_npf(b, b.step(), 0x180000007, kDataGpa);
  b.put(kDataGpa, {});
  b.store_it();
  CHECK(b.step().kind == AttemptKind::kRetired);
}

TEST_CASE("guests without SNP on the same host: writes and tables need the hypervisor's pages") {
  for (const GuestType type : {GuestType::kPlain, GuestType::kSev, GuestType::kSevEs}) {
    CAPTURE(static_cast<u64>(type));
    const u64 enc = type == GuestType::kPlain ? 0 : kErrorEnc;
    SnpBench b(type);
    b.load();
    CHECK(b.step().kind == AttemptKind::kRetired);
    RmpEntry other = b.guest_page(kDataGpa);
    other.asid = 9;
    b.put(kDataGpa, other);
    b.load();
    CHECK(b.step().kind == AttemptKind::kRetired);  // reads are not checked
    b.store_it();
    Attempt a = b.step();
    CHECK(a.exit_code == 0x400);
    CHECK(b.v().exit.exit_info_1 == (0x180000007 | enc));
    CHECK(a.rule == RuleId::kRmpHvOwned);
    b.put(kDataGpa, {});
    const u64 root = b.v().registers.cr3;
    b.put(root, other);
    b.store_it();
    a = b.step();
    CHECK(b.v().exit.exit_info_1 == (0x280000007 | enc));
    CHECK(b.v().exit.exit_info_2 == (root & ~kPageMask));
  }
}

TEST_CASE("a nested table that is not the hypervisor's cannot take an accessed bit") {
  SnpBench b;
  const u64 leaf = b.nested_leaf(kDataGpa);
  b.set_nested(kDataGpa, kEntryA, 0);
  RmpEntry other;
  other.assigned = true, other.asid = 9;
  b.rmp.write(HostPhysAddr(leaf).page_base(), other);
  b.load();
  check_npf(b, b.step(), 0x580000005, kDataGpa);
  CHECK(b.step().rule == RuleId::kRmpNestedUpdate);
  b.rmp.write(HostPhysAddr(leaf).page_base(), {});
  b.load();
  CHECK(b.step().kind == AttemptKind::kRetired);
}

TEST_CASE("reserved bits and not-present entries come before the RMP, a guest #PF before all") {
  SnpBench b;
  b.put(kDataGpa, {});
  b.set(b.nested_leaf(kDataGpa), 0x000ff80000000007, arch::kNoKey);
  check_vc(b, b.step(), 0x400, 0);
  b.set(b.nested_leaf(kDataGpa), 0, arch::kNoKey);
  b.load();
  check_npf(b, b.step(), 0x500000004, kDataGpa);
}

TEST_CASE("the fast answer and the table are one: all entries, all accesses") {
  SnpBench b;
  const u64 gpa = 0x40203000, spa = 0x40603000;
  unsigned allowed = 0;
  for (unsigned bits = 0; bits < 512; ++bits) {
    RmpEntry e = b.guest_page(gpa);
    e.assigned = bits & 1, e.validated = bits & 2, e.immutable = bits & 4;
    if (bits & 8) e.asid = 3;
    if (bits & 16) e.gpa = GuestPhysAddr(gpa + kPageSize);
    e.permissions[0] = bits & 32 ? 0x05 : 0x0f;
    e.vmsa = bits & 64, e.lock = bits & 64;
    RmpEntry large = b.guest_page(gpa);
    large.gpa = GuestPhysAddr(gpa).align_down(kSize2M);
    large.assigned = bits & 128;
    large.size = bits & 256 ? RmpPageSize::k2M : RmpPageSize::k4K;
    b.rmp.write(HostPhysAddr(spa), e);
    b.rmp.write(HostPhysAddr(spa).align_down(kSize2M), large);
    for (unsigned n = 0; n < 2 * 2 * kRmpUses * 3; ++n) {
      RmpAgentState state;
      state.agent = static_cast<RmpAgent>(n / (4 * kRmpUses));
      state.asid = 1;
      RmpAccess access;
      access.use = static_cast<RmpUse>(n / 4 % kRmpUses);
      access.is_private = n & 1;
      access.leaf_size = n & 2 ? kSize2M : kPageSize;
      access.gpa = GuestPhysAddr(gpa + 8), access.spa = HostPhysAddr(spa + 8);
      const bool odd = !access.is_private && state.agent == RmpAgent::kSnpGuest &&
                       (access.use == RmpUse::kFetch || is_table(access.use));
      if (odd) continue;  // there is no such access
      const bool fast = plainly_allowed(b.rmp, state, access);
      const bool slow = check_access(b.rmp, state, access).allowed();
      if (fast && !slow) {
        CAPTURE(bits);
        CAPTURE(n);
        CHECK(fast == slow);
      }
      allowed += fast;
    }
  }
  CHECK(allowed > 1000);
}

TEST_CASE("VMRUN: the VMCB is the hypervisor's, the VMSA the guest's, and both are in use") {
  SnpBench b;
  b.v().control.vmcb = 0x50000000, b.v().control.vmsa = 0x50001000;
  const HostPhysAddr vmcb(0x50000000), vmsa(0x50001000);
  CHECK(b.cpu.vmrun(b.place()).exit_code == exit_code::kInvalid);  // the VMSA is no VMSA yet
  RmpEntry e = b.guest_page(0xfffffffff000);
  e.vmsa = true;
  b.rmp.write(vmsa, e);
  for (const Wrong wrong : {Wrong::kFree, Wrong::kOther, Wrong::kImmutable}) {
    RmpEntry bad = e;
    if (wrong == Wrong::kFree) bad = {};
    if (wrong == Wrong::kOther) bad.asid = 9;
    if (wrong == Wrong::kImmutable) bad.immutable = true;
    b.rmp.write(vmsa, bad);
    CHECK(b.cpu.vmrun(b.place()).exit_code == exit_code::kInvalid);
  }
  b.rmp.write(vmsa, e);
  b.rmp.write(vmcb, e);
  const Attempt refused = b.cpu.vmrun(b.place());
  CHECK(refused.kind == AttemptKind::kHostFault);
  CHECK(refused.event.vector == isa::kGp);
  b.rmp.write(vmcb, {});
  CHECK(b.cpu.vmrun(b.place()).kind == AttemptKind::kRetired);
  CHECK(b.rmp.own(vmcb).lock);
  CHECK(b.rmp.own(vmsa).lock);
  RmpExecutor host;
  CHECK(rmpupdate(b.rmp, host, vmsa, {}).code == RmpCode::kFailInuse);
  b.put(kDataGpa, {});
  CHECK(b.step().exit_code == 0x400);
  CHECK_FALSE(b.rmp.own(vmcb).lock);
  CHECK_FALSE(b.rmp.own(vmsa).lock);
}

TEST_CASE("a host with SNP off refuses an SNP-active guest") {
  CpuProfile p = snp_profile();
  p.secure_nested_paging = false;
  SnpBench b(GuestType::kSnp, p);
  CHECK(b.cpu.vmrun(b.place()).exit_code == exit_code::kInvalid);
}

TEST_CASE("the TLB remembers what the RMP was asked for, until somebody flushes") {
  SnpBench b;
  b.v().tlb.enabled = 1;
  b.load();
  CHECK(b.step().kind == AttemptKind::kRetired);
  RmpEntry e = b.guest_page(kDataGpa);
  e.permissions[0] = kVmplRead;
  b.put(kDataGpa, e);
  b.store_it();  // another use: the RMP is asked
  check_npf(b, b.step(), 0x1580000007, kDataGpa);
  b.put(kDataGpa, {});
  b.load();  // the same use: stale, and allowed
  CHECK(b.step().kind == AttemptKind::kRetired);
  Tlb(b.store, 0, b.v()).flush_host_range(b.spa(kDataGpa), kPageSize);
  b.load();
  check_npf(b, b.step(), 0x580000005, kDataGpa);
}

// --- the guest's instructions ---

enum class Insn { kPvalidate, kRmpadjust, kRmpquery, kRmpupdate, kPsmash, kRmpread };
void put_insn(SnpBench& b, Insn insn) {
  constexpr std::array<u8, 2> kBytes[] = {{0xf2, 0xff}, {0xf3, 0xfe}, {0xf3, 0xfd},
                                          {0xf2, 0xfe}, {0xf3, 0xff}, {0xf2, 0xfd}};
  const auto [prefix, last] = kBytes[static_cast<unsigned>(insn)];
  b.code({prefix, 0x0f, 0x01, last});
}
Attempt run(SnpBench& b, Insn insn, u64 rax, u64 rcx, u64 rdx) {
  put_insn(b, insn);
  b.v().registers.gpr[isa::kRax] = rax;
  b.v().registers.gpr[isa::kRcx] = rcx;
  b.v().registers.gpr[isa::kRdx] = rdx;
  return b.step();
}
void check_code(SnpBench& b, const Attempt& a, u64 eax, bool carry = false) {
  REQUIRE(a.kind == AttemptKind::kRetired);
  CHECK(b.v().registers.gpr[isa::kRax] == eax);
  CHECK(((b.v().registers.rflags & isa::kFlagCf) != 0) == carry);
  CHECK(((b.v().registers.rflags & isa::kFlagZf) != 0) == (eax == 0));
  CHECK(b.v().registers.rip == kCodeVa + 4);
}

TEST_CASE("PVALIDATE: validate, again, rescind; then an access is #VC") {
  SnpBench b;
  check_code(b, run(b, Insn::kPvalidate, kDataVa, 0, 1), 0, true);
  check_code(b, run(b, Insn::kPvalidate, kDataVa, 0, 0), 0);
  CHECK_FALSE(b.entry(kDataGpa).validated);
  b.load();
  check_vc(b, b.step(), 0x404, kDataVa);
  check_code(b, run(b, Insn::kPvalidate, kDataVa, 0, 1), 0);
  check_code(b, run(b, Insn::kPvalidate, kDataVa + kPageSize, 1, 1), 1);  // misaligned
  CHECK(b.entry(kDataGpa).validated);
}

TEST_CASE("PVALIDATE: exits of the page, not of the instruction") {
  SnpBench b;
  b.put(kDataGpa, {});
  const Attempt a = run(b, Insn::kPvalidate, kDataVa + 0x123, 0, 1);
  check_npf(b, a, 0x580000005, kDataGpa);
  CHECK(a.rule == RuleId::kRmpGuestPage);
  b.set_nested(kDataGpa, kEntryP, 0);
  check_npf(b, run(b, Insn::kPvalidate, kDataVa, 0, 1), 0x500000004, kDataGpa);
  b.v().state.vmpl = 1;
  for (const u64 gpa : {kCodeGpa, kCodeGpa + kPageSize}) {
    RmpEntry e = b.guest_page(gpa);
    e.permissions[1] = 0x0f;
    b.put(gpa, e);
  }
  for (u64 gpa = b.v().registers.cr3; b.guest.spa_of(gpa) >= kPageSize; gpa += kPageSize) {
    RmpEntry e = b.guest_page(gpa);
    e.permissions[1] = 0x0f;
    b.put(gpa, e);
  }
  const Attempt above = run(b, Insn::kPvalidate, kDataVa, 0, 1);
  CHECK(above.kind == AttemptKind::kUnspecified);
  CHECK(above.gap == Gap::kPvalidateVmpl);
}

TEST_CASE("PVALIDATE of 4 KByte in a 2-MByte entry: SIZEM") {
  SnpBench b;
  b.guest.map_nested(kDataGpa, 0x40000000);
  spoil(b, kDataGpa, Wrong::kLarge);
  check_npf(b, run(b, Insn::kPvalidate, kDataVa, 0, 1), 0xd80000005, kDataGpa);
}

TEST_CASE("RMPADJUST and RMPQUERY: rights of another VMPL") {
  SnpBench b;
  check_code(b, run(b, Insn::kRmpadjust, kDataVa, 0, 1 | 0x03 << 8), 0);
  CHECK(b.entry(kDataGpa).permissions[1] == 3);
  check_code(b, run(b, Insn::kRmpquery, kDataVa, 0, 1), 0);
  CHECK(b.v().registers.gpr[isa::kRdx] == (1 | 0x03 << 8));
  check_code(b, run(b, Insn::kRmpadjust, kDataVa, 0, 0 | 0x03 << 8), 2);
  check_code(b, run(b, Insn::kRmpadjust, kDataVa, 0, 1 | 1 << 16), 0);
  CHECK(b.entry(kDataGpa).vmsa);
  run(b, Insn::kPvalidate, kDataVa, 0, 0);
  check_vc(b, run(b, Insn::kRmpadjust, kDataVa, 0, 1), 0x404, kDataVa);
}

TEST_CASE("the hypervisor's instructions in a guest: FAIL_PERMISSION") {
  SnpBench b;
  b.set(b.spa(kDataGpa).value, 0, b.key());  // the operand: a free page
  b.set(b.spa(kDataGpa).value + 8, 0, b.key());
  check_code(b, run(b, Insn::kRmpupdate, 0x40000000, kDataVa, 0), 2);
  check_code(b, run(b, Insn::kPsmash, 0x40000000, 0, 0), 2);
  check_code(b, run(b, Insn::kRmpread, 0x40000000, kDataVa, 0), 2);
}

TEST_CASE("outside of an SNP guest, or at CPL 3, there is no PVALIDATE") {
  SnpBench b(GuestType::kSevEs);
  b.gate(isa::kUd, kHandlerVa);
  const Attempt a = run(b, Insn::kPvalidate, kDataVa, 0, 1);
  CHECK(a.kind == AttemptKind::kDelivered);
  CHECK(a.event.vector == isa::kUd);
}

}  // namespace
}  // namespace nptsim::svm
