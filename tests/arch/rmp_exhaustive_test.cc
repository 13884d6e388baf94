// What SEV-SNP promises, checked in every state that a host and two guests can bring a small
// machine into: two regions of 2 MByte, of which the first two pages are used one by one. Every
// operation with every operand of a small set is tried in every state, breadth first; states that
// differ only in the names of guests or regions are one.
//
// The guests are as careful as the manual asks of them: they never validate a GPA twice. That this
// is needed is the last test: a careless guest is fooled.
//
// On the way every operation is done a second time by the naive twin, which must come to the same
// end and the same pages.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <set>
#include <string>
#include <vector>

#include "tests/arch/rmp_bench.h"
#include "tests/arch/rmp_twin.h"

namespace nptsim::svm {
namespace {

constexpr unsigned kRegions = 2, kUsed = 2, kGuests = 2, kGpas = 4;
constexpr u64 kRegion[kRegions] = {0x200000, 0x400000};
// Two pages each of two aligned ranges of guest memory.
constexpr u64 kGpa[kGpas] = {0x600000, 0x601000, 0x800000, 0x801000};
constexpr u64 offset_of(u64 address) { return address % kSize2M; }
constexpr u64 spa_of(unsigned page) { return kRegion[page / kUsed] + (page % kUsed) * kPageSize; }
constexpr unsigned kPages = kRegions * kUsed;

// What a guest remembers of a GPA: where it was when it validated it, and whether anybody else
// could have written there since.
struct Belief {
  u8 page = kPages;  // kPages: it holds the GPA for not validated
  bool tainted = false;

  bool valid() const { return page != kPages; }
  bool operator==(const Belief&) const = default;
};

struct State {
  RmpWords entry[kRegions][kUsed + 1];  // the last one stands for the other 510 pages
  Belief belief[kGuests][kGpas];
};
using Key = std::vector<u64>;

Key key_of(const State& s, bool swap_regions, bool swap_guests) {
  Key key;
  for (unsigned r = 0; r < kRegions; ++r) {
    for (RmpWords words : s.entry[r ^ unsigned{swap_regions}]) {
      RmpEntry entry = decode(words);
      if (swap_guests && entry.asid != 0) entry.asid = 3 - entry.asid;
      words = encode(entry);
      key.push_back(words.q1), key.push_back(words.q2);
    }
  }
  for (unsigned g = 0; g < kGuests; ++g) {
    u64 word = 0;
    for (const Belief& b : s.belief[g ^ unsigned{swap_guests}]) {
      unsigned page = b.page;
      if (swap_regions && b.valid()) page = (page + kUsed) % kPages;
      word = word << 8 | page << 1 | unsigned{b.tainted};
    }
    key.push_back(word);
  }
  return key;
}

Key canonical(const State& s) {
  return std::min({key_of(s, false, false), key_of(s, true, false), key_of(s, false, true),
                   key_of(s, true, true)});
}

// The machine, and what is in it now.
class World {
 public:
  explicit World(bool careful) : careful_(careful) {}

  void load(const State& s) {
    for (unsigned r = 0; r < kRegions; ++r) {
      for (unsigned i = 0; i < kUsed; ++i) put(kRegion[r] + i * kPageSize, s.entry[r][i]);
      load_rest(r, s.entry[r][kUsed]);
    }
    beliefs_ = s;
  }
  State save() const {
    State s = beliefs_;
    for (unsigned r = 0; r < kRegions; ++r) {
      for (unsigned i = 0; i <= kUsed; ++i) {
        s.entry[r][i] = bench_.rmp.words(HostPhysAddr(kRegion[r] + i * kPageSize));
      }
    }
    return s;
  }
  const Rmp& rmp() const { return bench_.rmp; }
  Belief& belief(unsigned guest, unsigned gpa) { return beliefs_.belief[guest][gpa]; }
  bool careful() const { return careful_; }

  RmpVerdict guest_access(unsigned guest, u64 gpa, u64 spa, u64 leaf, bool write) const {
    RmpAccess access;
    access.use = write ? RmpUse::kWrite : RmpUse::kRead;
    access.is_private = true;
    access.gpa = GuestPhysAddr(gpa), access.spa = HostPhysAddr(spa), access.leaf_size = leaf;
    RmpAgentState state = RmpBench::guest(RmpAgent::kSnpGuest);
    state.asid = guest + 1;
    return check_access(rmp(), state, access);
  }
  bool host_writes(u64 spa) const {
    RmpAccess access;
    access.use = RmpUse::kWrite;
    access.spa = HostPhysAddr(spa);
    return check_access(rmp(), RmpBench::host(), access).allowed();
  }

