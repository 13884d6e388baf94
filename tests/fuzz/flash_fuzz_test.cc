// QEMU's flash against a naive twin: random streams of commands, data and reads, of every width, at
// both places of the chip, over all versions and shapes. After each access state, mode, answers and
// the number of memslot changes are equal; after each stream the arrays are.
//
// The streams are the same each time. FLASH_FUZZ_SEED picks others, FLASH_FUZZ_ROUNDS more of them;
// a failure prints the seed and the last accesses.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cstdlib>
#include <deque>
#include <random>

#include "tests/fuzz/flash_twin.h"
#include "tests/models/vmm/qemu_story.h"

namespace nptsim {
namespace {

using flash_twin::Buffer;
using flash_twin::FlashTwin;
using qemu_test::QemuStory;

constexpr std::uint64_t kFlash = 3, kFlashSize = 0x8000;
constexpr std::uint64_t kTop = 0xffff8000, kWindow = 0xf8000;

struct Version {
  const char* name;
  Buffer buffer;
  bool alias;
};
constexpr Version kVersions[] = {
    {"qemu-7.2", Buffer::kNone, false},         {"qemu-8.0", Buffer::kNone, false},
    {"qemu-8.2", Buffer::kNone, false},         {"qemu-9.0", Buffer::kOpenedByCount, false},
    {"qemu-9.1", Buffer::kOpenedByData, true},  {"qemu-9.2", Buffer::kOpenedByData, true},
    {"qemu-10.2", Buffer::kOpenedByData, true},
};

struct Wiring {
  unsigned bank, chip;
};
constexpr Wiring kWirings[] = {{1, 0}, {1, 1}, {2, 0}, {2, 1}, {2, 2},
                               {4, 0}, {4, 1}, {4, 2}, {4, 4}};

unsigned long long from_environment(const char* name, unsigned long long otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 0);
}

class Stream {
 public:
  Stream(const Version& version, const Wiring& wiring, std::uint64_t seed)
      : version_(version), random_(seed) {
    shape_.size = kFlashSize;
    shape_.sector = wiring.bank == 1 && chance(50) ? 4096 : 8192;
    shape_.bank = wiring.bank;
    shape_.chip = wiring.chip;
    shape_.read_only = chance(15);
    shape_.secure = chance(5);
    shape_.buffer = version.buffer;
    shape_.places = version.alias ? 2 : 1;
  }

  void run(unsigned accesses) {
    std::vector<std::uint8_t> contents(kFlashSize);
    for (std::uint8_t& byte : contents) byte = static_cast<std::uint8_t>(random_());
    QemuStory story(regions(), options());
    REQUIRE(story.outcome() == "runs");
    story.fill(kFlash, 0, contents);
    FlashTwin twin(shape_, contents);
    const std::uint64_t before = story.request_count();
    for (unsigned i = 0; i < accesses; ++i) {
      if (!one_access(story, twin)) return;
      const std::string state = story.chip(kFlash);
      if (!state.starts_with(twin.state() + " slot")) return fail(state, twin.state());
      if (story.request_count() - before != twin.slot_changes()) {
        return fail(fmt::format("{} slot changes", story.request_count() - before),
                    fmt::format("{}", twin.slot_changes()));
      }
    }
    compare_arrays(story, twin);
    CHECK(story.at_rest());
  }

 private:
  bool chance(unsigned percent) { return random_() % 100 < percent; }

  std::vector<machine::Region> regions() const {
    auto regions = qemu_test::usual_regions();
    machine::Region& flash = regions[kFlash];
    flash.gpa = GuestPhysAddr(kTop);
    flash.size = shape_.size;
    flash.sector_size = shape_.sector;
    flash.bank_width = shape_.bank;
    flash.device_width = shape_.chip;
    flash.read_only_drive = shape_.read_only;
    flash.secure = shape_.secure;
    machine::Region window = flash;
    window.name = "isa-bios";
    window.kind = machine::RegionKind::kIsaBios;
    window.gpa = GuestPhysAddr(kWindow);
    window.backing = 3;
    window.of = kFlash;
    regions.push_back(window);
    return regions;
  }

