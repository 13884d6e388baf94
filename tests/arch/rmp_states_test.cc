// The table of page states and transitions against the functions that make them.
#include <doctest/doctest.h>

#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "sim/arch/svm/rmp_states.h"
#include "tests/arch/rmp_bench.h"

namespace nptsim::svm {
namespace {

constexpr u64 kRegionSpa = 0x200000, kRegionGpa = 0x7000000;
using Edge = std::tuple<RmpPageState, RmpPageState, RmpCause>;

// A page in that state; 4 KByte unless `large`.
RmpEntry sample(RmpPageState state, bool large) {
  RmpEntry e = RmpBench::guest_page(kRegionGpa, large ? RmpPageSize::k2M : RmpPageSize::k4K);
  e.validated = state == RmpPageState::kGuestValid || state == RmpPageState::kPreSwap;
  const bool guests = state >= RmpPageState::kPreGuest;
  if (!guests) e.asid = 0, e.gpa = {}, e.permissions = {};
  switch (state) {
    case RmpPageState::kHypervisor:
      return {};
    case RmpPageState::kHvFixed:
      e = {}, e.immutable = true;
      return e;
    case RmpPageState::kFirmware:
    case RmpPageState::kPreGuest:
    case RmpPageState::kPreSwap:
      e.immutable = true;
      break;
    case RmpPageState::kFirmwareIommu:
      e.immutable = true, e.gpa = GuestPhysAddr(u64{2} << 48 | kPageSize);
      break;
    case RmpPageState::kContext:
      e.immutable = e.vmsa = true;
      break;
    case RmpPageState::kMetadata:
      e.immutable = true, e.gpa = GuestPhysAddr(u64{1} << 48 | 0x5000);
      break;
    default:
      break;
  }
  return e;
}

constexpr RmpPageState kWithEntry[] = {
    RmpPageState::kHypervisor,    RmpPageState::kHvFixed,   RmpPageState::kFirmware,
    RmpPageState::kFirmwareIommu, RmpPageState::kReclaim,   RmpPageState::kContext,
    RmpPageState::kMetadata,      RmpPageState::kPreGuest,  RmpPageState::kPreSwap,
    RmpPageState::kGuestInvalid,  RmpPageState::kGuestValid};

TEST_CASE("each state by its fields") {
  for (const RmpPageState state : kWithEntry) {
    CAPTURE(std::string(name_of(state)));
    CHECK(page_state(sample(state, false)) == state);
  }
  CHECK(page_state(RmpBench().rmp, HostPhysAddr(RmpBench::kTable.covered())) ==
        RmpPageState::kDefault);
  for (unsigned i = 0; i < kRmpPageStates; ++i) {
    CHECK(static_cast<unsigned>(kRmpPageStateTexts[i].state) == i);
  }
}

// All that instructions can do to one page, with the operands that matter.
std::vector<RmpOperand> updates(bool large) {
  std::vector<RmpOperand> ops;
  const RmpPageSize size = large ? RmpPageSize::k2M : RmpPageSize::k4K;
  for (const bool assigned : {false, true}) {
    for (const bool immutable : {false, true}) {
      for (const u32 asid : {0u, RmpBench::kAsid, RmpBench::kAsid + 1}) {
        for (const u64 gpa : {u64{0}, kRegionGpa, kRegionGpa + kSize2M}) {
          ops.push_back(rmp_operand({GuestPhysAddr(gpa), assigned, size, immutable, asid}));
        }
      }
    }
  }
  return ops;
}

class Walker {
 public:
  std::set<Edge> edges;  // between different states, and changes within one

