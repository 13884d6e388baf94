// The AMD-SP's commands: what each leaves behind, and the order in which it refuses.
#include "sim/arch/svm/snp_firmware.h"

#include <doctest/doctest.h>

#include <cstring>
#include <functional>
#include <string>

#include "tests/arch/rmp_bench.h"

namespace nptsim::svm {
namespace {

using enum FirmwareCommand;
using enum FirmwareStatus;

constexpr HostPhysAddr kContext{0x5000}, kPage{0x200000}, kSmall{0x6000};
constexpr u32 kAsid = 3;
constexpr u64 kPolicy = bit(kPolicySmt) | bit(kPolicyReservedOne);

struct Stage {
  RmpBench bench;
  CpuProfile profile;
  SnpFirmware firmware;

  Stage() : profile(profile_of(bench)), firmware(profile, bench.memory) {}

  static CpuProfile profile_of(const RmpBench& bench) {
    CpuProfile profile;
    profile.rmp = bench.rmp.table();
    return profile;
  }

  FirmwareStatus run(FirmwareRequest request) { return firmware.run(request).status; }
  void put(HostPhysAddr page, const RmpEntry& entry) { bench.rmp.write(page, entry); }
  RmpPageState state(HostPhysAddr page) { return page_state(bench.rmp, page); }

  // Up to and with the named command.
  void make_guest(FirmwareCommand last) {
    RmpEntry donated;
    donated.assigned = donated.immutable = true;
    put(kContext, donated);
    for (const FirmwareCommand command : {kGctxCreate, kLaunchStart, kActivate, kLaunchFinish}) {
      REQUIRE(run({.command = command, .context = kContext, .policy = kPolicy, .asid = kAsid}) ==
              kSuccess);
      if (command == last) return;
    }
  }
};

RmpEntry pre_guest(u64 gpa, RmpPageSize size = RmpPageSize::k4K, u32 asid = kAsid) {
  RmpEntry entry;
  entry.assigned = entry.immutable = true;
  entry.size = size;
  entry.gpa = GuestPhysAddr(gpa);
  entry.asid = asid;
  entry.permissions[0] = all_permissions(false);
  return entry;
}

TEST_CASE("a launch, page by page: what the guest finds") {
  Stage s;
  s.make_guest(kActivate);
  CHECK(s.state(kContext) == RmpPageState::kContext);
  const u64 text = 0x1122334455667788;
  s.bench.memory.write_bytes(kSmall, &text, 8, arch::kNoKey);
  s.put(kSmall, pre_guest(0x7000));
  CHECK(s.run({.command = kLaunchUpdate,
               .context = kContext,
               .page = kSmall,
               .type = SnpPageType::kNormal,
               .rights = {1, 0, 0}}) == kSuccess);
  CHECK(s.state(kSmall) == RmpPageState::kGuestValid);
  CHECK(s.bench.rmp.own(kSmall).permissions[1] == 1);
  CHECK_FALSE(s.bench.rmp.own(kSmall).vmsa);
  u64 seen = 0;
  s.bench.memory.read_bytes(kSmall, &seen, 8, arch::guest_key(kAsid, 1));
  CHECK(seen == text);
}

TEST_CASE("a zero page and a secrets page have nothing of what the host wrote") {
  for (const SnpPageType type : {SnpPageType::kZero, SnpPageType::kSecrets}) {
    Stage s;
    s.make_guest(kActivate);
    const u64 text = 7;
    s.bench.memory.write_bytes(kSmall, &text, 8, arch::kNoKey);
    s.put(kSmall, pre_guest(0x7000));
    CHECK(s.run({.command = kLaunchUpdate, .context = kContext, .page = kSmall, .type = type}) ==
          kSuccess);
    u64 seen = 1;
    s.bench.memory.read_bytes(kSmall, &seen, 8, arch::guest_key(kAsid, 1));
    CHECK(seen == 0);
  }
}

TEST_CASE("a VMSA is marked as one") {
  Stage s;
  s.make_guest(kActivate);
  s.put(kSmall, pre_guest(0xfffffffff000));
  CHECK(s.run({.command = kLaunchUpdate,
               .context = kContext,
               .page = kSmall,
               .type = SnpPageType::kVmsa}) == kSuccess);
  CHECK(s.bench.rmp.own(kSmall).vmsa);
}

// Each row breaks one thing more than the row below it, so that the first check has to win.
TEST_CASE("SNP_LAUNCH_UPDATE refuses in the order of the firmware") {
  struct Row {
    const char* name;
    FirmwareCommand made;  // how far the guest is
    HostPhysAddr context, page;
    RmpEntry entry;
    RmpPageSize size;
    SnpPageType type;
    FirmwareStatus status;
  };
  const auto k4K = RmpPageSize::k4K, k2M = RmpPageSize::k2M;
  const Row rows[] = {
      {"no context page",
       kGctxCreate,
       kSmall,
       kPage,
       {},
       k2M,
       SnpPageType::kReserved,
       kInvalidGuest},
      {"a hypervisor page",
       kGctxCreate,
       kContext,
       kPage,
       {},
       k2M,
       SnpPageType::kReserved,
       kInvalidPageState},
      {"another page size", kGctxCreate, kContext, kPage, pre_guest(0x7000, k4K, 9), k2M,
       SnpPageType::kReserved, kInvalidPageSize},
      {"no page type", kGctxCreate, kContext, kPage, pre_guest(0x7000, k4K, 9), k4K,
       SnpPageType::kReserved, kInvalidParam},
      {"2 MByte of secrets", kGctxCreate, kContext, kPage, pre_guest(0x200000, k2M, 9), k2M,
       SnpPageType::kSecrets, kInvalidPageSize},
      {"no launch yet", kGctxCreate, kContext, kPage, pre_guest(0x7000, k4K, 9), k4K,
       SnpPageType::kNormal, kInvalidGuestState},
      {"no ASID yet", kLaunchStart, kContext, kPage, pre_guest(0x7000, k4K, 9), k4K,
       SnpPageType::kNormal, kInactive},
      {"another guest's page", kActivate, kContext, kPage, pre_guest(0x7000, k4K, 9), k4K,
       SnpPageType::kNormal, kInvalidPageOwner},
      {"the launch is over", kLaunchFinish, kContext, kPage, pre_guest(0x7000), k4K,
       SnpPageType::kNormal, kInvalidGuestState},
      {"good", kActivate, kContext, kPage, pre_guest(0x200000, k2M), k2M, SnpPageType::kNormal,
       kSuccess},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.name));
    Stage s;
    s.make_guest(row.made);
    s.put(row.page, row.entry);
    const RmpEntry before = s.bench.rmp.own(row.page);
    const FirmwareStatus status = s.run({.command = kLaunchUpdate,
                                         .context = row.context,
                                         .page = row.page,
                                         .size = row.size,
                                         .type = row.type});
    CHECK(status == row.status);
    if (status != kSuccess) CHECK(s.bench.rmp.own(row.page) == before);
  }
}

