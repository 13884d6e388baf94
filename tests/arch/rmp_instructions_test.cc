// PVALIDATE, RMPADJUST, RMPQUERY, RMPUPDATE, PSMASH, RMPREAD: every return code, every fault, the
// order of the checks, and what is left in the entries.
#include <doctest/doctest.h>

#include <string>

#include "tests/arch/rmp_bench.h"

namespace nptsim::svm {
namespace {

constexpr u64 kPageSpa = 0x200000, kPageGpa = 0x7000000, kPageGva = 0x40000000;
constexpr RmpPageSize k4K = RmpPageSize::k4K, k2M = RmpPageSize::k2M;

RmpGuestPage page_at(u64 offset = 0, u64 nested_size = kPageSize) {
  return {GuestVirtAddr(kPageGva + offset), GuestPhysAddr(kPageGpa + offset),
          HostPhysAddr(kPageSpa + offset), nested_size};
}
PvalidateOperands validate(RmpPageSize size, bool on = true, u64 offset = 0) {
  return {GuestVirtAddr(kPageGva + offset), size, on};
}
RmpadjustOperands adjust(RmpPageSize size, u8 target, u8 rights, bool vmsa = false,
                         u64 offset = 0) {
  return {GuestVirtAddr(kPageGva + offset), size, target, rights, vmsa};
}
RmpEntry not_validated(RmpPageSize size = k4K) {
  RmpEntry entry = RmpBench::guest_page(kPageGpa, size);
  entry.validated = false;
  return entry;
}
void check_npf(const RmpResult& result, u64 code, RuleId rule) {
  CHECK(result.verdict == RmpVerdict{RmpOutcome::kNpf, rule, code, kPageGpa});
}
void check_code(const RmpResult& result, RmpCode code, RuleId rule) {
  CHECK(result.verdict.outcome == RmpOutcome::kAllowed);
  CHECK(std::string(name_of(result.code)) == std::string(name_of(code)));
  CHECK(std::string(rule_of(result.verdict.rule).id) == std::string(rule_of(rule).id));
}

TEST_CASE("operands come from the registers that the manual names") {
  const PvalidateOperands p = pvalidate_operands(0x1234567, ~1ull, 1);
  CHECK(p.gva.value == 0x1234567);
  CHECK(p.size == k4K);
  CHECK(p.validate);
  CHECK(pvalidate_operands(0, 1, ~1ull).size == k2M);
  CHECK_FALSE(pvalidate_operands(0, 1, ~1ull).validate);
  const RmpadjustOperands a = rmpadjust_operands(0x5000, 1, 0x10d02);
  CHECK(a.size == k2M);
  CHECK(a.target_vmpl == 2);
  CHECK(a.permissions == 0x0d);
  CHECK(a.vmsa);
  CHECK(rmpquery_operands(0x5000, 0xff03).target_vmpl == 3);
  const RmpOperand op = rmp_operand({GuestPhysAddr(0x7000), true, k2M, true, 0x1234});
  CHECK(op == RmpOperand{0x7000, 0x0000123400010101});
  CHECK(op.assigned());
  CHECK(op.size() == k2M);
  CHECK(op.immutable());
  CHECK(op.asid() == 0x1234);
  CHECK(op.reserved() == 0);
  CHECK(RmpOperand{0, 0xffffffff}.reserved() == 0xfffefefe);
}

TEST_CASE("exceptions come before anything else") {
  struct Case {
    void (*change)(RmpExecutor&);
    RmpOutcome guest, pvalidate, host;
  };
  constexpr RmpOutcome ud = RmpOutcome::kInvalidOpcode, gp = RmpOutcome::kGeneralProtection,
                       ok = RmpOutcome::kAllowed;
  const Case cases[] = {
      {[](RmpExecutor&) {}, ok, ok, ok},
      {[](RmpExecutor& by) { by.snp_enabled = false; }, ud, ud, ud},
      {[](RmpExecutor& by) { by.long_mode = false; }, ud, ok, ud},
      {[](RmpExecutor& by) { by.cpl = 3; }, gp, gp, gp},
      {[](RmpExecutor& by) { by.cpl = 3, by.snp_enabled = false; }, ud, ud, ud},
  };
  for (const Case& c : cases) {
    const RmpBench bench;
    bench.put(kPageSpa, RmpBench::guest_page(kPageGpa));
    RmpExecutor guest = RmpBench::guest_executor(), host = RmpBench::host_executor();
    c.change(guest), c.change(host);
    const RmpVerdict first = pvalidate(bench.rmp, guest, validate(k4K), page_at()).verdict;
    CHECK(first.outcome == c.pvalidate);
    if (first.outcome == ud) CHECK(first.rule == RuleId::kRmpUndefined);
    if (first.outcome == gp) CHECK(first.rule == RuleId::kRmpPrivilege);
    CHECK(rmpadjust(bench.rmp, guest, adjust(k4K, 1, 1), page_at()).verdict.outcome == c.guest);
    CHECK(rmpquery(bench.rmp, guest, {GuestVirtAddr(kPageGva), 1}, page_at())
              .result.verdict.outcome == c.guest);
    CHECK(rmpupdate(bench.rmp, host, HostPhysAddr(kPageSpa), {}).verdict.outcome == c.host);
    CHECK(psmash(bench.rmp, host, HostPhysAddr(kPageSpa)).verdict.outcome == c.host);
    CHECK(rmpread(bench.rmp, host, HostPhysAddr(kPageSpa)).result.verdict.outcome == c.host);
  }
  const RmpBench bench;
  RmpExecutor plain = RmpBench::guest_executor();
  plain.agent.agent = RmpAgent::kGuest;
  CHECK(pvalidate(bench.rmp, plain, validate(k4K), page_at()).verdict.outcome == ud);
  CHECK(rmpadjust(bench.rmp, plain, adjust(k4K, 1, 1), page_at()).verdict.outcome == ud);
}

TEST_CASE("PVALIDATE sets and clears Validated, and CF tells that it was so already") {
  for (const RmpPageSize size : {k4K, k2M}) {
    const RmpBench bench;
    RmpEntry entry = not_validated(size);
    entry.permissions = {0x0f, 1, 3, 0};
    entry.vmsa = true;
    bench.put(kPageSpa, entry);
    const RmpGuestPage page = page_at(0, bytes_of(size));
    const RmpExecutor by = RmpBench::guest_executor();
    for (const bool on : {true, false}) {
      const RmpResult first = pvalidate(bench.rmp, by, validate(size, on), page);
      check_code(first, RmpCode::kSuccess, RuleId::kRmpPvalidateDone);
      CHECK_FALSE(first.carry);
      entry.validated = on;
      CHECK(bench.at(kPageSpa) == entry);
      const RmpResult second = pvalidate(bench.rmp, by, validate(size, on), page);
      check_code(second, RmpCode::kSuccess, RuleId::kRmpPvalidateSame);
      CHECK(second.carry);
      CHECK(bench.at(kPageSpa) == entry);
    }
  }
}

TEST_CASE("PVALIDATE of a misaligned 2 MByte is FAIL_INPUT, before any translation") {
  const RmpExecutor by = RmpBench::guest_executor();
  const auto refusal = pvalidate_refusal(by, validate(k2M, true, kPageSize));
  REQUIRE(refusal);
  check_code(*refusal, RmpCode::kFailInput, RuleId::kRmpMisaligned);
  CHECK_FALSE(pvalidate_refusal(by, validate(k4K, true, 0x123)));
  CHECK_FALSE(pvalidate_refusal(by, validate(k2M)));
}

TEST_CASE("PVALIDATE at another VMPL does what the profile says") {
  struct Case {
    RmpRefusal how;
    RmpOutcome outcome;
    RmpCode code;
  };
  for (const Case& c :
       {Case{RmpRefusal::kUnspecified, RmpOutcome::kUnspecified, RmpCode::kSuccess},
        Case{RmpRefusal::kGeneralProtection, RmpOutcome::kGeneralProtection, RmpCode::kSuccess},
        Case{RmpRefusal::kFailPermission, RmpOutcome::kAllowed, RmpCode::kFailPermission},
        Case{RmpRefusal::kFailInput, RmpOutcome::kAllowed, RmpCode::kFailInput}}) {
    const RmpBench bench;
    bench.put(kPageSpa, not_validated());
    RmpExecutor by = RmpBench::guest_executor(1);
    by.agent.choices.pvalidate_above_vmpl0 = c.how;
    const RmpResult result = pvalidate(bench.rmp, by, validate(k4K), page_at());
    CHECK(result.verdict.outcome == c.outcome);
    CHECK(result.verdict.rule == RuleId::kRmpPvalidateVmpl);
    CHECK(result.code == c.code);
    CHECK_FALSE(bench.at(kPageSpa).validated);
  }
}

// What the page is not: #NPF with RMP and ENC, whatever the instruction.
TEST_CASE("a guest's instruction on a page that is not its own") {
  struct Case {
    const char* name;
    void (*change)(RmpEntry&);
  };
  const Case cases[] = {
      {"the hypervisor's", [](RmpEntry& e) { e = {}; }},
      {"another guest's", [](RmpEntry& e) { e.asid = 6; }},
      {"the AMD-SP's", [](RmpEntry& e) { e.asid = 0; }},
      {"at another GPA", [](RmpEntry& e) { e.gpa = GuestPhysAddr(kPageGpa + kPageSize); }},
      {"immutable", [](RmpEntry& e) { e.immutable = true; }},
  };
  const RmpExecutor by = RmpBench::guest_executor();
  for (const Case& c : cases) {
    CAPTURE(c.name);
    const RmpBench bench;
    RmpEntry entry = RmpBench::guest_page(kPageGpa);
    c.change(entry);
    bench.put(kPageSpa, entry);
    const auto rule = RuleId::kRmpGuestPage;
    check_npf(pvalidate(bench.rmp, by, validate(k4K), page_at()), 0x580000005, rule);
    check_npf(pvalidate(bench.rmp, by, validate(k2M), page_at(0, kSize2M)), 0x580000005, rule);
    check_npf(rmpadjust(bench.rmp, by, adjust(k4K, 1, 1), page_at()), 0x580000005, rule);
    check_npf(rmpquery(bench.rmp, by, {GuestVirtAddr(kPageGva), 1}, page_at()).result, 0x580000005,
              rule);
    CHECK(bench.at(kPageSpa) == entry);
  }
  const RmpBench bench;
  RmpGuestPage far = page_at();
  far.spa = HostPhysAddr(bench.kTable.covered());
  check_npf(pvalidate(bench.rmp, by, validate(k4K), far), 0x580000005, RuleId::kRmpGuestPage);
  RmpExecutor writes = by;
  writes.agent.choices.rmp_instruction_npf_write = true;
  check_npf(pvalidate(bench.rmp, writes, validate(k4K), far), 0x580000007, RuleId::kRmpGuestPage);
}

// Table 15-39 and 15.36.6: nested page, entry, request.
TEST_CASE("page sizes of PVALIDATE and RMPADJUST") {
  enum class Is { kDone, kSizem, kNested, kMismatch, kMismatchNested };
  struct Case {
    u64 nested;
    RmpPageSize entry, request;
    Is is;
  };
  constexpr Case kCases[] = {
      {kPageSize, k4K, k4K, Is::kDone},  {kPageSize, k4K, k2M, Is::kMismatch},
      {kPageSize, k2M, k4K, Is::kSizem}, {kPageSize, k2M, k2M, Is::kMismatchNested},
      {kSize2M, k2M, k4K, Is::kSizem},   {kSize2M, k2M, k2M, Is::kDone},
      {kSize2M, k4K, k4K, Is::kNested},  {kSize2M, k4K, k2M, Is::kMismatch},
      {kSize1G, k2M, k4K, Is::kSizem},   {kSize1G, k2M, k2M, Is::kDone},
      {kSize1G, k4K, k4K, Is::kNested},  {kSize1G, k4K, k2M, Is::kMismatch},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.nested);
    CAPTURE(static_cast<int>(c.entry));
    CAPTURE(static_cast<int>(c.request));
    for (const bool adjusting : {false, true}) {
      const RmpBench bench;
      bench.put(kPageSpa,
                adjusting ? RmpBench::guest_page(kPageGpa, c.entry) : not_validated(c.entry));
      const RmpExecutor by = RmpBench::guest_executor();
      const auto run = [&](const RmpExecutor& who) {
        const RmpGuestPage page = page_at(0, c.nested);
        return adjusting ? rmpadjust(bench.rmp, who, adjust(c.request, 1, 1), page)
                         : pvalidate(bench.rmp, who, validate(c.request), page);
      };
      const RmpEntry before = bench.at(kPageSpa);
      const RmpResult result = run(by);
      CHECK((bench.at(kPageSpa) == before) == (c.is != Is::kDone));
      RmpExecutor other = by;
      switch (c.is) {
        case Is::kDone:
          check_code(result, RmpCode::kSuccess,
                     adjusting ? RuleId::kRmpAdjusted : RuleId::kRmpPvalidateDone);
          break;
        case Is::kSizem:
          check_npf(result, 0xd80000005, RuleId::kRmpSizem);
          break;
        case Is::kNested:
          check_npf(result, 0x580000005, RuleId::kRmpSizemNested);
          other.agent.choices.sizem_of_nested_mismatch = true;
          check_npf(run(other), 0xd80000005, RuleId::kRmpSizemNested);
          break;
        case Is::kMismatch:
          check_code(result, RmpCode::kFailSizemismatch, RuleId::kRmpSizeMismatch);
          break;
        case Is::kMismatchNested:
          check_code(result, RmpCode::kFailSizemismatch, RuleId::kRmpSizeMismatchNested);
          other.agent.choices.guest_2m_needs_2m_nested = false;
          CHECK(run(other).code == RmpCode::kSuccess);
          break;
      }
    }
  }
}

TEST_CASE("a 4-KByte page inside a 2-MByte entry asks for a split of the whole") {
  const RmpBench bench;
  bench.put(kPageSpa, not_validated(k2M));
  const RmpExecutor by = RmpBench::guest_executor();
  const RmpResult result = pvalidate(bench.rmp, by, validate(k4K, true, 0x5000), page_at(0x5000));
  CHECK(result.verdict ==
        RmpVerdict{RmpOutcome::kNpf, RuleId::kRmpSizem, 0xd80000005, kPageGpa + 0x5000});
  CHECK(psmash(bench.rmp, RmpBench::host_executor(), HostPhysAddr(kPageSpa)).code ==
        RmpCode::kSuccess);
  CHECK(pvalidate(bench.rmp, by, validate(k4K, true, 0x5000), page_at(0x5000)).code ==
        RmpCode::kSuccess);
  CHECK(bench.at(kPageSpa + 0x5000).validated);
  CHECK_FALSE(bench.at(kPageSpa + 0x4000).validated);
}

TEST_CASE("RMPADJUST: codes in their order") {
  const RmpBench bench;
  RmpEntry entry = RmpBench::guest_page(kPageGpa);
  entry.permissions = {0x0f, 0x03, 0, 0};
  bench.put(kPageSpa, entry);
  const auto run = [&](u8 vmpl, const RmpadjustOperands& op) {
    return rmpadjust(bench.rmp, RmpBench::guest_executor(vmpl), op, page_at());
  };
  check_code(run(0, adjust(k2M, 0, 2, false, kPageSize)), RmpCode::kFailInput,
             RuleId::kRmpMisaligned);
  // The target must be less privileged: this is how software finds out that it runs at VMPL0.
  for (u8 vmpl = 0; vmpl < 4; ++vmpl) {
    for (u8 target = 0; target <= vmpl; ++target) {
      check_code(run(vmpl, adjust(k4K, target, 0)), RmpCode::kFailPermission,
                 RuleId::kRmpTargetVmpl);
    }
  }
  check_code(run(0, adjust(k4K, 4, 1)), RmpCode::kFailInput, RuleId::kRmpMissingVmpl);
  check_code(run(1, adjust(k4K, 2, 0x05)), RmpCode::kFailPermission, RuleId::kRmpNotSubset);
  check_code(run(0, adjust(k4K, 1, 0x02)), RmpCode::kFailInput, RuleId::kRmpIllegalMask);
  check_code(run(0, adjust(k4K, 1, 0x09)), RmpCode::kFailInput, RuleId::kRmpIllegalMask);
  CHECK(bench.at(kPageSpa) == entry);
  check_code(run(1, adjust(k4K, 2, 0x01)), RmpCode::kSuccess, RuleId::kRmpAdjusted);
  CHECK(bench.at(kPageSpa).permissions == std::array<u8, 4>{0x0f, 0x03, 0x01, 0});
  check_code(run(0, adjust(k4K, 1, 0)), RmpCode::kSuccess, RuleId::kRmpAdjusted);
  CHECK(bench.at(kPageSpa).permissions == std::array<u8, 4>{0x0f, 0, 0x01, 0});
}

TEST_CASE("RMPADJUST: how it refuses follows the profile") {
  const RmpBench bench;
  bench.put(kPageSpa, RmpBench::guest_page(kPageGpa));
  RmpExecutor by = RmpBench::guest_executor();
  by.agent.choices.rmpadjust_illegal_mask = RmpRefusal::kFailPermission;
  by.agent.choices.rmpadjust_missing_vmpl = RmpRefusal::kGeneralProtection;
  CHECK(rmpadjust(bench.rmp, by, adjust(k4K, 1, 0x02), page_at()).code == RmpCode::kFailPermission);
  CHECK(rmpadjust(bench.rmp, by, adjust(k4K, 9, 1), page_at()).verdict.outcome ==
        RmpOutcome::kGeneralProtection);
}

TEST_CASE("RMPADJUST: only VMPL0 makes a page a VMSA") {
  const RmpBench bench;
  RmpEntry entry = RmpBench::guest_page(kPageGpa);
  entry.permissions = {0x0f, 0x0f, 0, 0};
  bench.put(kPageSpa, entry);
  rmpadjust(bench.rmp, RmpBench::guest_executor(1), adjust(k4K, 2, 0, true), page_at());
  CHECK_FALSE(bench.at(kPageSpa).vmsa);
  rmpadjust(bench.rmp, RmpBench::guest_executor(0), adjust(k4K, 1, 0, true), page_at());
  CHECK(bench.at(kPageSpa).vmsa);
  rmpadjust(bench.rmp, RmpBench::guest_executor(1), adjust(k4K, 2, 0, false), page_at());
  CHECK(bench.at(kPageSpa).vmsa);
  rmpadjust(bench.rmp, RmpBench::guest_executor(0), adjust(k4K, 1, 0, false), page_at());
  CHECK_FALSE(bench.at(kPageSpa).vmsa);
}

TEST_CASE("RMPADJUST and RMPQUERY of a page that is not validated are #VC(0x404)") {
  const RmpBench bench;
  bench.put(kPageSpa, not_validated());
  const RmpExecutor by = RmpBench::guest_executor();
  const RmpVerdict vc{RmpOutcome::kVc, RuleId::kRmpNotValidated, 0x404, kPageGva};
  CHECK(rmpadjust(bench.rmp, by, adjust(k4K, 1, 1), page_at()).verdict == vc);
  CHECK(rmpquery(bench.rmp, by, {GuestVirtAddr(kPageGva), 0}, page_at()).result.verdict == vc);
}

TEST_CASE("RMPQUERY") {
  const RmpBench bench;
  RmpEntry entry = RmpBench::guest_page(kPageGpa, k2M);
  entry.permissions = {0x0f, 0x07, 0x01, 0};
  entry.vmsa = true;
  bench.put(kPageSpa, entry);
  const auto run = [&](u8 vmpl, u8 target) {
    return rmpquery(bench.rmp, RmpBench::guest_executor(vmpl), {GuestVirtAddr(kPageGva), target},
                    page_at(0, kSize2M));
  };
  CHECK(run(0, 0).rdx == 0x10f00);
  CHECK(run(0, 1).rdx == 0x10701);
  CHECK(run(1, 2).rdx == 0x10102);
  CHECK(run(1, 2).rcx == 1);
  check_code(run(0, 1).result, RmpCode::kSuccess, RuleId::kRmpQueried);
  check_code(run(1, 0).result, RmpCode::kFailPermission, RuleId::kRmpQueryTargetVmpl);
  check_code(run(0, 4).result, RmpCode::kFailInput, RuleId::kRmpMissingVmpl);
  RmpExecutor by = RmpBench::guest_executor();
  by.agent.choices.rmpquery_size_in_rcx = false;
  CHECK_FALSE(rmpquery(bench.rmp, by, {GuestVirtAddr(kPageGva), 0}, page_at(0, kSize2M)).rcx);
}

RmpOperand to_guest(u64 gpa, RmpPageSize size = k4K, bool immutable = false, u32 asid = 5) {
  return rmp_operand({GuestPhysAddr(gpa), true, size, immutable, asid});
}
RmpOperand to_host(RmpPageSize size = k4K) {
  return rmp_operand({GuestPhysAddr(0), false, size, false, 0});
}
RmpResult update(const RmpBench& bench, u64 spa, const RmpOperand& op) {
  return rmpupdate(bench.rmp, RmpBench::host_executor(), HostPhysAddr(spa), op);
}

TEST_CASE("RMPUPDATE: FAIL_INPUT") {
  const RmpBench bench;
  const u64 end = bench.kTable.covered();
  check_code(update(bench, 0x200800, to_guest(kPageGpa)), RmpCode::kFailInput,
             RuleId::kRmpMisaligned);
  check_code(update(bench, 0x201000, to_guest(kPageGpa, k2M)), RmpCode::kFailInput,
             RuleId::kRmpMisaligned);
  check_code(update(bench, end, to_guest(kPageGpa)), RmpCode::kFailInput, RuleId::kRmpNoEntry);
  check_code(update(bench, end, to_guest(kPageGpa, k2M)), RmpCode::kFailInput, RuleId::kRmpNoEntry);
  for (const unsigned n : {1u, 7u, 9u, 15u, 17u, 24u, 31u}) {
    RmpOperand op = to_guest(kPageGpa);
    op.high |= bit(n);
    check_code(update(bench, kPageSpa, op), RmpCode::kFailInput, RuleId::kRmpReservedInput);
  }
  struct Case {
    RmpOperandFields fields;
    bool good;
  };
  const Case cases[] = {
      {{GuestPhysAddr(kPageGpa), true, k4K, false, 5}, true},
      {{GuestPhysAddr(kPageGpa), true, k4K, true, 5}, true},
      {{GuestPhysAddr(0), true, k4K, true, 0}, true},     // the AMD-SP
      {{GuestPhysAddr(0), false, k4K, false, 0}, true},   // the hypervisor
      {{GuestPhysAddr(0), false, k4K, true, 0}, true},    // "any" in table 15-35
      {{GuestPhysAddr(0), true, k4K, false, 0}, false},   // no owner of table 15-35
      {{GuestPhysAddr(0), false, k4K, false, 5}, false},  // likewise
      {{GuestPhysAddr(kPageGpa), true, k4K, false, 1023}, true},
      {{GuestPhysAddr(kPageGpa), true, k4K, false, 1024}, false},
      {{GuestPhysAddr(bit(47)), true, k4K, false, 5}, true},
      {{GuestPhysAddr(bit(48)), true, k4K, false, 5}, false},  // 48 address bits
      {{GuestPhysAddr(kPageGpa + 1), true, k4K, false, 5}, false},
      {{GuestPhysAddr(kPageGpa + kPageSize), true, k2M, false, 5}, false},
  };
  for (const Case& c : cases) {
    CAPTURE(c.fields.gpa.value);
    CAPTURE(c.fields.asid);
    const RmpBench fresh;
    const RmpResult result = update(fresh, kPageSpa, rmp_operand(c.fields));
    CHECK(result.code == (c.good ? RmpCode::kSuccess : RmpCode::kFailInput));
    if (!c.good) CHECK(result.verdict.rule == RuleId::kRmpOperandInput);
    RmpExecutor lax = RmpBench::host_executor();
    lax.agent.choices.rmpupdate_strict_operand = false;
    CHECK(rmpupdate(RmpBench().rmp, lax, HostPhysAddr(kPageSpa), rmp_operand(c.fields)).code ==
          RmpCode::kSuccess);
  }
}

TEST_CASE("RMPUPDATE: FAIL_PERMISSION") {
  const RmpBench bench;
  RmpExecutor nested = RmpBench::host_executor();
  nested.agent.asid = 3;
  check_code(rmpupdate(bench.rmp, nested, HostPhysAddr(kPageSpa), to_guest(kPageGpa)),
             RmpCode::kFailPermission, RuleId::kRmpFromGuest);
  RmpEntry fixed;
  fixed.immutable = true;
  bench.put(kPageSpa + 0x5000, fixed);
  for (const RmpOperand& op : {to_guest(kPageGpa), to_host()}) {
    check_code(update(bench, kPageSpa + 0x5000, op), RmpCode::kFailPermission,
               RuleId::kRmpImmutable);
  }
  check_code(update(bench, kPageSpa, to_guest(kPageGpa, k2M)), RmpCode::kFailPermission,
             RuleId::kRmpImmutable);
}

TEST_CASE("RMPUPDATE: FAIL_INUSE until the holder lets go") {
  const RmpBench bench;
  const u64 page = kPageSpa + 0x5000;
  CHECK(hold_page(bench.rmp, HostPhysAddr(page)));
  for (const auto& [spa, op] :
       {std::pair{page, to_guest(kPageGpa)}, std::pair{kPageSpa, to_guest(kPageGpa, k2M)}}) {
    const RmpResult result = update(bench, spa, op);
    check_code(result, RmpCode::kFailInuse, RuleId::kRmpHeld);
    CHECK(result.held == HostPhysAddr(page));
  }
  CHECK(update(bench, page + kPageSize, to_guest(kPageGpa)).code == RmpCode::kSuccess);
  release_page(bench.rmp, HostPhysAddr(page));
  CHECK(update(bench, page, to_guest(kPageGpa)).code == RmpCode::kSuccess);
}

TEST_CASE("RMPUPDATE: FAIL_OVERLAP while the aligned entry is held, which counts the region") {
  const RmpBench bench;
  CHECK(hold_page(bench.rmp, HostPhysAddr(kPageSpa)));
  const RmpResult result = update(bench, kPageSpa + 0x5000, to_guest(kPageGpa));
  check_code(result, RmpCode::kFailOverlap, RuleId::kRmpContention);
  CHECK(result.held == HostPhysAddr(kPageSpa));
  check_code(update(bench, kPageSpa, to_guest(kPageGpa)), RmpCode::kFailInuse, RuleId::kRmpHeld);
  RmpExecutor other = RmpBench::host_executor();
  other.agent.choices.rmpupdate_contention = false;
  CHECK(rmpupdate(bench.rmp, other, HostPhysAddr(kPageSpa + 0x5000), to_guest(kPageGpa)).code ==
        RmpCode::kSuccess);
}

TEST_CASE("RMPUPDATE: FAIL_OVERLAP of 2 MByte and 4 KByte") {
  struct Case {
    bool large_there;  // a 2-MByte page is there, else a 4-KByte page at `there`
    u64 there, here;
    RmpPageSize size;
    bool strict, lax;  // overlaps, with rmpupdate_aligned_overlaps on and off
  };
  constexpr Case kCases[] = {
      {true, 0, 0x5000, k4K, true, true},
      {true, 0, 0, k4K, true, false},
      {true, 0, 0, k2M, false, false},
      {false, 0x5000, 0, k2M, true, true},
      {false, 0, 0, k2M, true, false},
      {false, 0x1ff000, 0, k2M, true, true},
      {false, 0x5000, 0x6000, k4K, false, false},
      {false, 0x5000, 0x5000, k4K, false, false},
  };
  for (const Case& c : kCases) {
    CAPTURE(c.there);
    CAPTURE(c.here);
    for (const bool aligned : {true, false}) {
      const RmpBench bench;
      RmpExecutor by = RmpBench::host_executor();
      by.agent.choices.rmpupdate_aligned_overlaps = aligned;
      REQUIRE(
          update(bench, kPageSpa + c.there, to_guest(kPageGpa, c.large_there ? k2M : k4K)).code ==
          RmpCode::kSuccess);
      const RmpResult result = rmpupdate(bench.rmp, by, HostPhysAddr(kPageSpa + c.here),
                                         to_guest(0x9000000, c.size, false, 6));
      const bool overlaps = aligned ? c.strict : c.lax;
      CHECK(result.code == (overlaps ? RmpCode::kFailOverlap : RmpCode::kSuccess));
      CHECK_FALSE(result.held);
      if (overlaps) CHECK(result.verdict.rule == RuleId::kRmpOverlap);
    }
  }
}

TEST_CASE("RMPUPDATE: a page given to a guest, and what resets it") {
  const RmpBench bench;
  const RmpResult given = update(bench, kPageSpa, to_guest(kPageGpa));
  check_code(given, RmpCode::kSuccess, RuleId::kRmpUpdated);
  CHECK(given.flush);
  RmpEntry expected = not_validated();
  CHECK(bench.at(kPageSpa) == expected);
  RmpEntry owned = RmpBench::guest_page(kPageGpa);
  owned.permissions = {0x0f, 0x03, 0x01, 0};
  owned.vmsa = true;
  struct Case {
    RmpOperand op;
    bool kept;
    RuleId rule;
  };
  for (const Case& c : {Case{to_guest(kPageGpa), true, RuleId::kRmpUpdated},
                        Case{to_guest(kPageGpa, k4K, true), true, RuleId::kRmpUpdatedImmutable},
                        Case{to_guest(kPageGpa + 0x1000), false, RuleId::kRmpUpdated},
                        Case{to_guest(kPageGpa, k4K, false, 6), false, RuleId::kRmpUpdated},
                        Case{to_guest(kPageGpa, k4K, true, 6), false, RuleId::kRmpUpdated},
                        Case{to_host(), false, RuleId::kRmpUnassigned},
                        Case{to_host(k2M), false, RuleId::kRmpOverlap}}) {
    bench.put(kPageSpa, owned);
    const RmpResult result = update(bench, kPageSpa, c.op);
    CHECK(result.verdict.rule == c.rule);
    if (c.rule == RuleId::kRmpOverlap) continue;
    const RmpEntry now = bench.at(kPageSpa);
    CHECK(now.validated == c.kept);
    CHECK(now.vmsa == c.kept);
    CHECK(now.permissions == (c.kept ? owned.permissions : std::array<u8, 4>{0x0f, 0, 0, 0}));
  }
  RmpExecutor sss = RmpBench::host_executor();
  sss.vmpl_sss = true;
  CHECK(rmpupdate(bench.rmp, sss, HostPhysAddr(kPageSpa + 0x7000), to_guest(kPageGpa)).code ==
        RmpCode::kSuccess);
  CHECK(bench.at(kPageSpa + 0x7000).permissions[0] == 0x1f);
}

TEST_CASE("RMPUPDATE: a freed 2-MByte page is free page by page") {
  const RmpBench bench;
  REQUIRE(update(bench, kPageSpa, to_guest(kPageGpa, k2M)).code == RmpCode::kSuccess);
  check_code(update(bench, kPageSpa, to_host(k2M)), RmpCode::kSuccess, RuleId::kRmpUnassigned);
  CHECK(bench.at(kPageSpa).size == k4K);
  CHECK(update(bench, kPageSpa + 0x3000, to_guest(kPageGpa)).code == RmpCode::kSuccess);
  CHECK(bench.rmp.authoritative(HostPhysAddr(kPageSpa + 0x3000)).asid == 5);
}

TEST_CASE("Subpage_Count counts the other 511") {
  const RmpBench bench;
  const auto count = [&] { return bench.at(kPageSpa).subpage_count; };
  update(bench, kPageSpa, to_guest(kPageGpa));
  CHECK(count() == 0);
  update(bench, kPageSpa + 0x1000, to_guest(kPageGpa + 0x1000));
  update(bench, kPageSpa + 0x2000, to_guest(kPageGpa + 0x2000));
  CHECK(count() == 2);
  update(bench, kPageSpa + 0x2000, to_guest(kPageGpa + 0x4000));  // assigned before and after
  CHECK(count() == 2);
  update(bench, kPageSpa + 0x2000, to_host());
  update(bench, kPageSpa, to_host());
  CHECK(count() == 1);
  CHECK_FALSE(bench.at(kPageSpa).assigned);
}

TEST_CASE("PSMASH: codes") {
  const RmpBench bench;
  const auto run = [&](u64 spa, u32 asid = 0) {
    RmpExecutor by = RmpBench::host_executor();
    by.agent.asid = asid;
    return psmash(bench.rmp, by, HostPhysAddr(spa));
  };
  check_code(run(0x201000), RmpCode::kFailInput, RuleId::kRmpMisaligned);
  check_code(run(bench.kTable.covered()), RmpCode::kFailInput, RuleId::kRmpNoEntry);
  check_code(run(kPageSpa, 3), RmpCode::kFailPermission, RuleId::kRmpFromGuest);
  check_code(run(kPageSpa), RmpCode::kFailBadaddr, RuleId::kRmpNothingToSplit);
  update(bench, kPageSpa, to_guest(kPageGpa));
  check_code(run(kPageSpa), RmpCode::kFailBadaddr, RuleId::kRmpNothingToSplit);
  update(bench, 0x400000, to_guest(kPageGpa, k2M, true));
  check_code(run(0x400000), RmpCode::kFailPermission, RuleId::kRmpImmutable);
  bench.put(0x600000, RmpBench::guest_page(kPageGpa, k2M));
  CHECK(hold_page(bench.rmp, HostPhysAddr(0x600000)));
  const RmpResult held = run(0x600000);
  check_code(held, RmpCode::kFailInuse, RuleId::kRmpHeld);
  CHECK(held.held == HostPhysAddr(0x600000));
  release_page(bench.rmp, HostPhysAddr(0x600000));
  CHECK(hold_page(bench.rmp, HostPhysAddr(0x605000)));  // a page inside
  CHECK(run(0x600000).held == HostPhysAddr(0x605000));
  release_page(bench.rmp, HostPhysAddr(0x605000));
  CHECK(run(0x600000).flush);
  check_code(run(0x600000), RmpCode::kFailBadaddr, RuleId::kRmpNothingToSplit);
}

TEST_CASE("PSMASH: 512 entries of the same owner, rights and validation") {
  const RmpBench bench;
  RmpEntry large = RmpBench::guest_page(kPageGpa, k2M);
  large.permissions = {0x0f, 0x05, 0, 0};
  bench.put(kPageSpa, large);
  check_code(psmash(bench.rmp, RmpBench::host_executor(), HostPhysAddr(kPageSpa)),
             RmpCode::kSuccess, RuleId::kRmpSmashed);
  for (unsigned i = 0; i < 512; ++i) {
    RmpEntry expected = large;
    expected.size = k4K;
    expected.gpa = GuestPhysAddr(kPageGpa + i * 0x1000);
    expected.subpage_count = i == 0 ? 511 : 0;
    CHECK(bench.at(kPageSpa + i * 0x1000) == expected);
  }
  CHECK(bench.at(kPageSpa + kSize2M) == RmpEntry{});
}

TEST_CASE("RMPREAD") {
  const RmpBench bench;
  const auto run = [&](u64 spa, u32 asid = 0) {
    RmpExecutor by = RmpBench::host_executor();
    by.agent.asid = asid;
    return rmpread(bench.rmp, by, HostPhysAddr(spa));
  };
  check_code(run(0x200800).result, RmpCode::kFailInput, RuleId::kRmpMisaligned);
  check_code(run(bench.kTable.covered()).result, RmpCode::kFailInput, RuleId::kRmpNoEntry);
  check_code(run(kPageSpa, 3).result, RmpCode::kFailPermission, RuleId::kRmpFromGuest);
  check_code(run(kPageSpa).result, RmpCode::kSuccess, RuleId::kRmpRead);
  CHECK(run(kPageSpa).entry == RmpOperand{});
  RmpEntry entry = RmpBench::guest_page(kPageGpa, k2M);
  entry.vmsa = true;
  bench.put(kPageSpa, entry);
  CHECK(run(kPageSpa).entry == to_guest(kPageGpa, k2M));
  CHECK_FALSE(run(kPageSpa).entry.region_status());
  CHECK(run(kPageSpa + 0x1000).entry == RmpOperand{});  // its own entry, which is ignored
  psmash(bench.rmp, RmpBench::host_executor(), HostPhysAddr(kPageSpa));
  CHECK(run(kPageSpa + 0x1000).entry.gpa().value == kPageGpa + 0x1000);
  CHECK(run(kPageSpa + 0x1000).entry.region_status());
  RmpExecutor by = RmpBench::host_executor();
  by.agent.choices.rmpread_region_status = false;
  CHECK(rmpread(bench.rmp, by, HostPhysAddr(kPageSpa + 0x1000)).entry ==
        to_guest(kPageGpa + 0x1000));
}

}  // namespace
}  // namespace nptsim::svm