  void explore(RmpPageState from, bool large) {
    const RmpEntry entry = sample(from, large);
    for (const RmpOperand& op : updates(large)) {
      attempt(from, entry, RmpCause::kRmpupdate, [&](const RmpBench& b) {
        return rmpupdate(b.rmp, RmpBench::host_executor(), HostPhysAddr(kRegionSpa), op);
      });
    }
    attempt(from, entry, RmpCause::kPsmash, [&](const RmpBench& b) {
      return psmash(b.rmp, RmpBench::host_executor(), HostPhysAddr(kRegionSpa));
    });
    const RmpGuestPage page{GuestVirtAddr(0), entry.gpa, HostPhysAddr(kRegionSpa),
                            large ? kSize2M : kPageSize};
    RmpExecutor by = RmpBench::guest_executor();
    for (const u32 asid : {RmpBench::kAsid, RmpBench::kAsid + 1}) {
      by.agent.asid = asid;
      for (const bool on : {false, true}) {
        attempt(from, entry, RmpCause::kPvalidate, [&](const RmpBench& b) {
          return pvalidate(b.rmp, by, {page.gva, entry.size, on}, page);
        });
      }
      attempt(from, entry, RmpCause::kRmpadjust, [&](const RmpBench& b) {
        return rmpadjust(b.rmp, by, {page.gva, entry.size, 1, 1, true}, page);
      });
    }
  }

 private:
  template <class Do>
  void attempt(RmpPageState from, const RmpEntry& entry, RmpCause cause, Do&& instruction) {
    const RmpBench bench;
    bench.put(kRegionSpa, entry);
    const RmpResult result = instruction(bench);
    const RmpPageState to = page_state(bench.rmp, HostPhysAddr(kRegionSpa));
    if (bench.at(kRegionSpa) == entry) return;
    CHECK(result.ends());
    CHECK(result.code == RmpCode::kSuccess);
    // The hypervisor can make what the firmware refuses later: its page with a GPA.
    if (to == RmpPageState::kInvalid) {
      const RmpEntry now = bench.at(kRegionSpa);
      CHECK((now.asid == 0 && now.immutable && now.gpa.value != 0));
      return;
    }
    edges.insert({from, to, cause});
  }
};

std::string text_of(const Edge& edge) {
  const auto& [from, to, cause] = edge;
  return std::string(name_of(from)) + " -> " + std::string(name_of(to)) + " by " +
         std::string(name_of(cause));
}

TEST_CASE("the table has every transition that instructions make, and no other") {
  Walker walker;
  for (const RmpPageState state : kWithEntry) {
    for (const bool large : {false, true}) walker.explore(state, large);
  }
  std::set<Edge> listed;
  for (const RmpTransition& t : rmp_transitions()) {
    if (!is_instruction(t.cause)) continue;
    const Edge edge{t.from, t.to, t.cause};
    CAPTURE(text_of(edge));
    CHECK(listed.insert(edge).second);
    CHECK(walker.edges.contains(edge));
  }
  for (const Edge& edge : walker.edges) {
    // A page of the hypervisor with a GPA, or a reclaimed page with one, is the same to anybody.
    const auto& [from, to, cause] = edge;
    if (from == to && from == RmpPageState::kHypervisor) continue;
    CAPTURE(text_of(edge));
    CHECK(listed.contains(edge));
  }
}

TEST_CASE("the table's firmware commands write what makes the state") {
  for (const RmpTransition& t : rmp_transitions()) {
    CHECK(is_instruction(t.cause) == (t.firmware_writes == nullptr));
    CHECK_FALSE(t.source.empty());
    if (!t.firmware_writes) continue;
    RmpEntry entry = sample(t.from, false);
    t.firmware_writes(entry);
    CAPTURE(std::string(name_of(t.to)));
    CHECK(page_state(entry) == t.to);
  }
}

TEST_CASE("what instructions cannot touch is left to firmware") {
  for (const RmpTransition& t : rmp_transitions()) {
    const bool firmwares = sample(t.from, false).immutable;
    if (firmwares) CHECK_FALSE(is_instruction(t.cause));
  }
}

}  // namespace
}  // namespace nptsim::svm
