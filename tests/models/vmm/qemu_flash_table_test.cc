// The flash's command tables, one row after the other: from a state, one write, and what is then
// true. PC flash: one chip, bank width 1.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/models/vmm/qemu_story.h"

using namespace nptsim;
using qemu_test::kFlash;
using qemu_test::Options;
using qemu_test::QemuStory;

namespace {

constexpr std::uint64_t kAt = 0x1234;

// Bytes written at kAt, the last of which is the row's; then the chip, and how often romd mode
// changed with that last write.
struct Row {
  std::vector<std::uint64_t> bytes;
  const char* chip;
  unsigned toggles;
};

const Row kFirstCycle[] = {
    {{0x00}, "cmd 00 wcycle 0 status 80 romd-on", 2},
    {{0xff}, "cmd 00 wcycle 0 status 80 romd-on", 2},
    {{0xf0}, "cmd 00 wcycle 0 status 80 romd-on", 2},
    {{0x10}, "cmd 10 wcycle 1 status 80 romd-off", 1},
    {{0x40}, "cmd 40 wcycle 1 status 80 romd-off", 1},
    {{0x20}, "cmd 20 wcycle 1 status 80 romd-off", 1},
    {{0x50}, "cmd 00 wcycle 0 status 00 romd-on", 2},
    {{0x60}, "cmd 60 wcycle 1 status 80 romd-off", 1},
    {{0x70}, "cmd 70 wcycle 0 status 80 romd-off", 1},
    {{0x90}, "cmd 90 wcycle 0 status 80 romd-off", 1},
    {{0x98}, "cmd 98 wcycle 1 status 80 romd-off", 1},
    {{0xe8}, "cmd e8 wcycle 1 status 80 romd-off", 1},
    {{0x28}, "cmd 00 wcycle 0 status 80 romd-on", 2},
    {{0xb0}, "cmd 00 wcycle 0 status 80 romd-on", 2},
    {{0xd0}, "cmd 00 wcycle 0 status 80 romd-on", 2},
    // From command mode with wcycle 0 only the way back changes the mode.
    {{0x70, 0x90}, "cmd 90 wcycle 0 status 80 romd-off", 0},
    {{0x70, 0xff}, "cmd 00 wcycle 0 status 80 romd-on", 1},
    {{0x70, 0x50}, "cmd 00 wcycle 0 status 00 romd-on", 1},
    // The ready bit that 0x50 took comes back with the next erase or buffered write.
    {{0x50, 0x20}, "cmd 20 wcycle 1 status 80 romd-off", 1},
    {{0x50, 0xe8}, "cmd e8 wcycle 1 status 80 romd-off", 1},
    {{0x50, 0x10}, "cmd 10 wcycle 1 status 00 romd-off", 1},
};

const Row kSecondCycle[] = {
    {{0x50, 0x10, 0xab}, "cmd 10 wcycle 0 status 80 romd-off", 0},
    {{0x50, 0x40, 0xab}, "cmd 40 wcycle 0 status 80 romd-off", 0},
    {{0x20, 0xd0}, "cmd 20 wcycle 0 status 80 romd-off", 0},
    {{0x20, 0xff}, "cmd 00 wcycle 0 status 80 romd-on", 1},
    {{0x20, 0x41}, "cmd 00 wcycle 0 status 80 romd-on", 1},
    {{0x50, 0x60, 0xd0}, "cmd 60 wcycle 0 status 80 romd-off", 0},
    {{0x50, 0x60, 0x01}, "cmd 60 wcycle 0 status 80 romd-off", 0},
    {{0x60, 0xff}, "cmd 00 wcycle 0 status 80 romd-on", 1},
    {{0x60, 0x2f}, "cmd 00 wcycle 0 status 80 romd-on", 1},
    {{0x98, 0xff}, "cmd 00 wcycle 0 status 80 romd-on", 1},
    {{0x98, 0x70}, "cmd 98 wcycle 1 status 80 romd-off", 0},
    {{0x98, 0x50}, "cmd 98 wcycle 1 status 80 romd-off", 0},
    {{0xe8, 0x05}, "cmd e8 wcycle 2 status 80 romd-off", 0},
};

QemuStory flash_story(const std::string& version, bool read_only = false) {
  auto regions = qemu_test::usual_regions();
  regions[kFlash].read_only_drive = read_only;
  Options options;
  options.version = version;
  return QemuStory(regions, options);
}

void check(const std::string& version, const Row& row) {
  CAPTURE(version);
  CAPTURE(fmt::format("{:02x}", fmt::join(row.bytes, " ")));
  QemuStory story = flash_story(version);
  std::uint64_t before = 0;
  for (const std::uint64_t byte : row.bytes) {
    before = story.request_count();
    story.command(byte, kAt);
  }
  CHECK(story.chip(kFlash).starts_with(row.chip));
  CHECK(story.request_count() - before == row.toggles);
  CHECK(story.at_rest());
}

constexpr const char* kVersions[] = {"qemu-7.2", "qemu-8.0", "qemu-8.2", "qemu-9.0",
                                     "qemu-9.1", "qemu-9.2", "qemu-10.2"};

// E8, count, one element at each offset; then the confirmation.
struct Buffered {
  const char* version;
  std::vector<std::uint64_t> elements;  // offsets
  bool read_only;
  std::uint64_t confirm;
  const char* before;  // the chip before the confirmation
  const char* after;   // and after it
  const char* stored;  // "all", "none" or "at once": before the confirmation already
};
constexpr const char* kOk = "cmd e8 wcycle 3 status 80 romd-off";
constexpr const char* kError = "cmd e8 wcycle 3 status 90 romd-off";
constexpr const char* kDone = "cmd e8 wcycle 0 status 80 romd-off";
constexpr const char* kArray = "cmd 00 wcycle 0 status 80 romd-on";
constexpr const char* kArrayError = "cmd 00 wcycle 0 status 90 romd-on";

const Buffered kBuffered[] = {
    // one element
    {"qemu-8.2", {0x10}, false, 0xd0, kOk, kDone, "at once"},
    {"qemu-9.0", {0x10}, false, 0xd0, kOk, kDone, "all"},
    {"qemu-9.1", {0x10}, false, 0xd0, kError, kArrayError, "none"},
    {"qemu-10.2", {0x10}, false, 0xd0, kError, kArrayError, "none"},
    // two, in the block of the count
    {"qemu-8.2", {0x10, 0x11}, false, 0xd0, kOk, kDone, "at once"},
    {"qemu-9.0", {0x10, 0x11}, false, 0xd0, kOk, kDone, "all"},
    {"qemu-9.1", {0x10, 0x11}, false, 0xd0, kOk, kDone, "all"},
    // two, in another block
    {"qemu-8.2", {0x210, 0x211}, false, 0xd0, kOk, kDone, "at once"},
    {"qemu-9.0", {0x210, 0x211}, false, 0xd0, kError, kArrayError, "none"},
    {"qemu-9.1", {0x210, 0x211}, false, 0xd0, kOk, kDone, "all"},
    // two, in two blocks
    {"qemu-8.2", {0x0ff, 0x100}, false, 0xd0, kOk, kDone, "at once"},
    {"qemu-9.0", {0x0ff, 0x100}, false, 0xd0, kError, kArrayError, "none"},
    {"qemu-9.1", {0x0ff, 0x100}, false, 0xd0, kError, kArrayError, "none"},
    // called off
    {"qemu-8.2", {0x10, 0x11}, false, 0xff, kOk, kArray, "at once"},
    {"qemu-9.0", {0x10, 0x11}, false, 0xff, kOk, kArray, "none"},
    {"qemu-9.1", {0x10, 0x11}, false, 0x00, kOk, kArray, "none"},
    // a drive that cannot be written: until 8.2 the confirmation does not look at the error
    {"qemu-8.2", {0x10, 0x11}, true, 0xd0, kError, "cmd e8 wcycle 0 status 90 romd-off", "none"},
    {"qemu-9.0", {0x10, 0x11}, true, 0xd0, kError, kArrayError, "none"},
    {"qemu-9.1", {0x10, 0x11}, true, 0xd0, kError, kArrayError, "none"},
};

bool all_stored(QemuStory& story, const std::vector<std::uint64_t>& offsets) {
  for (const std::uint64_t offset : offsets) {
    if (story.byte(kFlash, offset) != 0x77) return false;
  }
  return true;
}

}  // namespace