  qemu_test::Options options() const {
    qemu_test::Options options;
    options.version = version_.name;
    return options;
  }

  // Mostly what means something to the chip, near where the last access was.
  std::uint64_t value() {
    static constexpr std::uint8_t kBytes[] = {0x00, 0x01, 0x02, 0x10, 0x20, 0x28, 0x40,
                                              0x50, 0x60, 0x70, 0x90, 0x98, 0xb0, 0xd0,
                                              0xd0, 0xe8, 0xe8, 0xf0, 0xff};
    if (chance(20)) return random_();
    const std::uint64_t byte = kBytes[random_() % std::size(kBytes)];
    return chance(50) ? byte : byte | (random_() << 32) | (byte << 32);
  }
  std::uint64_t offset(unsigned size) {
    if (chance(10)) near_ = random_() % kFlashSize;
    const std::uint64_t at = (near_ + random_() % 24) % kFlashSize;
    return std::min(at, kFlashSize - size);
  }

  bool one_access(QemuStory& story, FlashTwin& twin) {
    static constexpr unsigned kSizes[] = {1, 1, 1, 2, 4, 8};
    const unsigned size = kSizes[random_() % std::size(kSizes)];
    const std::uint64_t at = offset(size);
    const bool window = chance(20);
    const std::uint64_t gpa = (window ? kWindow : kTop) + at;
    const bool is_copy = window && !version_.alias;
    if (chance(30)) {
      const std::uint64_t got = story.read(gpa, size);
      // The copy was made of an array of 0xff, before the stream's contents were put there.
      const std::uint64_t ones = size == 8 ? ~0ull : (1ull << (8 * size)) - 1;
      const std::uint64_t wanted = is_copy ? ones : twin.read(at, size);
      note("read", gpa, size, got);
      if (got == wanted) return true;
      fail(fmt::format("{:#x}", got), fmt::format("{:#x}", wanted));
      return false;
    }
    const std::uint64_t data = value();
    note("write", gpa, size, data);
    story.write(gpa, data, size);
    if (!is_copy) twin.write(at, data, size);
    return true;
  }

  void compare_arrays(QemuStory& story, const FlashTwin& twin) {
    for (std::uint64_t i = 0; i < kFlashSize; ++i) {
      const std::uint8_t byte = story.byte(kFlash, i);
      if (byte == twin.array()[i]) continue;
      return fail(fmt::format("array[{:#x}] = {:#x}", i, byte),
                  fmt::format("{:#x}", twin.array()[i]));
    }
  }

  void note(const char* what, std::uint64_t gpa, unsigned size, std::uint64_t value) {
    last_.push_back(fmt::format("{} {:#x} {} {:#x}", what, gpa, size, value));
    if (last_.size() > 12) last_.pop_front();
  }
  void fail(const std::string& model, const std::string& twin) {
    FAIL_CHECK(fmt::format("{} bank {} chip {} sector {:#x}{}{}\nmodel: {}\ntwin:  {}\n{}",
                           version_.name, shape_.bank, shape_.chip, shape_.sector,
                           shape_.read_only ? " read-only" : "", shape_.secure ? " secure" : "",
                           model, twin, fmt::join(last_, "\n")));
  }

  Version version_;
  flash_twin::Shape shape_;
  std::mt19937_64 random_;
  std::uint64_t near_ = 0;
  std::deque<std::string> last_;
};

}  // namespace

TEST_CASE("streams of accesses to the flash") {
  const auto seed = from_environment("FLASH_FUZZ_SEED", 20260221);
  const auto rounds = from_environment("FLASH_FUZZ_ROUNDS", 1);
  MESSAGE("seed " << seed << ", rounds " << rounds);
  CAPTURE(seed);
  std::uint64_t number = 0;
  for (unsigned long long round = 0; round < rounds; ++round) {
    for (const Version& version : kVersions) {
      for (const Wiring& wiring : kWirings) {
        Stream(version, wiring, seed + 1000003 * number++).run(300);
      }
    }
  }
}

}  // namespace nptsim
