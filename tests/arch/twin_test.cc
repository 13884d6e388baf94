// The walk against its naive twin: every single and double bit change of every entry, in every mode
// and for every access, and random machines with several changes.
#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <sstream>

#include "sim/arch/svm/walk.h"
#include "tests/arch/twin.h"

namespace nptsim::svm {
namespace {

using twin::Kind;
using twin::Mode;
using twin::What;
using twin::Who;

constexpr u64 kGood = 0x67, kGoodTable = 0x27, kLarge = 0xe7;
constexpr u64 kNestedRoot = 0x1000, kNested5 = 0x2000;  // SPAs
constexpr u64 kLow3 = 0x3000, kLow2 = 0x4000, kLow1 = 0x5000;
constexpr u64 kData3 = 0x6000, kData2 = 0x7000, kData1 = 0x8000;
constexpr u64 kGuestRam = 0x200000;     // SPA of GPA 0
constexpr u64 kDataFrame = 0x40000000;  // SPA, 1-GByte aligned

struct Shape {
  twin::Machine machine;
  unsigned guest_leaf = 1, nested_leaf = 1;
};

// A machine with one mapped page, and where its entries lie.
class Bench {
 public:
  explicit Bench(const Shape& shape) : m(shape.machine) {
    profile.maxphyaddr = static_cast<unsigned>(m.raw_width);
    profile.reduction = static_cast<unsigned>(m.reduction);
    if (m.c_bit >= 0) profile.c_bit = static_cast<unsigned>(m.c_bit);
    profile.memory_encryption = m.encryption_on;
    profile.features.pages_1g = m.gigabyte_pages;
    profile.features.la57 = profile.features.gmet = profile.features.rogpt = true;
    rules = std::make_unique<EntryRuleSets>(profile);
    reset_vcpu(store, 0);
    map_nested(shape.nested_leaf);
    map_guest(shape.guest_leaf);
  }

  void set_modes() {
    VcpuRecord& v = vcpu_record(store, 0);
    isa::Registers& r = v.registers;
    const bool long_mode = m.mode == Mode::kFourLevel || m.mode == Mode::kFiveLevel;
    r.cr0 = bit(0) | (m.wp ? bit(16) : 0) | (m.mode != Mode::kNoPaging ? bit(31) : 0);
    r.cr3 = m.cr3;
    r.cr4 = (m.pse ? bit(4) : 0) | (long_mode || m.mode == Mode::kPae ? bit(5) : 0) |
            (m.mode == Mode::kFiveLevel ? bit(12) : 0) | (m.smep ? bit(20) : 0) |
            (m.smap ? bit(21) : 0);
    r.efer = (long_mode ? bit(8) | bit(10) : 0) | (m.nxe ? bit(11) : 0);
    r.rflags = 2 | (m.ac ? isa::kFlagAc : 0);
    VmcbControl& c = v.control;
    c.guest_type = static_cast<u64>(m.sev ? GuestType::kSev : GuestType::kPlain);
    c.nested_ctl = (m.gmet ? kNestedGmet : 0) | (m.rogpt ? kNestedRogpt : 0);
    c.ncr3 = m.nested_cr3;
    c.host_efer = bit(8) | bit(10) | bit(12) | (m.host_nxe ? bit(11) : 0);
    c.host_cr4 = bit(5) | (m.host_smep ? bit(20) : 0) | (m.host_la57 ? bit(12) : 0);
    context = make_walk_context(profile, *rules, v);
  }

  // Empty: the same answer. All words that the walk wrote are put back.
  std::string compare(Kind kind, Who who) { return compare(gva, kind, who); }
  std::string compare(u64 linear, Kind kind, Who who) {
    twin::Walker walker(m, [&](u64 spa) { return store.read(Space::kDram, spa / 8); });
    const twin::Answer expected = walker.access(linear, kind, who);
    arch::PhysicalMemory memory(store);
    Translation t;
    Failure f;
    const Access access{static_cast<AccessKind>(kind), static_cast<Privilege>(who)};
    std::vector<std::pair<u64, u64>> before;
    for (u64 spa : entries) before.emplace_back(spa & ~7ull, word(spa));
    for (const auto& [spa, value] : expected.writes) before.emplace_back(spa, word(spa));
    const bool good =
        translate(context, memory, GuestVirtAddr(linear), access, NullObserver{}, t, f);
    std::string difference = difference_of(expected, good, t, f);
    if (expected.what == What::kDone || !m.rogpt) {
      for (const auto& [spa, old] : before) {
        const auto it = expected.writes.find(spa);
        const u64 want = it == expected.writes.end() ? old : it->second;
        if (word(spa) != want)
          difference += " word at " + hex(spa) + " is " + hex(word(spa)) + " not " + hex(want);
      }
    }
    for (const auto& [spa, old] : before) set_word(spa, old);
    if (!difference.empty()) difference += describe(kind, who);
    return difference;
  }