 private:
  void put(u64 spa, RmpWords words) { bench_.put(spa, decode(words)); }
  // The other 510 pages were last written by PSMASH, or never.
  void load_rest(unsigned region, RmpWords first) {
    const u64 base = kRegion[region];
    if (bench_.rmp.words(HostPhysAddr(base + kUsed * kPageSize)) == first) return;
    RmpEntry entry = decode(first);
    for (unsigned i = kUsed; i < kPagesIn2M; ++i) {
      bench_.put(base + i * kPageSize, entry);
      if (entry.assigned) entry.gpa = entry.gpa + kPageSize;
    }
  }

  RmpBench bench_;
  State beliefs_{};
  bool careful_;
};

struct Operation {
  enum class Kind { kUpdate, kSmash, kValidate, kAdjust } kind = Kind::kUpdate;
  u64 spa = 0;  // of a guest's: where the host's tables lead
  RmpOperand operand{};
  unsigned guest = 0;
  u64 gpa = 0;
  u64 leaf = kPageSize;
  RmpPageSize size = RmpPageSize::k4K;
  bool on = false;
};

RmpExecutor executor(const Operation& op) {
  const bool guests = op.kind == Operation::Kind::kValidate || op.kind == Operation::Kind::kAdjust;
  if (!guests) return RmpBench::host_executor();
  RmpExecutor by = RmpBench::guest_executor();
  by.agent.asid = op.guest + 1;
  return by;
}

RmpResult execute(const World& world, const Operation& op) {
  const RmpExecutor by = executor(op);
  const RmpGuestPage page{GuestVirtAddr(op.gpa), GuestPhysAddr(op.gpa), HostPhysAddr(op.spa),
                          op.leaf};
  switch (op.kind) {
    case Operation::Kind::kUpdate:
      return rmpupdate(world.rmp(), by, HostPhysAddr(op.spa), op.operand);
    case Operation::Kind::kSmash:
      return psmash(world.rmp(), by, HostPhysAddr(op.spa));
    case Operation::Kind::kValidate:
      return pvalidate(world.rmp(), by, {page.gva, op.size, op.on}, page);
    case Operation::Kind::kAdjust:
      return rmpadjust(world.rmp(), by, {page.gva, op.size, 1, 1, false}, page);
  }
  NPTSIM_BUG("an operation that does not exist");
}

void add_updates(std::vector<Operation>& ops, u64 spa, RmpPageSize size) {
  const auto add = [&](const RmpOperandFields& fields) {
    Operation op;
    op.spa = spa, op.operand = rmp_operand(fields);
    ops.push_back(op);
  };
  const bool large = size == RmpPageSize::k2M;
  add({GuestPhysAddr(0), false, size, false, 0});
  if (!large) add({GuestPhysAddr(0), true, size, true, 0});
  for (u32 asid = 1; asid <= kGuests; ++asid) {
    for (const u64 gpa : {kGpa[0], large ? kGpa[2] : kGpa[1]}) {
      for (const bool immutable : {false, true}) {
        add({GuestPhysAddr(gpa), true, size, immutable, asid});
      }
    }
  }
}

// All pages that a host may put under a GPA, through leafs of either size.
template <class Visit>
void for_each_mapping(Visit&& visit) {
  for (const u64 gpa : kGpa) {
    for (unsigned page = 0; page < kPages; ++page) {
      visit(gpa, spa_of(page), kPageSize);
      if (offset_of(gpa) == offset_of(spa_of(page))) visit(gpa, spa_of(page), kSize2M);
    }
  }
}

std::vector<Operation> all_operations() {
  std::vector<Operation> ops;
  for (unsigned page = 0; page < kPages; ++page) add_updates(ops, spa_of(page), RmpPageSize::k4K);
  for (const u64 region : kRegion) {
    add_updates(ops, region, RmpPageSize::k2M);
    ops.push_back({.kind = Operation::Kind::kSmash, .spa = region});
  }
  for_each_mapping([&](u64 gpa, u64 spa, u64 leaf) {
    for (unsigned guest = 0; guest < kGuests; ++guest) {
      Operation op{.spa = spa, .guest = guest, .gpa = gpa, .leaf = leaf};
      op.kind = Operation::Kind::kAdjust;
      if (gpa == kGpa[0]) ops.push_back(op);
      op.kind = Operation::Kind::kValidate;
      for (const bool on : {false, true}) {
        op.on = on, op.size = RmpPageSize::k4K;
        ops.push_back(op);
        op.size = RmpPageSize::k2M;
        if (offset_of(gpa) == 0) ops.push_back(op);
      }
    }
  });
  return ops;
}

// The GPAs that a PVALIDATE is about: indices into kGpa.
std::vector<unsigned> gpas_of(const Operation& op) {
  std::vector<unsigned> gpas;
  for (unsigned i = 0; i < kGpas; ++i) {
    const bool inside = kGpa[i] >= op.gpa && kGpa[i] < op.gpa + bytes_of(op.size);
    if (inside) gpas.push_back(i);
  }
  return gpas;
}

// Would a careful guest do that? It validates what it holds for not valid, and rescinds the rest.
bool guest_would(World& world, const Operation& op) {
  if (op.kind != Operation::Kind::kValidate || !world.careful()) return true;
  const auto gpas = gpas_of(op);
  return std::all_of(gpas.begin(), gpas.end(),
                     [&](unsigned i) { return world.belief(op.guest, i).valid() != op.on; });
}

void remember(World& world, const Operation& op, const RmpResult& result) {
  const bool changed = result.ends() && result.code == RmpCode::kSuccess && !result.carry;
  if (op.kind != Operation::Kind::kValidate || !changed) return;
  for (const unsigned i : gpas_of(op)) {
    const u64 spa = op.spa + (kGpa[i] - op.gpa);
    Belief& belief = world.belief(op.guest, i);
    belief = {};
    for (unsigned page = 0; op.on && page < kPages; ++page) {
      if (spa_of(page) == spa) belief.page = static_cast<u8>(page);
    }
  }
}

// Whether anybody but `guest` could write the page now.
bool others_write(const World& world, unsigned guest, u64 spa) {
  if (world.host_writes(spa)) return true;
  bool found = false;
  for_each_mapping([&](u64 gpa, u64 where, u64 leaf) {
    const unsigned other = 1 - guest;
    found = found || (where == spa && world.guest_access(other, gpa, spa, leaf, true).allowed());
  });
  return found;
}

void taint(World& world) {
  for (unsigned guest = 0; guest < kGuests; ++guest) {
    for (unsigned i = 0; i < kGpas; ++i) {
      Belief& belief = world.belief(guest, i);
      if (!belief.valid() || belief.tainted) continue;
      belief.tainted = others_write(world, guest, spa_of(belief.page));
    }
  }
}

// The promises, by name; those that were broken are collected.
class Promises {
 public:
  std::set<std::string> broken;
  void expect(bool holds, const char* promise) {
    if (!holds) broken.insert(promise);
  }
};

constexpr char kOneOwner[] = "a 2-MByte page has no owners inside";
constexpr char kOneMapping[] = "a GPA of a guest is valid in one page only";
constexpr char kCount[] = "Subpage_Count is the number of assigned pages";
constexpr char kReset[] = "a page with another owner, GPA or size is not validated";
constexpr char kAllOrNothing[] = "what fails changes nothing";
constexpr char kImmutable[] = "no instruction changes an immutable page";
constexpr char kNotAlone[] = "what a guest can access, nobody else can write";
constexpr char kNoticed[] = "a guest only gets at the page that it validated";
constexpr char kTwinEnd[] = "operations end as the twin's do";
constexpr char kTwinPages[] = "operations leave the pages that the twin's leave";
constexpr char kTwinAccess[] = "accesses end as the twin's do";
constexpr char kIntegrity[] = "what others could have written since is noticed";

void check_structure(const World& world, Promises& p) {
  const Rmp& rmp = world.rmp();
  for (const u64 region : kRegion) {
    const RmpEntry aligned = rmp.own(HostPhysAddr(region));
    const auto assigned_at = [&](unsigned i) {
      return unsigned{rmp.own(HostPhysAddr(region + i * kPageSize)).assigned};
    };
    const unsigned assigned = assigned_at(1) + (kPagesIn2M - kUsed) * assigned_at(kUsed);
    p.expect(aligned.subpage_count == assigned, kCount);
    if (aligned.speaks_for_2m()) p.expect(assigned == 0, kOneOwner);
  }
}

GuestPhysAddr gpa_of_page(const Rmp& rmp, u64 spa) {
  const RmpEntry entry = rmp.authoritative(HostPhysAddr(spa));
  return entry.gpa + (spa - rmp.authoritative_page(HostPhysAddr(spa)).value);
}

// The same for the naive twin.
twin::RmpRegion twin_of(const Rmp& rmp, unsigned region) {
  twin::RmpRegion pages;
  for (unsigned i = 0; i < pages.size(); ++i) {
    const HostPhysAddr spa(kRegion[region] + i * kPageSize);
    const RmpEntry e = rmp.authoritative(spa);
    const u64 gpa = e.assigned ? gpa_of_page(rmp, spa.value).value : 0;
    pages.at(i) = {e.assigned,        e.asid,          gpa, e.immutable, e.validated,
                   e.speaks_for_2m(), e.permissions[1]};
  }
  return pages;
}

unsigned region_of(u64 spa) { return spa >= kRegion[1] ? 1 : 0; }

twin::RmpRequest twin_request(const Operation& op) {
  twin::RmpRequest request;
  request.page = static_cast<unsigned>((op.spa - kRegion[region_of(op.spa)]) / kPageSize);
  request.large_leaf = op.leaf != kPageSize;
  request.on = op.on;
  if (op.kind == Operation::Kind::kUpdate) {
    request.large = op.operand.size() == RmpPageSize::k2M;
    request.give = op.operand.assigned(), request.fix = op.operand.immutable();
    request.asid = op.operand.asid(), request.gpa = op.operand.gpa().value;
  } else {
    request.large = op.size == RmpPageSize::k2M;
    request.asid = op.guest + 1, request.gpa = op.gpa;
  }
  return request;
}

int twin_end(const RmpVerdict& verdict) {
  if (verdict.outcome == RmpOutcome::kVc) return twin::kNotValidated;
  if (verdict.outcome != RmpOutcome::kNpf) return 0;
  return verdict.error_code & kErrorSizem ? twin::kSizeFault : twin::kPageFault;
}

int twin_end(const RmpResult& result) {
  if (!result.ends()) return twin_end(result.verdict);
  return result.carry ? twin::kNothingChanged : static_cast<int>(result.code);
}

int twin_execute(twin::RmpRegion& region, const Operation& op) {
  const twin::RmpRequest request = twin_request(op);
  switch (op.kind) {
    case Operation::Kind::kUpdate:
      return twin::update(region, request);
    case Operation::Kind::kSmash:
      return twin::smash(region);
    case Operation::Kind::kValidate:
      return twin::validate(region, request);
    case Operation::Kind::kAdjust:
      return twin::adjust(region, request);
  }
  NPTSIM_BUG("an operation that does not exist");
}

void check_twin_accesses(const World& world, Promises& p) {
  const twin::RmpRegion regions[kRegions] = {twin_of(world.rmp(), 0), twin_of(world.rmp(), 1)};
  for_each_mapping([&](u64 gpa, u64 spa, u64 leaf) {
    const twin::RmpRegion& region = regions[region_of(spa)];
    for (unsigned guest = 0; guest < kGuests; ++guest) {
      const Operation op{.spa = spa, .guest = guest, .gpa = gpa, .leaf = leaf};
      Operation access = op;
      access.kind = Operation::Kind::kValidate;
      const twin::RmpRequest request = twin_request(access);
      const int end = twin_end(world.guest_access(guest, gpa, spa, leaf, true));
      p.expect(end == twin::private_write(region, request), kTwinAccess);
      p.expect(world.host_writes(spa) == twin::host_write(region, request.page), kTwinAccess);
    }
  });
}

void check_mappings(const World& world, Promises& p) {
  const Rmp& rmp = world.rmp();
  for (unsigned a = 0; a < kPages; ++a) {
    for (unsigned b = 0; b < a; ++b) {
      const RmpEntry x = rmp.authoritative(HostPhysAddr(spa_of(a)));
      const RmpEntry y = rmp.authoritative(HostPhysAddr(spa_of(b)));
      const bool same = x.validated && y.validated && x.asid == y.asid &&
                        gpa_of_page(rmp, spa_of(a)) == gpa_of_page(rmp, spa_of(b));
      p.expect(!same, kOneMapping);
    }
  }
}

void check_guests(World& world, Promises& p) {
  for (unsigned guest = 0; guest < kGuests; ++guest) {
    for_each_mapping([&](u64 gpa, u64 spa, u64 leaf) {
      if (!world.guest_access(guest, gpa, spa, leaf, true).allowed()) return;
      p.expect(!others_write(world, guest, spa), kNotAlone);
      const auto i = static_cast<unsigned>(std::find(kGpa, kGpa + kGpas, gpa) - kGpa);
      const Belief& belief = world.belief(guest, i);
      p.expect(belief.valid() && spa_of(belief.page) == spa, kNoticed);
      p.expect(!belief.tainted, kIntegrity);
    });
  }
}

void check_change(const RmpEntry& before, const RmpEntry& after, const Operation& op,
                  const RmpResult& result, Promises& p) {
  if (before == after) return;
  p.expect(result.ends() && result.code == RmpCode::kSuccess && !result.carry, kAllOrNothing);
  RmpEntry counted = before;
  counted.subpage_count = after.subpage_count;
  if (counted == after) return;
  p.expect(!before.immutable, kImmutable);
  const bool another = before.assigned != after.assigned || before.asid != after.asid ||
                       before.gpa != after.gpa || before.size != after.size;
  const bool split = op.kind == Operation::Kind::kSmash;  // keeps owner, GPA and validation
  if (another && !split) p.expect(!after.validated, kReset);
}

struct Exploration {
  std::set<Key> seen;
  std::vector<State> frontier;
  Promises promises;
  u64 steps = 0;