TEST_CASE("wcycle 0: each command, in every version") {
  for (const char* version : kVersions) {
    for (const Row& row : kFirstCycle) check(version, row);
  }
}

TEST_CASE("wcycle 1: each command's second write, in every version") {
  for (const char* version : kVersions) {
    for (const Row& row : kSecondCycle) check(version, row);
  }
}

TEST_CASE("wcycle 2 and 3: the write buffer by version") {
  for (const Buffered& row : kBuffered) {
    CAPTURE(std::string(row.version));
    CAPTURE(fmt::format("{:x}", fmt::join(row.elements, " ")));
    QemuStory story = flash_story(row.version, row.read_only);
    story.command(0xe8);
    story.command(row.elements.size() - 1);
    for (const std::uint64_t offset : row.elements) story.command(0x77, offset);
    CHECK(story.chip(kFlash).starts_with(row.before));
    CHECK(all_stored(story, row.elements) == (row.stored == std::string("at once")));
    story.command(row.confirm);
    CHECK(story.chip(kFlash).starts_with(row.after));
    CHECK(all_stored(story, row.elements) == (row.stored != std::string("none")));
    CHECK(story.at_rest());
  }
}

TEST_CASE("the error of an earlier write prevents a later buffered one, from 9.0 on") {
  for (const char* version : {"qemu-8.2", "qemu-9.0", "qemu-9.1"}) {
    CAPTURE(std::string(version));
    QemuStory story = flash_story(version);
    story.command(0xe8);
    story.command(0x01);
    story.command(0x77, 0x0ff);
    story.command(0x77, 0x100);  // outside, where there is a window
    story.command(0xff);
    story.command(0xe8);
    story.command(0x01);
    story.command(0x55, 0x20);
    story.command(0x55, 0x21);
    story.command(0xd0);
    CHECK((story.byte(kFlash, 0x20) == 0x55) == (version == std::string("qemu-8.2")));
  }
}
