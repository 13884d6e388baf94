// A region at two places, and the ROM device that never toggles.
#include <doctest/doctest.h>

#include "tests/models/vmm/qemu_story.h"

using namespace nptsim;
using qemu_test::kFlash;
using qemu_test::kFlashBase;
using qemu_test::lines;
using qemu_test::Options;
using qemu_test::QemuStory;
using qemu_test::usual_regions;

namespace {

constexpr std::uint64_t kWindow = 4;
constexpr std::uint64_t kWindowBase = 0xfe000, kWindowSize = 0x2000;
constexpr std::uint64_t kShown = qemu_test::kFlashSize - kWindowSize;  // the window's first byte

machine::Region window_of(std::size_t firmware) {
  machine::Region window;
  window.name = "isa-bios";
  window.kind = machine::RegionKind::kIsaBios;
  window.gpa = GuestPhysAddr(kWindowBase);
  window.size = kWindowSize;
  window.backing = 7;
  window.of = firmware;
  return window;
}

QemuStory story_of(const std::string& version, std::map<std::string, std::string> params = {},
                   svm::GuestType guest = svm::GuestType::kPlain) {
  auto regions = usual_regions();
  regions[kFlash].launch_encrypted = guest != svm::GuestType::kPlain;
  regions.push_back(window_of(kFlash));
  Options options;
  options.version = version;
  options.params = std::move(params);
  options.guest = guest;
  return QemuStory(regions, options);
}

constexpr std::uint64_t kNvmBase = 0xd0000000, kNvmcBase = 0xd1000000;

QemuStory nvm_story() {
  auto regions = usual_regions();
  machine::Region array = regions[0];
  array.name = "nvm";
  array.kind = machine::RegionKind::kNvm;
  array.gpa = GuestPhysAddr(kNvmBase);
  array.size = 0x4000;
  array.backing = 8;
  machine::Region registers = array;
  registers.name = "nvmc";
  registers.kind = machine::RegionKind::kNvmc;
  registers.gpa = GuestPhysAddr(kNvmcBase);
  registers.size = 0x1000;
  registers.backing = machine::kNoBacking;
  registers.of = regions.size();
  regions.push_back(array);
  regions.push_back(registers);
  return QemuStory(regions);
}

}  // namespace

TEST_CASE("an alias: two slots into one mapping, and both change with the mode") {
  QemuStory story = story_of("qemu-10.2");
  CHECK(story.requests() == lines({"add 0 0+10000", "add 1 c0000+2000 ro", "add 2 ffc00000+4000 ro",
                                   "add 3 fe000+2000 ro"}));
  story.fill(kFlash, kShown, {0xaa, 0xbb});
  CHECK(story.read(kWindowBase, 2) == 0xbbaa);
  story.write(kWindowBase, 0x70);
  CHECK(story.requests() == lines({"delete 2", "delete 3"}));
  CHECK(story.flash() == 0x80);
  CHECK(story.read(kWindowBase) == 0x80);
  CHECK(story.devices() ==
        lines({"write flash+2000 1 = 70", "read flash+0 1 = 80", "read flash+2000 1 = 80"}));
  story.command(0xff);
  CHECK(story.requests() == lines({"add 2 ffc00000+4000 ro", "add 3 fe000+2000 ro"}));
  CHECK(story.at_rest());
}

TEST_CASE("0xff in array mode: a delete and a create at each place") {
  QemuStory story = story_of("qemu-10.2");
  const std::uint64_t before = story.request_count();
  story.command(0xff);
  CHECK(story.request_count() - before == 4);
}

TEST_CASE("a copy: a ROM of its own, which the flash does not hear of") {
  for (const char* version : {"qemu-7.2", "qemu-9.0"}) {
    QemuStory story = story_of(version);
    story.requests();
    story.write(kWindowBase, 0x70);
    CHECK(story.machine().harm() == std::set<std::string>{"write-lost"});
    CHECK(story.requests() == "");
    story.fill(kFlash, kShown, {0x12});
    CHECK(story.read(kWindowBase) == 0xff);  // copied at start
    story.command(0x70);
    CHECK(story.requests() == lines({"delete 2"}));
    CHECK(story.read(kWindowBase) == 0xff);
  }
}

TEST_CASE("a machine of an older type keeps the copy") {
  QemuStory story = story_of("qemu-10.2", {{"isa_bios_alias", "off"}});
  story.requests();
  story.write(kWindowBase, 0x70);
  CHECK(story.requests() == "");
}