TEST_CASE("SNP_PAGE_RECLAIM: by the state of the page") {
  using enum RmpPageState;
  struct Row {
    std::function<void(RmpEntry&)> make;
    RmpPageState from;
    FirmwareStatus status;
    RmpPageState to;
  };
  const Row rows[] = {
      {[](RmpEntry& e) { e = {}; }, kHypervisor, kSuccess, kHypervisor},
      {[](RmpEntry& e) { e = {}, e.immutable = true; }, kHvFixed, kInvalidPageState, kHvFixed},
      {[](RmpEntry& e) { e = {}, e.assigned = e.immutable = true; }, kFirmware, kSuccess, kReclaim},
      {[](RmpEntry& e) { e = {}, e.assigned = e.immutable = e.vmsa = true; },
       RmpPageState::kContext, kInvalidPageState, RmpPageState::kContext},
      {[](RmpEntry&) {}, kPreGuest, kSuccess, kGuestInvalid},
      {[](RmpEntry& e) { e.validated = true; }, kPreSwap, kSuccess, kGuestValid},
      {[](RmpEntry& e) { e.immutable = false; }, kGuestInvalid, kSuccess, kGuestInvalid},
      {[](RmpEntry& e) { e.validated = true, e.immutable = false; }, kGuestValid, kSuccess,
       kGuestValid},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(name_of(row.from)));
    Stage s;
    RmpEntry entry = pre_guest(0x7000);
    row.make(entry);
    s.put(kSmall, entry);
    REQUIRE(s.state(kSmall) == row.from);
    CHECK(s.run({.command = kPageReclaim, .page = kSmall}) == row.status);
    CHECK(s.state(kSmall) == row.to);
  }
}

TEST_CASE("a page of another size, or of the RMP itself, is not looked at further") {
  Stage s;
  s.put(kPage, pre_guest(0x200000, RmpPageSize::k2M));
  CHECK(s.run({.command = kPageReclaim, .page = kPage}) == kInvalidPageSize);
  CHECK(s.run({.command = kPageReclaim, .page = kPage, .size = RmpPageSize::k2M}) == kSuccess);
  const HostPhysAddr table(s.bench.rmp.table().base);
  CHECK(s.run({.command = kPageReclaim, .page = table}) == kInvalidParam);
}