  static std::string hex(u64 n) {
    std::ostringstream s;
    s << "0x" << std::hex << n;
    return s.str();
  }
  u64 word(u64 spa) const { return store.read(Space::kDram, spa / 8); }
  void set_word(u64 spa, u64 value) { store.write(Space::kDram, spa / 8, value); }
  void flip(u64 spa, u64 mask) {
    set_word(spa & ~7ull, word(spa & ~7ull) ^ (spa & 4 ? mask << 32 : mask));
  }

  Store store;
  CpuProfile profile;
  std::unique_ptr<EntryRuleSets> rules;
  WalkContext context;
  twin::Machine m;
  u64 gva = 0;
  std::vector<u64> entries;  // SPAs; of 4-byte entries too

 private:
  void put(u64 spa, u64 value) {
    set_word(spa, value);
    entries.push_back(spa);
  }

  // Guest tables lie below 2 MiB; the data page has its own nested tables.
  void map_nested(unsigned leaf) {
    m.nested_cr3 = m.host_la57 ? kNested5 : kNestedRoot;
    if (m.host_la57) put(kNested5, kNestedRoot | kGoodTable);
    put(kNestedRoot, kLow3 | kGoodTable);
    put(kLow3, kLow2 | kGoodTable);
    put(kLow2, kLow1 | kGoodTable);
    for (u64 i = 1; i <= 5; ++i) put(kLow1 + 8 * i, (kGuestRam + i * 0x1000) | kGood);
    const bool small =
        m.mode == Mode::kTwoLevel || m.mode == Mode::kNoPaging || m.mode == Mode::kPae;
    data_gpa = (small ? 0 : bit(39)) | bit(30) | (1ull << 22) | 0x3000;
    if (small)
      put(kLow3 + 8, kData2 | kGoodTable);
    else
      put(kNestedRoot + 8, kData3 | kGoodTable);
    const u64 pdpe = (small ? kLow3 : kData3) + 8;
    if (leaf == 3 && m.gigabyte_pages) return put(pdpe, kDataFrame | kLarge);
    put(pdpe, kData2 | kGoodTable);
    if (leaf == 2) return put(kData2 + 8 * 2, kDataFrame | kLarge);
    put(kData2 + 8 * 2, kData1 | kGoodTable);
    put(kData1 + 8 * 3, kDataFrame | kGood);
  }

  void map_guest(unsigned leaf) {
    m.cr3 = 0x1000;
    switch (m.mode) {
      case Mode::kNoPaging:
        gva = data_gpa | 0x120;
        return;
      case Mode::kTwoLevel:
        return map_two_level(leaf);
      case Mode::kPae:
        return map_long(3, leaf == 3 ? 2 : leaf);
      case Mode::kFourLevel:
        return map_long(4, leaf);
      case Mode::kFiveLevel:
        return map_long(5, leaf);
    }
  }
  void map_two_level(unsigned leaf) {
    gva = 0xc0000000 | (5ull << 22) | 0x3120;
    const u64 pde = kGuestRam + 0x1000 + 4 * (gva >> 22);
    if (leaf > 1 && m.pse) return put32(pde, (data_gpa & ~0x3fffffull) | kLarge);
    put32(pde, 0x2000 | kGoodTable);
    put32(kGuestRam + 0x2000 + 4 * 3, data_gpa | kGood);
  }
  void put32(u64 spa, u64 value) {
    set_word(spa & ~7ull, spa & 4 ? value << 32 : value);
    entries.push_back(spa);
  }
  void map_long(unsigned levels, unsigned leaf) {
    if (leaf == 3 && !m.gigabyte_pages) leaf = 2;
    gva = (levels == 5 ? bit(50) : 0) | (levels >= 4 ? bit(41) : 0) | bit(30) | bit(22) | 0x3120;
    u64 table = 1;
    for (unsigned level = levels;; --level, ++table) {
      const unsigned shift = 12 + 9 * (level - 1);
      const u64 at = kGuestRam + table * 0x1000 + 8 * ((gva >> shift) & 511);
      if (level == leaf)
        return put(at, (data_gpa & ~(bit(shift) - 1)) | (level == 1 ? kGood : kLarge));
      const u64 flags = levels == 3 && level == 3 ? 1 : kGoodTable;
      put(at, (table + 1) * 0x1000 | flags);
    }
  }

