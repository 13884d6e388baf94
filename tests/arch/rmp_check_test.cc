// The RMP access checks: every row of the manual's tables, each with what fails it and what does
// not.
#include <doctest/doctest.h>

#include <string>

#include "tests/arch/rmp_bench.h"

namespace nptsim::svm {
namespace {

constexpr u64 kSpa = 0x203000, kGpa = 0x7003000, kGva = 0x40003678;

// One thing wrong with a page that is otherwise the guest's.
enum class Wrong {
  kNothing,
  kNotCovered,
  kFree,       // the hypervisor's
  kOther,      // another guest's
  kElsewhere,  // at another GPA
  kImmutable,  //
  kLarge,      // a 2-MByte entry under a 4-KByte leaf
  kInvalid,    // not validated
  kRights,     // VMPL0 lacks everything
};
constexpr const char* kWrongNames[] = {"nothing",   "not covered", "free",    "other", "gpa",
                                       "immutable", "large",       "invalid", "rights"};
constexpr unsigned kWrongs = 9;

u64 prepare(const RmpBench& bench, Wrong wrong) {
  RmpEntry entry = RmpBench::guest_page(kGpa);
  switch (wrong) {
    case Wrong::kNothing:
      break;
    case Wrong::kNotCovered:
      return kSpa + bench.kTable.covered();
    case Wrong::kFree:
      return kSpa;
    case Wrong::kOther:
      entry.asid = RmpBench::kAsid + 1;
      break;
    case Wrong::kElsewhere:
      entry.gpa = GuestPhysAddr(kGpa + kPageSize);
      break;
    case Wrong::kImmutable:
      entry.immutable = true;
      break;
    case Wrong::kLarge:
      bench.put(0x200000, RmpBench::guest_page(0x7000000, RmpPageSize::k2M));
      return kSpa;
    case Wrong::kInvalid:
      entry.validated = false;
      break;
    case Wrong::kRights:
      entry.permissions[0] = 0;
      break;
  }
  bench.put(kSpa, entry);
  return kSpa;
}

RmpAccess access_of(RmpUse use, bool is_private, u64 spa) {
  RmpAccess access;
  access.use = use;
  access.is_private = is_private;
  access.spa = HostPhysAddr(spa + 0x678);
  access.gpa = GuestPhysAddr(kGpa + 0x678);
  access.linear = kGva;
  access.nested_write = is_table(use);
  return access;
}

// Table 15-38: what each row answers to each thing that is wrong. Codes are EXITINFO1, 0x404 of #VC
// or the #PF error code; 0: allowed.
struct Row {
  const char* name;
  RmpAgent agent;
  RmpUse use;
  bool c;
  u64 answers[kWrongs];
};

constexpr u64 kVcCode = 0x404;
constexpr u64 kHostPf = 0x80000003;
constexpr u64 kShared = 0x180000007;    // a shared write of a guest
constexpr u64 kSevWrite = 0x580000007;  // a private write of a guest without SNP
constexpr u64 kSevTable = 0x680000007;
constexpr u64 kVmplBit = bit(36);
constexpr u64 priv(u64 code, Wrong wrong) {
  if (wrong == Wrong::kNothing) return 0;
  if (wrong == Wrong::kInvalid) return kVcCode;
  return wrong == Wrong::kRights ? code | kVmplBit : code;
}
#define NPTSIM_PRIVATE(code)                                                                     \
  {                                                                                              \
    priv(code, Wrong::kNothing), priv(code, Wrong::kNotCovered), priv(code, Wrong::kFree),       \
        priv(code, Wrong::kOther), priv(code, Wrong::kElsewhere), priv(code, Wrong::kImmutable), \
        priv(code, Wrong::kLarge), priv(code, Wrong::kInvalid), priv(code, Wrong::kRights)       \
  }

using enum RmpAgent;
using enum RmpUse;
// clang-format off
constexpr Row kRows[] = {
    //                                               nothing  uncov free  other    gpa      immut    large    invalid  rights
    {"1 host read",   kHost, RmpUse::kRead,   false, {0,       0,   0,    0,       0,       0,       0,       0,       0}},
    {"1 host fetch",  kHost, kFetch,          false, {0,       0,   0,    0,       0,       0,       0,       0,       0}},
    {"2 host write",  kHost, kWrite,          false, {kHostPf, 0,   0,    kHostPf, kHostPf, kHostPf, kHostPf, kHostPf, kHostPf}},
    {"2 host table",  kHost, kTableUpdate,    false, {kHostPf, 0,   0,    kHostPf, kHostPf, kHostPf, kHostPf, kHostPf, kHostPf}},
    {"3 plain read",  kGuest, RmpUse::kRead,  false, {0,       0,   0,    0,       0,       0,       0,       0,       0}},
    {"3 SEV read",    kGuest, RmpUse::kRead,  true,  {0,       0,   0,    0,       0,       0,       0,       0,       0}},
    {"3 SEV fetch",   kGuest, kFetch,         true,  {0,       0,   0,    0,       0,       0,       0,       0,       0}},
    {"4 plain write", kGuest, kWrite,         false, {kShared, 0,   0,    kShared, kShared, kShared, kShared, kShared, kShared}},
    {"4 SEV write",   kGuest, kWrite,         true,  {kSevWrite, 0, 0,    kSevWrite, kSevWrite, kSevWrite, kSevWrite, kSevWrite, kSevWrite}},
    {"4 SEV table",   kGuest, kTableUpdate,   true,  {kSevTable, 0, 0,    kSevTable, kSevTable, kSevTable, kSevTable, kSevTable, kSevTable}},
    {"4 SEV table",   kGuest, kTableRead,     true,  {kSevTable, 0, 0,    kSevTable, kSevTable, kSevTable, kSevTable, kSevTable, kSevTable}},
    {"5 SNP read",    kSnpGuest, RmpUse::kRead, false, {0,     0,   0,    0,       0,       0,       0,       0,       0}},
    {"6 SNP write",   kSnpGuest, kWrite,      false, {kShared, 0,   0,    kShared, kShared, kShared, kShared, kShared, kShared}},
    {"7 SNP read",    kSnpGuest, RmpUse::kRead, true, NPTSIM_PRIVATE(0x580000005)},
    {"8 SNP write",   kSnpGuest, kWrite,      true,  NPTSIM_PRIVATE(0x580000007)},
    {"9 SNP fetch",   kSnpGuest, kFetch,      true,  NPTSIM_PRIVATE(0x580000015)},
    {"10 SNP table",  kSnpGuest, kTableRead,  true,  NPTSIM_PRIVATE(0x680000007)},
    {"10 SNP table",  kSnpGuest, kTableUpdate, true, NPTSIM_PRIVATE(0x680000007)},
};
// clang-format on

RmpOutcome outcome_of(const Row& row, u64 code) {
  if (code == 0) return RmpOutcome::kAllowed;
  if (code == kVcCode) return RmpOutcome::kVc;
  return row.agent == kHost ? RmpOutcome::kPageFault : RmpOutcome::kNpf;
}

u64 address_of(const Row& row, RmpOutcome outcome) {
  if (outcome == RmpOutcome::kAllowed) return 0;
  if (outcome != RmpOutcome::kNpf) return kGva;
  return row.use == kFetch ? kGpa : kGpa + 0x678;
}

TEST_CASE("every row of the access table, with everything that can be wrong") {
  for (const Row& row : kRows) {
    for (unsigned i = 0; i < kWrongs; ++i) {
      CAPTURE(row.name);
      CAPTURE(kWrongNames[i]);
      const RmpBench bench;
      const u64 spa = prepare(bench, static_cast<Wrong>(i));
      const RmpAgentState state =
          row.agent == kHost ? RmpBench::host() : RmpBench::guest(row.agent);
      const RmpVerdict verdict = check_access(bench.rmp, state, access_of(row.use, row.c, spa));
      CHECK(verdict.error_code == row.answers[i]);
      CHECK(verdict.outcome == outcome_of(row, row.answers[i]));
      CHECK(verdict.address == address_of(row, verdict.outcome));
    }
  }
}

RmpVerdict private_read(const RmpBench& bench, u64 spa = kSpa) {
  return check_access(bench.rmp, RmpBench::guest(kSnpGuest), access_of(RmpUse::kRead, true, spa));
}

TEST_CASE("of several things wrong the first check in order decides") {
  // The last one that is still wrong is found when all before it are mended.
  const RmpBench bench;
  RmpEntry entry;
  entry.assigned = entry.immutable = true;
  entry.asid = 9;
  bench.put(kSpa, entry);
  CHECK(private_read(bench, kSpa + bench.kTable.covered()).rule == RuleId::kRmpCovered);
  CHECK(private_read(bench).rule == RuleId::kRmpGuestOwned);
  entry.asid = RmpBench::kAsid, bench.put(kSpa, entry);
  CHECK(private_read(bench).rule == RuleId::kRmpReverseMap);
  entry.gpa = GuestPhysAddr(kGpa), bench.put(kSpa, entry);
  CHECK(private_read(bench).rule == RuleId::kRmpMutable);
  entry.immutable = false, bench.put(kSpa, entry);
  RmpAccess large = access_of(RmpUse::kRead, true, kSpa);
  large.leaf_size = kSize2M;
  CHECK(check_access(bench.rmp, RmpBench::guest(kSnpGuest), large).rule == RuleId::kRmpPageSize);
  CHECK(private_read(bench).rule == RuleId::kRmpValidated);
  entry.validated = true, bench.put(kSpa, entry);
  CHECK(private_read(bench).rule == RuleId::kRmpVmpl);
  entry.permissions[0] = 1, bench.put(kSpa, entry);
  CHECK(private_read(bench).allowed());
}

TEST_CASE("leaf and entry sizes of a private access") {
  struct Size {
    u64 leaf;
    RmpPageSize entry;
    bool allowed;
  };
  for (const Size& row :
       {Size{kPageSize, RmpPageSize::k4K, true}, Size{kPageSize, RmpPageSize::k2M, false},
        Size{kSize2M, RmpPageSize::k4K, false}, Size{kSize2M, RmpPageSize::k2M, true},
        Size{kSize1G, RmpPageSize::k4K, false}, Size{kSize1G, RmpPageSize::k2M, true}}) {
    const RmpBench bench;
    const bool large = row.entry == RmpPageSize::k2M;
    bench.put(large ? 0x200000 : kSpa, RmpBench::guest_page(large ? 0x7000000 : kGpa, row.entry));
    RmpAccess access = access_of(RmpUse::kRead, true, kSpa);
    access.leaf_size = row.leaf;
    const RmpVerdict verdict = check_access(bench.rmp, RmpBench::guest(kSnpGuest), access);
    CHECK(verdict.allowed() == row.allowed);
    // SIZEM is for PVALIDATE and RMPADJUST alone.
    if (!row.allowed) CHECK(verdict.error_code == 0x580000005);
  }
}

TEST_CASE("each right of a VMPL, one at a time") {
  struct Need {
    RmpUse use;
    Privilege privilege;
    u8 needed;
  };
  constexpr Need kNeeds[] = {
      {RmpUse::kRead, Privilege::kSupervisor, 1},
      {kWrite, Privilege::kUser, 2},
      {kFetch, Privilege::kUser, 4},
      {kFetch, Privilege::kSupervisor, 8},
      {kTableRead, Privilege::kUser, 1},
      {kTableUpdate, Privilege::kUser, 3},
  };
  for (const Need& need : kNeeds) {
    for (unsigned mask = 0; mask < 16; ++mask) {
      CAPTURE(mask);
      const RmpBench bench;
      RmpEntry entry = RmpBench::guest_page(kGpa);
      entry.permissions = {0x0f, static_cast<u8>(mask), 0, 0};
      bench.put(kSpa, entry);
      RmpAccess access = access_of(need.use, true, kSpa);
      access.privilege = need.privilege;
      const RmpVerdict one = check_access(bench.rmp, RmpBench::guest(kSnpGuest, 1), access);
      CHECK(one.allowed() == ((mask & need.needed) == need.needed));
      CHECK((one.allowed() || (one.error_code & (kErrorVmpl | kErrorRmp | kErrorP)) ==
                                  (kErrorVmpl | kErrorRmp | kErrorP)));
      CHECK(check_access(bench.rmp, RmpBench::guest(kSnpGuest, 0), access).allowed());
      CHECK_FALSE(check_access(bench.rmp, RmpBench::guest(kSnpGuest, 2), access).allowed());
    }
  }
}

TEST_CASE("a write through a large mapping fails on any assigned page of the 2 MByte") {
  for (const u64 neighbour : {0x200000, 0x204000, 0x3ff000}) {
    const RmpBench bench;
    bench.put(neighbour, RmpBench::guest_page(kGpa));
    for (const u64 size : {kPageSize, kSize2M, kSize1G}) {
      const bool large = size != kPageSize;
      RmpAccess access = access_of(kWrite, false, kSpa);
      access.leaf_size = size;
      const RmpVerdict host = check_access(bench.rmp, RmpBench::host(), access);
      CHECK(host.rule == (large ? RuleId::kRmpHostWrite : RuleId::kRmpAllowed));
      RmpAgentState device;
      device.agent = kDevice;
      const RmpVerdict dma = check_access(bench.rmp, device, access);
      CHECK(dma.outcome == (large ? RmpOutcome::kDeviceFault : RmpOutcome::kAllowed));
      CHECK(dma.rule == (large ? RuleId::kRmpDevice : RuleId::kRmpAllowed));
      CHECK(check_access(bench.rmp, RmpBench::guest(kSnpGuest), access).rule ==
            (large ? RuleId::kRmpHvOwned : RuleId::kRmpAllowed));
      // An A or D bit is a write of 4 KByte, whatever maps it.
      access.use = kTableUpdate;
      CHECK(check_access(bench.rmp, RmpBench::host(), access).allowed());
      access.use = RmpUse::kRead;
      CHECK(check_access(bench.rmp, device, access).allowed());
    }
  }
}

TEST_CASE("the host's #PF tells user from supervisor, a table access is a rule of its own") {
  const RmpBench bench;
  bench.put(kSpa, RmpBench::guest_page(kGpa));
  RmpAccess access = access_of(kWrite, false, kSpa);
  CHECK(check_access(bench.rmp, RmpBench::host(), access) ==
        RmpVerdict{RmpOutcome::kPageFault, RuleId::kRmpHostWrite, 0x80000003, kGva});
  access.privilege = Privilege::kUser;
  CHECK(check_access(bench.rmp, RmpBench::host(), access).error_code == 0x80000007);
  access.use = kTableRead;
  CHECK(check_access(bench.rmp, RmpBench::host(), access).rule == RuleId::kRmpHostTable);
}

// Suthikulpanit, kernel mailing list, 2024-09-30: the AVIC backing page of a running plain guest.
TEST_CASE("a host write to a page in use is a fault although the page is the hypervisor's") {
  const RmpBench bench;
  CHECK(hold_page(bench.rmp, HostPhysAddr(kSpa)));
  CHECK_FALSE(hold_page(bench.rmp, HostPhysAddr(kSpa)));  // another vCPU
  const RmpAccess access = access_of(kWrite, false, kSpa);
  CHECK(check_access(bench.rmp, RmpBench::host(), access) ==
        RmpVerdict{RmpOutcome::kPageFault, RuleId::kRmpInUse, 0x80000003, kGva});
  RmpAgentState newer;
  newer.hv_in_use_write_allowed = true;
  CHECK(check_access(bench.rmp, newer, access).allowed());
  RmpAccess read = access;
  read.use = RmpUse::kRead;
  CHECK(check_access(bench.rmp, RmpBench::host(), read).allowed());
  CHECK(check_access(bench.rmp, RmpBench::guest(kGuest), access).allowed());
  release_page(bench.rmp, HostPhysAddr(kSpa));
  CHECK(check_access(bench.rmp, RmpBench::host(), access).allowed());
  // What the RMP does not cover cannot be held.
  CHECK(hold_page(bench.rmp, HostPhysAddr(kSpa + bench.kTable.covered())));
}

TEST_CASE("erratum: with the aligned page in use, large mappings find all 2 MByte in use") {
  const RmpBench bench;
  CHECK(hold_page(bench.rmp, HostPhysAddr(0x200000)));
  RmpAccess access = access_of(kWrite, false, kSpa);
  CHECK(check_access(bench.rmp, RmpBench::host(), access).allowed());
  access.leaf_size = kSize2M;
  CHECK(check_access(bench.rmp, RmpBench::host(), access).rule == RuleId::kRmpInUse2M);
  RmpAgentState mended;
  mended.choices.in_use_2m_erratum = false;
  CHECK(check_access(bench.rmp, mended, access).allowed());
  RmpAgentState newer;
  newer.hv_in_use_write_allowed = true;
  CHECK(check_access(bench.rmp, newer, access).allowed());
}

// Table 15-40.
TEST_CASE("pages that are handed to the hardware") {
  struct Expected {
    HardwarePage page;
    RmpOutcome failure;
    bool held;
  };
  constexpr Expected kExpected[] = {
      {HardwarePage::kVmcb, RmpOutcome::kGeneralProtection, true},
      {HardwarePage::kHsave, RmpOutcome::kGeneralProtection, false},
      {HardwarePage::kVmsa, RmpOutcome::kInvalidExit, true},
      {HardwarePage::kAvicBacking, RmpOutcome::kInvalidExit, true},
      {HardwarePage::kPmlBuffer, RmpOutcome::kInvalidExit, true},
      {HardwarePage::kIbsBuffer, RmpOutcome::kInvalidExit, true},
      {HardwarePage::kVmsave, RmpOutcome::kGeneralProtection, false},
      {HardwarePage::kVirtualVmsave, RmpOutcome::kNpf, false},
      {HardwarePage::kNestedUpdate, RmpOutcome::kNpf, false},
  };
  for (const Expected& row : kExpected) {
    CAPTURE(std::string(row_of(row.page).name));
    CHECK(row_of(row.page).held == row.held);
    const RmpBench bench;
    const RmpAgentState state = RmpBench::guest(kGuest);
    RmpAccess access = access_of(kWrite, false, kSpa);
    access.leaf_size = kSize2M;  // does not matter: 4 KByte
    bench.put(kSpa + kPageSize, RmpBench::guest_page(kGpa));
    CHECK(check_hardware_page(bench.rmp, state, row.page, access).allowed());
    bench.put(kSpa, RmpBench::guest_page(kGpa));
    const RmpVerdict verdict = check_hardware_page(bench.rmp, state, row.page, access);
    CHECK(verdict.outcome == row.failure);
    const bool nested = row.page == HardwarePage::kNestedUpdate;
    CHECK(verdict.rule == (nested ? RuleId::kRmpNestedUpdate : RuleId::kRmpHardwarePage));
    CHECK(verdict.error_code == (row.failure == RmpOutcome::kNpf ? 0x180000007 : 0));
  }
}

TEST_CASE("the VMSA of an SNP guest") {
  struct Case {
    void (*change)(RmpEntry&);
    RuleId rule;
  };
  const Case cases[] = {
      {[](RmpEntry&) {}, RuleId::kRmpAllowed},
      {[](RmpEntry& e) { e.gpa = GuestPhysAddr(0x5000); },
       RuleId::kRmpAllowed},  // nothing to compare
      {[](RmpEntry& e) { e.assigned = false, e.asid = 0; }, RuleId::kRmpGuestOwned},
      {[](RmpEntry& e) { e.asid = 6; }, RuleId::kRmpGuestOwned},
      {[](RmpEntry& e) { e.immutable = true; }, RuleId::kRmpMutable},
      {[](RmpEntry& e) { e.vmsa = false; }, RuleId::kRmpVmsa},
  };
  for (const Case& c : cases) {
    const RmpBench bench;
    RmpEntry entry = RmpBench::guest_page(kGpa);
    entry.vmsa = true;
    c.change(entry);
    bench.put(kSpa, entry);
    const RmpVerdict verdict =
        check_hardware_page(bench.rmp, RmpBench::guest(kSnpGuest), HardwarePage::kSnpVmsa,
                            access_of(kWrite, true, kSpa));
    CHECK(verdict.rule == c.rule);
    CHECK(verdict.outcome ==
          (c.rule == RuleId::kRmpAllowed ? RmpOutcome::kAllowed : RmpOutcome::kInvalidExit));
  }
  const RmpBench bench;
  CHECK(check_hardware_page(bench.rmp, RmpBench::guest(kSnpGuest), HardwarePage::kSnpVmsa,
                            access_of(kWrite, true, kSpa + bench.kTable.covered()))
            .rule == RuleId::kRmpCovered);
}

}  // namespace
}  // namespace nptsim::svm
