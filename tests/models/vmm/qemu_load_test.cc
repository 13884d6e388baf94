// QEMU's rows load: every name they use exists, every stage is total, no row is shadowed.
#include <doctest/doctest.h>

#include <algorithm>

#include "models/vmm/qemu/pflash.h"
#include "sim/rules/graph.h"
#include "tests/models/vmm/qemu_story.h"

using namespace nptsim;

TEST_CASE("the vocabulary is sound") {
  for (const std::string& problem : qemu::vocabulary().problems()) FAIL_CHECK(problem);
  for (const rules::ActionDef& action : qemu::vocabulary().actions()) {
    CAPTURE(action.name);
    CHECK((action.sealed != nullptr));  // QEMU never reads a guest's registers here
    CHECK_FALSE(action.writes.empty());
    CHECK_FALSE(action.text.empty());
  }
}

TEST_CASE("each version passes the checker") {
  for (const char* version :
       {"qemu-7.2", "qemu-8.0", "qemu-8.2", "qemu-9.0", "qemu-9.1", "qemu-9.2", "qemu-10.2"}) {
    CAPTURE(version);
    const auto checked = qemu_test::checked_qemu(version);
    if (!checked.ok()) FAIL(qemu_test::tell(checked.error()));
    std::vector<std::string> names;
    for (const rules::Exported& one : checked.value().exported()) names.push_back(one.name);
    for (const std::string_view entry :
         {qemu::kEntryStart, qemu::kExitUserspace, qemu::kScriptRomdOn, qemu::kScriptRomdOff}) {
      CHECK(std::find(names.begin(), names.end(), entry) != names.end());
    }
  }
}

TEST_CASE("the CFI table of a 4 MiB build's two chips") {
  constexpr qemu::FlashShape kCode{.size = 0x37c000}, kVars{.size = 0x84000};
  CHECK(qemu::cfi_byte(kCode, 0x10) == 'Q');
  CHECK(qemu::cfi_byte(kCode, 0x12) == 'Y');
  CHECK(qemu::cfi_byte(kCode, 0x13) == 1);
  CHECK(qemu::cfi_byte(kCode, 0x27) == 14);  // the lowest set bit: no power of two
  CHECK(qemu::cfi_byte(kVars, 0x27) == 14);
  CHECK(qemu::cfi_byte({.size = 0x400000}, 0x27) == 22);
  CHECK(qemu::cfi_byte(kCode, 0x2a) == 8);
  CHECK(qemu::cfi_byte(kCode, 0x2d) == 0x7b);  // 0x37c sectors, minus 1
  CHECK(qemu::cfi_byte(kCode, 0x2e) == 0x03);
  CHECK(qemu::cfi_byte(kCode, 0x2f) == 0x10);
  CHECK(qemu::cfi_byte(kCode, 0x35) == '0');
  CHECK(qemu::cfi_byte(kCode, 0x52) == 0);  // beyond the table
  CHECK(qemu::cfi_byte(kCode, 0xff) == 0);
}