TEST_CASE("a copy is made before the launch encrypts the flash") {
  QemuStory copy = story_of("qemu-10.2", {{"isa_bios_alias", "off"}}, svm::GuestType::kSevEs);
  CHECK(copy.byte(kWindow, 0) == 0xff);
  CHECK(copy.byte(kFlash, kShown) != 0xff);
}

TEST_CASE("the window of a -bios image is an alias in every version") {
  for (const char* version : {"qemu-7.2", "qemu-10.2"}) {
    auto regions = usual_regions();
    regions[kFlash].kind = machine::RegionKind::kRom;
    regions.push_back(window_of(kFlash));
    Options options;
    options.version = version;
    QemuStory story(regions, options);
    story.fill(kFlash, kShown, {0x44});
    CHECK(story.read(kWindowBase) == 0x44);
  }
}

TEST_CASE("nRF51: bits go from 1 to 0 only, and only with CONFIG.WEN") {
  QemuStory story = nvm_story();
  story.fill(4, 0, {0xff, 0xff, 0xff, 0xff});
  story.write(kNvmBase, 0, 4);
  CHECK(story.read(kNvmBase, 4) == 0xffffffff);
  story.write(kNvmcBase + 0x504, 0xfd, 4);  // only bits 1:0 are there
  CHECK(story.read(kNvmcBase + 0x504, 4) == 1);
  story.write(kNvmBase, 0xff00ff00, 4);
  story.write(kNvmBase, 0x0ff00ff0, 4);
  CHECK(story.read(kNvmBase, 4) == 0x0f000f00);
  CHECK(story.machine().harm().empty());
}

TEST_CASE("nRF51: what is not 4 bytes is rejected; 8 bytes are two writes") {
  QemuStory story = nvm_story();
  story.fill(4, 0, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff});
  story.write(kNvmcBase + 0x504, 1, 4);
  story.write(kNvmBase, 0x1111222233334444, 8);
  CHECK(story.read(kNvmBase, 8) == 0x1111222233334444);
  for (const unsigned size : {1u, 2u}) story.write(kNvmBase, 0, size);
  story.write(kNvmBase + 2, 0, 4);  // two pieces of 2 bytes
  CHECK(story.read(kNvmBase, 8) == 0x1111222233334444);
  CHECK(story.machine().harm() == std::set<std::string>{"write-lost"});
}

TEST_CASE("nRF51: pages and everything are erased with CONFIG.EEN") {
  QemuStory story = nvm_story();
  story.fill(4, 0x3ff, {1, 2});
  story.fill(4, 0x7ff, {3, 4});
  story.write(kNvmcBase + 0x508, 0x400, 4);
  CHECK(story.byte(4, 0x400) == 2);  // not enabled
  story.write(kNvmcBase + 0x504, 2, 4);
  for (const std::uint64_t which : {0x508, 0x510}) {
    story.fill(4, 0x400, {2});
    story.write(kNvmcBase + which, 0x47c, 4);  // the page of this address
    CHECK(story.byte(4, 0x3ff) == 1);
    CHECK(story.byte(4, 0x400) == 0xff);
    CHECK(story.byte(4, 0x7ff) == 0xff);
    CHECK(story.byte(4, 0x800) == 4);
  }
  story.write(kNvmcBase + 0x508, 0x4000, 4);  // behind the end
  story.write(kNvmcBase + 0x50c, 2, 4);       // not NRF51_NVMC_ERASE
  CHECK(story.byte(4, 0x3ff) == 1);
  story.write(kNvmcBase + 0x50c, 1, 4);
  CHECK(story.byte(4, 0x3ff) == 0xff);
  CHECK(story.byte(4, 0x800) == 0xff);
  CHECK(story.read(kNvmcBase + 0x400, 4) == 1);
  CHECK(story.read(kNvmcBase + 0x40, 4) == 0);
}

TEST_CASE("nRF51: its slot is read-only and stays; without read-only memory there is none") {
  QemuStory story = nvm_story();
  CHECK(story.requests() == lines({"add 0 0+10000", "add 1 c0000+2000 ro", "add 2 ffc00000+4000 ro",
                                   "add 3 d0000000+4000 ro"}));
  story.write(kNvmcBase + 0x504, 1, 4);
  story.write(kNvmBase, 0, 4);
  CHECK(story.requests() == "");
}