  std::string difference_of(const twin::Answer& want, bool good, const Translation& t,
                            const Failure& f) const {
    const auto wrong = [&](u64 code, u64 address) -> std::string {
      if (code == want.code && address == want.address) return {};
      return "code " + hex(code) + " not " + hex(want.code) + ", address " + hex(address) +
             " not " + hex(want.address);
    };
    switch (want.what) {
      case What::kDone:
        if (good && t.spa.value == want.spa) return {};
        return good ? "spa " + hex(t.spa.value) + " not " + hex(want.spa) : "no translation";
      case What::kGeneralProtection:
        return !good && f.kind == FailureKind::kNonCanonical ? "" : "no #GP";
      case What::kPageFault:
        if (good || !is_guest_page_fault(f.kind)) return "no #PF";
        return wrong(page_fault_error_code(f, context.guest_error), f.gva.value);
      case What::kNestedFault:
        if (good || !is_nested_page_fault(f.kind)) return "no #NPF";
        return wrong(npf_exit_info_1(f, context.nested_error), npf_exit_info_2(f));
      case What::kUnspecified:
        return !good && f.kind == FailureKind::kUnspecified ? "" : "not unspecified";
    }
    return "?";
  }

  std::string describe(Kind kind, Who who) const {
    std::ostringstream s;
    s << " [mode " << int(m.mode) << " kind " << int(kind) << " who " << int(who) << " nxe "
      << m.nxe << m.host_nxe << " wp " << m.wp << " smep " << m.smep << " smap " << m.smap << " ac "
      << m.ac << " gmet " << m.gmet << " rogpt " << m.rogpt << " sev " << m.sev << " A "
      << m.raw_width << " R " << m.reduction << " C " << m.c_bit << "]";
    return s.str();
  }

  u64 data_gpa = 0;
};

constexpr Kind kKinds[] = {Kind::kRead, Kind::kWrite, Kind::kFetch};
constexpr Who kWhos[] = {Who::kUser, Who::kSupervisor, Who::kImplicit};

void set_flags(twin::Machine& m, unsigned flags) {
  m.host_nxe = flags & 1, m.nxe = flags & 2, m.wp = flags & 4, m.smep = flags & 8;
  m.smap = flags & 16, m.ac = flags & 32, m.host_smep = flags & 64;
}

// Small widths, so that most address bits are reserved ones.
std::vector<Shape> shapes() {
  std::vector<Shape> list;
  for (Mode mode :
       {Mode::kNoPaging, Mode::kTwoLevel, Mode::kPae, Mode::kFourLevel, Mode::kFiveLevel}) {
    for (unsigned guest : {1u, 2u, 3u}) {
      for (unsigned nested : {1u, 2u, 3u}) {
        if (mode == Mode::kNoPaging && guest != 1) continue;
        Shape s;
        s.machine.mode = mode;
        s.machine.raw_width = 41;
        s.machine.host_la57 = mode == Mode::kFiveLevel && nested == 1;
        s.guest_leaf = guest, s.nested_leaf = nested;
        list.push_back(s);
      }
    }
  }
  return list;
}

class Failures {
 public:
  void check(const std::string& difference) {
    ++cases_;
    if (difference.empty()) return;
    if (++count_ <= 5) MESSAGE(difference);
  }
  ~Failures() {
    CHECK(count_ == 0);
    CHECK(cases_ > 0);
    MESSAGE(cases_ << " cases");
  }

