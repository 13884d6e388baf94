// ReflectVC: below VMPL0 what would be #VC is an exit, and the VMSA says which (APM vol. 2
// rev. 3.45, 15.36.9).
#include <doctest/doctest.h>

#include <initializer_list>
#include <string>

#include "tests/arch/snp_bench.h"

namespace nptsim::svm {
namespace {

// A guest at `vmpl` that was granted everything.
struct ReflectBench : SnpBench {
  explicit ReflectBench(u64 vmpl, bool reflects = true) {
    v().state.vmpl = vmpl;
    if (reflects) v().state.sev_features |= kReflectVc;
    const u64 tables = v().registers.cr3;
    for (u64 gpa : {kCodeGpa, kCodeGpa + kPageSize, kDataGpa, kIdtGpa, kStackGpa, kGdtGpa})
      grant(gpa);
    for (u64 n = 0; guest.spa_of(tables + n * kPageSize) >= kPageSize; ++n)
      grant(tables + n * kPageSize);
  }

  void grant(u64 gpa) {
    RmpEntry e = guest_page(gpa);
    e.permissions = {0x0f, 0x0f, 0x0f, 0x0f};
    put(gpa, e);
  }
};

struct ReflectCase {
  const char* what;
  std::initializer_list<u8> bytes;
  void (*prepare)(ReflectBench&);
  u64 code, info_1, info_2;
  bool tells_next;
};

void leave_alone(ReflectBench&) {}
void make_mmio(ReflectBench& b) { b.set_nested(kDataGpa, 0, bit(46)); }
void make_page_fault(ReflectBench& b) {
  set_intercept(b.v().control, exit_code::kException0 + isa::kPf);
  b.set(b.guest_leaf(kDataVa), 0, b.key());
}

// "The same information as for a standard exit."
const ReflectCase kReflected[] = {
    {"CPUID", {0x0f, 0xa2}, leave_alone, 0x72, 0, 0, true},
    {"OUT 0x80, AL", {0xe6, 0x80}, leave_alone, 0x7b, 0x800210, kCodeVa + 2, true},
    {"RDMSR", {0x0f, 0x32}, leave_alone, 0x7c, 0, 0, true},
    {"WRMSR", {0x0f, 0x30}, leave_alone, 0x7c, 1, 0, true},
    {"MMIO", {0x48, 0x8b, 0x03}, make_mmio, 0x400, 0x50000000d, kDataGpa, false},
    {"intercepted #PF", {0x48, 0x8b, 0x03}, make_page_fault, 0x4e, 0, kDataVa, false},
};

TEST_CASE("a reflected #VC: the exit says that there was one, the VMSA which") {
  for (const ReflectCase& row : kReflected) {
    CAPTURE(std::string(row.what));
    for (u64 vmpl = 1; vmpl < 4; ++vmpl) {
      ReflectBench b(vmpl);
      b.code(row.bytes);
      row.prepare(b);
      const Attempt a = b.step();
      REQUIRE(a.kind == AttemptKind::kExit);
      CHECK(a.rule == RuleId::kReflectedVc);
      CHECK(b.v().exit.exit_code == 0x5d);
      CHECK(b.v().exit.exit_info_1 == 0);
      CHECK(b.v().exit.exit_info_2 == 0);
      CHECK(b.v().exit.nrip == 0);
      CHECK(b.v().registers.rip == kCodeVa);
      const GuestExit& told = b.v().state.exit;
      CHECK(told.code == row.code);
      CHECK(told.info_1 == row.info_1);
      CHECK(told.info_2 == row.info_2);
      CHECK(told.int_info == 0);
      CHECK(told.nrip == (row.tells_next ? kCodeVa + row.bytes.size() : 0));
    }
  }
}

TEST_CASE("at VMPL0, and without the bit, #VC is the guest's own") {
  for (const ReflectCase& row : kReflected) {
    CAPTURE(std::string(row.what));
    for (const bool reflects : {false, true}) {
      ReflectBench b(reflects ? 0 : 1, reflects);
      b.code(row.bytes);
      row.prepare(b);
      const Attempt a = b.step();
      REQUIRE(a.kind == AttemptKind::kDelivered);
      CHECK(a.event ==
            isa::Event{29, isa::EventType::kException, true, static_cast<u32>(row.code)});
    }
  }
}

TEST_CASE("an automatic exit tells the VMSA what it tells the VMCB, reflected or not") {
  for (const bool reflects : {false, true}) {
    ReflectBench b(1, reflects);
    b.code({0xf4});  // hlt
    CHECK(b.step().exit_code == exit_code::kHlt);
    CHECK(b.v().state.exit.code == 0x78);
    b.load();
    b.set_nested(kDataGpa, kEntryP, 0);
    CHECK(b.step().exit_code == 0x400);
    CHECK(b.v().state.exit.code == 0x400);
    CHECK(b.v().state.exit.info_1 == b.v().exit.exit_info_1);
    CHECK(b.v().state.exit.info_2 == kDataGpa);
  }
}

TEST_CASE("what the manual does not say of reflected events is no guess") {
  ReflectBench invalid(1);
  RmpEntry e = invalid.guest_page(kDataGpa);
  e.validated = false;
  invalid.put(kDataGpa, e);
  invalid.load();
  const Attempt a = invalid.step();
  CHECK(a.kind == AttemptKind::kUnspecified);
  CHECK(a.gap == Gap::kReflectNotValidated);
}

}  // namespace
}  // namespace nptsim::svm