TEST_CASE("SNP_LAUNCH_START wants a policy that the platform can keep") {
  for (const u64 policy : {u64{0}, bit(kPolicySmt), bit(kPolicyReservedOne), kPolicy | 0x200,
                           kPolicy | bit(21), kPolicy | bit(40)}) {
    Stage s;
    s.make_guest(kGctxCreate);
    CHECK(s.run({.command = kLaunchStart, .context = kContext, .policy = policy}) ==
          kPolicyFailure);
    CHECK(s.run({.command = kLaunchStart, .context = kContext, .policy = kPolicy}) == kSuccess);
    CHECK(s.run({.command = kLaunchStart, .context = kContext, .policy = kPolicy}) ==
          kInvalidGuestState);
  }
}

TEST_CASE("SNP_ACTIVATE refuses an ASID that owns pages") {
  Stage s;
  s.make_guest(kLaunchStart);
  s.put(kSmall, pre_guest(0x7000));
  CHECK(s.run({.command = kActivate, .context = kContext, .asid = kAsid}) == kInvalidConfig);
  CHECK(s.run({.command = kActivate, .context = kContext, .asid = kAsid + 1}) == kSuccess);
}

TEST_CASE("a CPUID page: the firmware says what it would take, in plain text") {
  Stage s;
  s.make_guest(kActivate);
  u8 page[kPageSize] = {};
  const u32 count = 1, leaf = 0x100, eax = 7;
  std::memcpy(page, &count, 4);
  std::memcpy(page + 16, &leaf, 4);
  std::memcpy(page + 16 + 24, &eax, 4);
  s.bench.memory.write_bytes(kSmall, page, sizeof page, arch::kNoKey);
  s.put(kSmall, pre_guest(0x7000));
  const FirmwareRequest request = {
      .command = kLaunchUpdate, .context = kContext, .page = kSmall, .type = SnpPageType::kCpuid};
  CHECK(s.run(request) == kInvalidParam);
  CHECK(s.state(kSmall) == RmpPageState::kPreGuest);
  u32 seen = 1;
  s.bench.memory.read_bytes(kSmall + 16 + 24, &seen, 4, arch::kNoKey);
  CHECK(seen == 0);
  CHECK(s.run(request) == kSuccess);
}

TEST_CASE("SNP_PAGE_UNSMASH is the reverse of PSMASH, for pages that wait for the firmware") {
  Stage s;
  for (unsigned i = 0; i < kPagesIn2M; ++i) {
    s.put(kPage + i * kPageSize, pre_guest(0x400000 + i * kPageSize));
  }
  RmpEntry odd = s.bench.rmp.own(kPage + 5 * kPageSize);
  odd.gpa = GuestPhysAddr(0x9000);
  s.put(kPage + 5 * kPageSize, odd);
  CHECK(s.run({.command = kPageUnsmash, .page = kPage}) == kInvalidPageState);
  odd.gpa = GuestPhysAddr(0x400000 + 5 * kPageSize);
  s.put(kPage + 5 * kPageSize, odd);
  const RmpEntry first = s.bench.rmp.own(kPage);
  RmpEntry wrong = first;
  wrong.gpa = GuestPhysAddr(0x401000);
  s.put(kPage, wrong);
  CHECK(s.run({.command = kPageUnsmash, .page = kPage}) == kInvalidPageState);
  wrong = first;
  wrong.size = RmpPageSize::k2M;
  s.put(kPage, wrong);
  CHECK(s.run({.command = kPageUnsmash, .page = kPage}) == kInvalidPageState);
  s.put(kPage, first);
  CHECK(s.run({.command = kPageUnsmash, .page = kPage}) == kSuccess);
  CHECK(s.bench.rmp.own(kPage).speaks_for_2m());
  CHECK(s.state(kPage + 9 * kPageSize) == RmpPageState::kPreGuest);
  const RmpEntry ninth = s.bench.rmp.own(kPage + 9 * kPageSize);
  CHECK(ninth.asid == 0);
  CHECK_FALSE(ninth.immutable);
  CHECK(ninth.gpa == GuestPhysAddr(0x400000 + 9 * kPageSize));
}

TEST_CASE("a guest that is gone leaves a firmware page") {
  Stage s;
  s.make_guest(kLaunchFinish);
  CHECK(s.run({.command = kDecommission, .context = kContext}) == kSuccess);
  CHECK(s.state(kContext) == RmpPageState::kFirmware);
  CHECK(s.run({.command = kDecommission, .context = kContext}) == kInvalidGuest);
  CHECK(s.run({.command = kPageSetState, .page = kContext}) == kSuccess);
  CHECK(s.state(kContext) == RmpPageState::kHvFixed);
}

}  // namespace
}  // namespace nptsim::svm