 private:
  u64 cases_ = 0;
  u64 count_ = 0;
};

TEST_CASE("unchanged machines complete") {
  for (const Shape& shape : shapes()) {
    Bench bench(shape);
    bench.set_modes();
    CHECK(bench.compare(Kind::kRead, Who::kSupervisor) == "");
    arch::PhysicalMemory memory(bench.store);
    Translation t;
    Failure f;
    CHECK(translate(bench.context, memory, GuestVirtAddr(bench.gva), {}, NullObserver{}, t, f));
  }
}

TEST_CASE("every single bit, every mode and access") {
  Failures failures;
  for (const Shape& shape : shapes()) {
    Bench bench(shape);
    for (unsigned flags = 0; flags < 128; ++flags) {
      set_flags(bench.m, flags);
      bench.set_modes();
      for (u64 spa : bench.entries) {
        for (unsigned n = 0; n < 64; ++n) {
          // Half of the flags for each bit, all of them over both neighbours.
          if ((n ^ flags ^ (flags >> 3)) & 1) continue;
          bench.flip(spa, bit(n));
          const unsigned pick = (n + flags) % 3;
          failures.check(bench.compare(kKinds[pick], kWhos[(n / 3 + flags / 3) % 3]));
          bench.flip(spa, bit(n));
        }
      }
    }
  }
}

TEST_CASE("every right and flag with every access") {
  Failures failures;
  for (const Shape& shape : shapes()) {
    if (shape.nested_leaf != 1) continue;
    Bench bench(shape);
    for (unsigned flags = 0; flags < 128; ++flags) {
      set_flags(bench.m, flags);
      bench.set_modes();
      for (u64 spa : bench.entries) {
        for (unsigned n : {0u, 1u, 2u, 5u, 6u, 7u, 63u}) {
          bench.flip(spa, bit(n));
          for (Kind kind : kKinds) {
            for (Who who : kWhos) failures.check(bench.compare(kind, who));
          }
          bench.flip(spa, bit(n));
        }
      }
    }
  }
}

TEST_CASE("every pair of bits of one entry") {
  Failures failures;
  std::mt19937_64 random(2);
  for (const Shape& shape : shapes()) {
    Bench bench(shape);
    for (u64 spa : bench.entries) {
      set_flags(bench.m, static_cast<unsigned>(random()));
      bench.set_modes();
      for (unsigned a = 0; a < 64; ++a) {
        for (unsigned b = 0; b < a; ++b) {
          bench.flip(spa, bit(a) | bit(b));
          failures.check(bench.compare(kKinds[random() % 3], kWhos[random() % 3]));
          bench.flip(spa, bit(a) | bit(b));
        }
      }
    }
  }
}

TEST_CASE("random machines with several changes") {
  Failures failures;
  std::mt19937_64 random(3);
  const auto chance = [&](unsigned n) { return random() % n == 0; };
  for (unsigned i = 0; i < 4000; ++i) {
    Shape s;
    twin::Machine& m = s.machine;
    m.mode = static_cast<Mode>(random() % 5);
    s.guest_leaf = 1 + random() % 3, s.nested_leaf = 1 + random() % 3;
    const int widths[] = {41, 43, 48, 52};
    m.raw_width = widths[random() % 4];
    m.host_la57 = chance(4);
    m.gigabyte_pages = !chance(4);
    m.gmet = chance(4), m.rogpt = chance(4);
    if (chance(2)) {
      m.encryption_on = !chance(4);
      m.reduction = static_cast<int>(random() % 7);
      if (m.raw_width - m.reduction < 41) m.reduction = m.raw_width - 41;
      m.c_bit = chance(2) ? 47 : 51;
      m.sev = m.encryption_on && chance(2);
    }
    Bench bench(s);
    for (unsigned k = 0; k < 40; ++k) {
      set_flags(bench.m, static_cast<unsigned>(random()));
      bench.m.pse = s.machine.pse;
      bench.set_modes();
      std::vector<std::pair<u64, u64>> flips;
      for (unsigned n = 1 + random() % 4; n > 0; --n) {
        const unsigned low[] = {0, 1, 2, 5, 6, 7, 8, 63};
        const unsigned which = chance(2) ? low[random() % 8] : static_cast<unsigned>(random() % 64);
        flips.emplace_back(bench.entries[random() % bench.entries.size()], bit(which));
      }
      for (const auto& [spa, mask] : flips) bench.flip(spa, mask);
      failures.check(bench.compare(kKinds[random() % 3], kWhos[random() % 3]));
      const u64 odd = chance(8) ? bench.gva ^ bit(random() % 64) : bench.gva;
      failures.check(bench.compare(odd, kKinds[random() % 3], kWhos[random() % 3]));
      for (const auto& [spa, mask] : flips) bench.flip(spa, mask);
    }
  }
}

}  // namespace
}  // namespace nptsim::svm