  void explore(bool careful, unsigned depth) {
    World world(careful);
    const std::vector<Operation> ops = all_operations();
    frontier = {State{}};
    seen.insert(canonical(State{}));
    for (unsigned i = 0; i < depth; ++i) {
      std::vector<State> next;
      for (const State& state : frontier) expand(world, state, ops, next);
      frontier = std::move(next);
    }
  }

 private:
  void expand(World& world, const State& state, const std::vector<Operation>& ops,
              std::vector<State>& next) {
    world.load(state);
    const twin::RmpRegion twins[kRegions] = {twin_of(world.rmp(), 0), twin_of(world.rmp(), 1)};
    for (const Operation& op : ops) {
      if (!guest_would(world, op)) continue;
      ++steps;
      twin::RmpRegion twin = twins[region_of(op.spa)];
      const int twin_ended = twin_execute(twin, op);
      const RmpResult result = execute(world, op);
      promises.expect(twin_end(result) == twin_ended, kTwinEnd);
      promises.expect(twin_of(world.rmp(), region_of(op.spa)) == twin, kTwinPages);
      State after = world.save();
      const bool touched = compare(state, after, op, result);
      if (touched) {
        remember(world, op, result);
        taint(world);
        arrive(world, next);
        world.load(state);
      }
    }
  }
  // True if anything changed.
  bool compare(const State& before, const State& after, const Operation& op,
               const RmpResult& result) {
    bool touched = false;
    for (unsigned r = 0; r < kRegions; ++r) {
      for (unsigned i = 0; i <= kUsed; ++i) {
        if (before.entry[r][i] == after.entry[r][i]) continue;
        touched = true;
        check_change(decode(before.entry[r][i]), decode(after.entry[r][i]), op, result, promises);
      }
    }
    return touched;
  }
  void arrive(World& world, std::vector<State>& next) {
    const State state = world.save();
    if (!seen.insert(canonical(state)).second) return;
    check_structure(world, promises);
    check_mappings(world, promises);
    check_guests(world, promises);
    check_twin_accesses(world, promises);
    next.push_back(state);
  }
};

TEST_CASE("what SNP promises to a careful guest holds in every state") {
  Exploration e;
  e.explore(true, 5);
  for (const std::string& promise : e.promises.broken) {
    CAPTURE(promise);
    CHECK(false);
  }
  MESSAGE(e.seen.size() << " states, " << e.steps << " operations");
  CHECK(e.seen.size() > 1000);
}

TEST_CASE("a guest that validates a GPA twice is fooled, and in no other way") {
  Exploration e;
  e.explore(false, 4);
  CHECK(e.promises.broken == std::set<std::string>{kOneMapping, kNoticed});
}

}  // namespace
}  // namespace nptsim::svm
