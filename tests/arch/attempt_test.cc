// Single attempts: the architecture's test vectors, and who gets a fault or an event.
#include <doctest/doctest.h>

#include "tests/arch/vcpu_bench.h"

namespace nptsim::svm {
namespace {

using arch::kNoKey;

void check_npf(VcpuBench& b, const Attempt& a, u64 info_1, u64 info_2) {
  REQUIRE(a.kind == AttemptKind::kExit);
  CHECK(b.v().exit.exit_code == 0x400);
  CHECK(b.v().exit.exit_info_1 == info_1);
  CHECK(b.v().exit.exit_info_2 == info_2);
  CHECK(b.v().registers.rip == kCodeVa);
}

constexpr std::initializer_list<u8> kStore = {0x48, 0x89, 0x03};  // mov [rbx], rax

TEST_CASE("vectors 1 to 4: the rights of a plain guest's nested leaf") {
  VcpuBench b(plain_profile());
  b.set_nested(kDataGpa, kEntryP, 0);
  check_npf(b, b.step(), 0x100000004, kDataGpa);
  b.set_nested(kDataGpa, kEntryRw, kEntryP);
  b.code(kStore);
  check_npf(b, b.step(), 0x100000007, kDataGpa);
  b.set_nested(kDataGpa, kEntryUs, kEntryRw);
  b.code({0x48, 0x8b, 0x03});
  check_npf(b, b.step(), 0x100000005, kDataGpa);
  b.v().registers.efer &= ~bit(11);
  b.set_nested(kCodeGpa, 0, kEntryNx);
  b.code({0x90, 0x90});
  b.v().registers.rip = kCodeVa + 1;
  const Attempt a = b.step();
  CHECK(a.exit_code == 0x400);
  CHECK(b.v().exit.exit_info_1 == 0x100000015);
  CHECK(b.v().exit.exit_info_2 == kCodeGpa);  // bits 11:0 clear for a fetch
  CHECK(b.v().exit.insn_count == 0);
}

TEST_CASE("vectors 5 to 10: reserved bits, tables, large pages") {
  VcpuBench b(plain_profile());
  const u64 leaf = b.nested_leaf(kDataGpa);
  const u64 old = b.get(leaf, kNoKey);
  b.set(leaf, old | kEntryNx, kNoKey);
  b.v().control.host_efer &= ~bit(11);
  check_npf(b, b.step(), 0x10000000d, kDataGpa);
  b.v().control.host_efer |= bit(11);
  b.set(leaf, old, kNoKey);

  const u64 cr3 = b.v().registers.cr3;
  b.set_nested(cr3, kEntryRw, 0);
  check_npf(b, b.step(), 0x200000007, cr3);
  b.set_nested(cr3, 0, kEntryRw);

  const u64 pml4e = b.v().control.ncr3;
  b.set(pml4e, b.get(pml4e, kNoKey) | bit(8), kNoKey);
  check_npf(b, b.step(), 0x20000000f, cr3);
  b.set(pml4e, b.get(pml4e, kNoKey) & ~bit(8), kNoKey);

  const u64 pde = b.guest.nested_entry(kDataGpa, 2);
  const u64 table = b.get(pde, kNoKey);
  b.set(pde, table | bit(8), kNoKey);
  CHECK(b.step().kind == AttemptKind::kRetired);
  b.v().registers.rip = kCodeVa;
  b.set(pde, table, kNoKey);
}

TEST_CASE("vectors 8 and 9: bits 13 and 12 of a 2-MByte nested leaf") {
  VcpuBench b(plain_profile());
  b.guest.map_guest(kDataVa, 0x40000000);
  const u64 pde = b.guest.nested_entry(0x40000000, 2);
  b.set(pde, 0x8000000 | kGoodLeaf | kEntryPs | bit(12), kNoKey);
  CHECK(b.step().kind == AttemptKind::kRetired);
  b.v().registers.rip = kCodeVa;
  b.set(pde, 0x8000000 | kGoodLeaf | kEntryPs | bit(13), kNoKey);
  check_npf(b, b.step(), 0x10000000d, 0x40000000);
}

TEST_CASE("vectors 11 to 13: a guest #PF beats the final #NPF, a table #NPF beats the #PF") {
  VcpuBench b(plain_profile());
  b.gate(14, kHandlerVa);
  b.set_nested(kDataGpa, kEntryP, 0);
  b.set(b.guest_leaf(kDataVa), 0, kNoKey);
  Attempt a = b.step();
  CHECK(a.kind == AttemptKind::kDelivered);
  CHECK(a.event.vector == 14);
  CHECK(a.event.error_code == 0);
  CHECK(b.v().registers.cr2 == kDataVa);
  CHECK(b.v().registers.rip == kHandlerVa);

  VcpuBench c(plain_profile());
  c.gate(14, kHandlerVa);
  c.set_nested(kDataGpa, kEntryRw, 0);
  c.set(c.guest_leaf(kDataVa), kDataGpa | (kGoodLeaf & ~kEntryRw), kNoKey);
  c.code(kStore);
  a = c.step();
  CHECK(a.kind == AttemptKind::kDelivered);
  CHECK(a.event.error_code == 3);

  VcpuBench d(plain_profile());
  const u64 table = d.get(d.guest.guest_entry(kDataVa, 2), kNoKey) & bit_range(51, 12);
  d.v().registers.gpr[isa::kRbx] = 0x10000000000;  // its own guest tables
  d.guest.map(0x10000000000, 0x500000);
  const u64 own = d.get(d.guest.guest_entry(0x10000000000, 2), kNoKey) & bit_range(51, 12);
  CHECK(own != table);
  d.set(d.guest.guest_entry(0x10000000000, 1), 0, kNoKey);
  d.set_nested(own, kEntryP, 0);
  check_npf(d, d.step(), 0x200000006, own);
}

TEST_CASE("vectors 15 to 17b: MMIO and read-only entries, SEV-ES and plain") {
  for (GuestType type : {GuestType::kPlain, GuestType::kSev, GuestType::kSevEs}) {
    CAPTURE(static_cast<u64>(type));
    VcpuBench b(milan_profile(), type);
    b.gate(29, kHandlerVa);
    const u64 leaf = b.nested_leaf(kDataGpa);
    const u64 good = b.get(leaf, kNoKey);
    const u64 enc = type == GuestType::kPlain ? 0 : bit(34);
    b.set(leaf, 0x000ff80000000007, kNoKey);  // KVM's MMIO entry
    const Attempt a = b.step();
    if (type == GuestType::kSevEs) {
      CHECK(a.kind == AttemptKind::kDelivered);
      CHECK(a.rule == RuleId::kNpfVc);
      CHECK(a.event.vector == 29);
      CHECK(a.event.error_code == 0x400);
      CHECK(b.v().exit == ExitRecord{});
      b.v().registers.rip = kCodeVa;
    } else {
      check_npf(b, a, 0x10000000d | enc, kDataGpa);
      CHECK(b.v().exit.insn_count == 15);
    }
    b.set(leaf, good & ~kEntryRw, kNoKey);  // a read-only slot: an exit, and again
    b.code(kStore);
    for (int again = 0; again < 2; ++again) check_npf(b, b.step(), 0x100000007 | enc, kDataGpa);
    CHECK(b.v().exit.insn_count == (type == GuestType::kSevEs ? 0 : 15));
  }
}

TEST_CASE("vectors 18 to 20: nothing reserved but the C-bit") {
  CpuProfile p = milan_profile();
  p.maxphyaddr = 52, p.reduction = 1;
  VcpuBench b(p, GuestType::kSevEs);
  const u64 guest_leaf = b.guest_leaf(kDataVa);
  b.set(guest_leaf, b.get(guest_leaf, b.key()) & ~bit(51), b.key());  // shared
  b.set(b.nested_leaf(kDataGpa), 0x0008000000000007, kNoKey);
  b.memory().write_word(HostPhysAddr(0), 0x1234, arch::kHostKey);
  CHECK(b.step().kind == AttemptKind::kRetired);
  CHECK(b.v().registers.gpr[isa::kRax] == 0x1234);  // SPA 0 through the host's key

  CpuProfile naples = milan_profile();
  naples.c_bit = 47, naples.features.snp = false;
  VcpuBench c(naples);
  const u64 leaf = c.nested_leaf(kDataGpa);
  c.set(leaf, c.get(leaf, kNoKey) | bit(47), kNoKey);
  CHECK(c.step().kind == AttemptKind::kRetired);
  c.v().registers.rip = kCodeVa;
  c.set(leaf, c.get(leaf, kNoKey) | bit(46), kNoKey);
  check_npf(c, c.step(), 0x10000000d, kDataGpa);
}

TEST_CASE("vector 21: an ES guest's fetch through a reserved NX") {
  VcpuBench b(milan_profile(), GuestType::kSevEs);
  b.gate(29, kHandlerVa);
  b.v().control.host_efer &= ~bit(11);
  b.set_nested(kCodeGpa, 0, kEntryNx);
  const Attempt a = b.step();
  CHECK(a.kind == AttemptKind::kDelivered);
  CHECK(a.rule == RuleId::kNpfVcTable);
  CHECK(a.event.error_code == 0x400);
}

TEST_CASE("vectors 35 and 36: an SNP guest's MMIO entry, a C-bit under virtual TOM") {
  // Vector 35 is in snp_walk_test.cc.
  VcpuBench b(milan_profile(), GuestType::kSnp);
  EntryRuleSets rules(b.profile);
  VcpuRecord& v = b.v();
  v.state.sev_features |= kVirtualTom;
  CHECK(classify(bit(51) | 7, make_walk_context(b.profile, rules, v).guest->at(1)).kind ==
        EntryKind::kReserved);
}

TEST_CASE("more than 48 bits of a GPA with 4-level nested tables are unspecified") {
  CpuProfile p = plain_profile();
  p.maxphyaddr = 52;
  VcpuBench b(p);
  b.set(b.guest_leaf(kDataVa), bit(48) | kGoodLeaf, kNoKey);
  const Attempt a = b.step();
  CHECK(a.kind == AttemptKind::kUnspecified);
  CHECK(a.gap == Gap::kGpaBeyondNestedWidth);
  CHECK(b.v().registers.rip == kCodeVa);
}

TEST_CASE("ENC of #NPF only where the part knows SNP") {
  CpuProfile p = milan_profile();
  p.features.snp = false;
  VcpuBench b(p, GuestType::kSev);
  b.set_nested(kDataGpa, kEntryP, 0);
  check_npf(b, b.step(), 0x100000004, kDataGpa);
}

TEST_CASE("intercepted instructions: exit of a plain guest, #VC or automatic exit of an ES guest") {
  struct Row {
    std::vector<u8> bytes;
    u64 code;
    bool automatic;
  };
  const Row rows[] = {
      {{0x0f, 0xa2}, exit_code::kCpuid, false},         {{0xf4}, exit_code::kHlt, true},
      {{0xe6, 0x80}, exit_code::kIoio, false},          {{0x0f, 0x32}, exit_code::kMsr, false},
      {{0x0f, 0x01, 0xd9}, exit_code::kVmmcall, false},
  };
  for (const Row& row : rows) {
    for (GuestType type : {GuestType::kPlain, GuestType::kSevEs}) {
      CAPTURE(exit_name(row.code));
      VcpuBench b(milan_profile(), type);
      b.gate(29, kHandlerVa);
      b.memory().write_bytes(HostPhysAddr(b.guest.spa_of(kCodeGpa)), row.bytes.data(),
                             row.bytes.size(), b.key());
      const Attempt a = b.step();
      if (type == GuestType::kSevEs && !row.automatic) {
        CHECK(a.kind == AttemptKind::kDelivered);
        CHECK(a.rule == RuleId::kNonAutomaticExit);
        CHECK(a.event == isa::Event{29, isa::EventType::kException, true, u32(row.code)});
      } else {
        CHECK(a.kind == AttemptKind::kExit);
        CHECK(a.exit_code == row.code);
        CHECK(b.v().registers.rip == kCodeVa + (type == GuestType::kSevEs ? row.bytes.size() : 0));
        if (type == GuestType::kPlain) CHECK(b.v().exit.nrip == kCodeVa + row.bytes.size());
      }
    }
  }
}

TEST_CASE("IOIO tells port, size, direction and the string bits") {
  VcpuBench b(plain_profile());
  b.code({0xe6, 0x80});  // out 0x80, al
  b.step();
  CHECK(b.v().exit.exit_info_1 == (0x80ull << 16 | bit(9) | bit(4)));
  CHECK(b.v().exit.exit_info_2 == kCodeVa + 2);
  b.code({0x66, 0xed});  // in ax, dx
  b.v().registers.gpr[isa::kRdx] = 0x3f8;
  b.step();
  CHECK(b.v().exit.exit_info_1 == (0x3f8ull << 16 | bit(9) | bit(5) | 1));
  b.code({0xf3, 0x6e});  // rep outsb
  b.v().registers.gpr[isa::kRcx] = 2;
  b.step();
  CHECK(b.v().exit.exit_info_1 ==
        (0x3f8ull << 16 | u64{isa::kDs} << 10 | bit(9) | bit(4) | bit(3) | bit(2)));
}

TEST_CASE("VMGEXIT") {
  VcpuBench b(milan_profile(), GuestType::kSevEs);
  b.code({0xf3, 0x0f, 0x01, 0xd9});
  b.v().control.ghcb_msr = 0x7000;
  b.v().state.sev_features = kVmgexitParameter;
  b.v().registers.gpr[isa::kRax] = 77;
  CHECK(b.step().exit_code == 0x403);
  CHECK(b.v().registers.rip == kCodeVa + 4);
  CHECK(b.v().exit.nrip == 0);
  CHECK(b.v().exit.vmgexit_rax == 77);
  VcpuBench plain(plain_profile());
  plain.code({0xf3, 0x0f, 0x01, 0xd9});
  CHECK(plain.step().exit_code == exit_code::kVmmcall);
}

TEST_CASE("the GHCB MSR and SEV_STATUS are the SEV-ES guest's own") {
  VcpuBench b(milan_profile(), GuestType::kSevEs);
  b.code({0x0f, 0x30, 0x0f, 0x32});  // wrmsr, rdmsr
  isa::Registers& r = b.v().registers;
  r.gpr[isa::kRcx] = msr::kGhcb, r.gpr[isa::kRax] = 0x8000, r.gpr[isa::kRdx] = 1;
  CHECK(b.step().kind == AttemptKind::kRetired);
  CHECK(b.v().control.ghcb_msr == 0x100008000);
  b.v().registers.gpr[isa::kRcx] = msr::kSevStatus;
  CHECK(b.step().kind == AttemptKind::kRetired);
  CHECK(b.v().registers.gpr[isa::kRax] == 3);
}

TEST_CASE("#PF, #DF, shutdown, and #VC as a contributory exception") {
  VcpuBench b(plain_profile());
  b.set(b.guest_leaf(kDataVa), 0, kNoKey);
  b.gate(8, kHandlerVa);
  Attempt a = b.step();  // #PF has no gate: #GP, hence #DF
  CHECK(a.kind == AttemptKind::kDelivered);
  CHECK(a.event.vector == 8);
  CHECK(a.rule == RuleId::kDoubleFault);
  b.gate(8, 0);
  b.v().registers.rip = kCodeVa;
  a = b.step();
  CHECK(a.kind == AttemptKind::kExit);
  CHECK(a.exit_code == exit_code::kShutdown);

  VcpuBench es(milan_profile(), GuestType::kSevEs);
  es.gate(8, kHandlerVa);
  es.code({0x0f, 0xa2});
  a = es.step();  // #VC has no gate
  CHECK(a.event.vector == 8);
}

TEST_CASE("an intercepted #PF leaves CR2 alone and names the address") {
  VcpuBench b(plain_profile());
  set_intercept(b.v().control, exit_code::kException0 + 14);
  b.set(b.guest_leaf(kDataVa), 0, kNoKey);
  const Attempt a = b.step();
  CHECK(a.exit_code == 0x4e);
  CHECK(b.v().exit.exit_info_2 == kDataVa);
  CHECK(b.v().registers.cr2 == 0);
}

TEST_CASE("a #NPF on the IDT is recorded with the event, which EVENTINJ repeats") {
  VcpuBench b(plain_profile());
  b.gate(14, kHandlerVa);
  b.set(b.guest_leaf(kDataVa), 0, kNoKey);
  b.set_nested(0x300000, kEntryP, 0);
  Attempt a = b.step();
  CHECK(a.exit_code == 0x400);
  CHECK(b.v().exit.exit_info_1 == 0x100000004);
  CHECK(b.v().exit.exit_info_2 == 0x300000 + 14 * 16);
  CHECK(b.v().exit.exit_int_info == (bit(31) | bit(11) | 3 << 8 | 14));
  CHECK(b.v().registers.cr2 == kDataVa);
  b.v().control.event_inj = b.v().exit.exit_int_info;
  b.set_nested(0x300000, 0, kEntryP);
  CHECK(b.cpu.vmrun(b.place()).kind == AttemptKind::kRetired);
  a = b.step();
  CHECK(a.kind == AttemptKind::kDelivered);
  CHECK(a.rule == RuleId::kEventInjection);
  CHECK(b.v().registers.rip == kHandlerVa);
}

TEST_CASE("a fault on the second page of an access and of an instruction names that page") {
  VcpuBench b(plain_profile());
  b.v().registers.gpr[isa::kRbx] = kHandlerVa + 0xffc;
  b.guest.map(kHandlerVa + 0x1000, 0x111000);
  b.set_nested(0x111000, kEntryP, 0);
  check_npf(b, b.step(), 0x100000004, 0x111000);
  VcpuBench c(plain_profile());
  c.set_nested(kCodeGpa + 0x1000, kEntryP, 0);
  const u8 mov[] = {0x48, 0x8b};
  c.memory().write_bytes(HostPhysAddr(c.guest.spa_of(kCodeGpa) + 0xffe), mov, 2, kNoKey);
  c.v().registers.rip = kCodeVa + 0xffe;
  c.step();
  CHECK(c.v().exit.exit_info_1 == 0x100000014);
  CHECK(c.v().exit.exit_info_2 == kCodeGpa + 0x1000);
}

TEST_CASE("VMRUN refuses illegal states") {
  VcpuBench b(milan_profile(), GuestType::kSevEs);
  const auto refused = [&] {
    const Attempt a = b.cpu.vmrun(b.place());
    return a.kind == AttemptKind::kExit && b.v().exit.exit_code == exit_code::kInvalid;
  };
  CHECK_FALSE(refused());
  b.v().control.event_inj = bit(31) | 4 << 8 | 0x80;  // a software interrupt
  CHECK(refused());
  b.v().control.event_inj = bit(31) | 3 << 8 | 3;  // #BP
  CHECK(refused());
  b.v().control.event_inj = bit(31) | 1 << 8;  // a reserved type
  CHECK(refused());
  b.v().control.event_inj = 0;
  b.v().control.asid = 510;
  CHECK(refused());
  b.v().control.asid = 1;
  b.v().control.ncr3 |= bit(46);
  CHECK(refused());
}

TEST_CASE("accesses that are no instruction") {
  VcpuBench b(plain_profile());
  u64 data = 0x1122;
  CHECK(b.cpu.attempt_access(b.place(), {AccessKind::kWrite, GuestVirtAddr(kDataVa + 8), 8}, &data)
            .kind == AttemptKind::kRetired);
  data = 0;
  CHECK(b.cpu.attempt_access(b.place(), {AccessKind::kRead, GuestVirtAddr(kDataVa + 8), 2}, &data)
            .kind == AttemptKind::kRetired);
  CHECK(data == 0x1122);
  b.set_nested(kDataGpa, kEntryRw, 0);
  CHECK(b.cpu.attempt_access(b.place(), {AccessKind::kWrite, GuestVirtAddr(kDataVa + 8), 8}, &data)
            .exit_code == 0x400);
  CHECK(b.v().exit.exit_info_2 == kDataGpa + 8);
  CHECK(b.v().exit.insn_count == 0);
}

struct Counter : WalkListener {
  unsigned reads = 0, guest_reads = 0, writes = 0, translated = 0, failures = 0;
  void on_entry_read(const EntryRead& e) override {
    ++reads;
    guest_reads += e.tables == WhichTables::kGuest;
  }
  void on_entry_write(const EntryWrite&) override { ++writes; }
  void on_translated(const Translated&, RuleId) override { ++translated; }
  void on_failure(const Failure&) override { ++failures; }
};

TEST_CASE("a listener hears all 24 entries of a walk, and each A or D bit") {
  VcpuBench b(plain_profile());
  Counter counter;
  b.listener = &counter;
  CHECK(b.step().kind == AttemptKind::kRetired);
  CHECK(counter.reads == 48);  // fetch and data
  CHECK(counter.guest_reads == 8);
  CHECK(counter.translated == 2);
  CHECK(counter.writes == 0);
  b.set(b.guest_leaf(kDataVa), kDataGpa | (kGoodLeaf & ~kEntryA), kNoKey);
  b.set_nested(kDataGpa, kEntryD, 0);
  b.code(kStore);
  CHECK(b.step().kind == AttemptKind::kRetired);
  CHECK(counter.writes == 2);
  b.set_nested(kDataGpa, kEntryP, 0);
  b.code(kStore);
  b.step();
  CHECK(counter.failures == 1);
}

TEST_CASE("page modification logging") {
  CpuProfile p = plain_profile();
  p.features.pml = true;
  VcpuBench b(p);
  b.v().control.nested_ctl = kNestedPml;
  b.v().control.pml_base = 0x50000000, b.v().control.pml_index = 0;
  b.set_nested(kDataGpa, kEntryD, 0);
  b.code(kStore);
  CHECK(b.step().kind == AttemptKind::kRetired);
  CHECK(b.get(0x50000000, kNoKey) == kDataGpa);
  b.set_nested(kDataGpa, kEntryD, 0);
  b.code(kStore);
  CHECK(b.step().exit_code == exit_code::kPmlFull);
  CHECK(b.v().registers.rip == kCodeVa);
}

TEST_CASE("a SEV guest's data is its own: by key and C-bit") {
  VcpuBench b(milan_profile(), GuestType::kSev);
  b.set_data(0x77, b.key());
  CHECK(b.step().kind == AttemptKind::kRetired);
  CHECK(b.v().registers.gpr[isa::kRax] == 0x77);
  CHECK(b.get(b.guest.spa_of(kDataGpa), kNoKey) != 0x77);
  // The same page through C=0: the host's view.
  const u64 leaf = b.guest_leaf(kDataVa);
  b.set(leaf, b.get(leaf, b.key()) & ~bit(51), b.key());
  b.v().registers.rip = kCodeVa;
  CHECK(b.step().kind == AttemptKind::kRetired);
  CHECK(b.v().registers.gpr[isa::kRax] == b.get(b.guest.spa_of(kDataGpa), kNoKey));
}

}  // namespace
}  // namespace nptsim::svm
