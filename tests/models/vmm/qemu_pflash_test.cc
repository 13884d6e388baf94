// pflash_cfi01 as a guest sees it: a chip of 16 KiB, one device, bank width 1, after its reset.
#include <doctest/doctest.h>

#include "tests/models/vmm/qemu_story.h"

using namespace nptsim;
using qemu_test::kFlash;
using qemu_test::kFlashBase;
using qemu_test::lines;
using qemu_test::Options;
using qemu_test::QemuStory;

namespace {

QemuStory read_only_drive() {
  auto regions = qemu_test::usual_regions();
  regions[kFlash].read_only_drive = true;
  return QemuStory(regions);
}

}  // namespace

TEST_CASE("after reset the chip is an array, ready, with a read-only slot") {
  QemuStory story;
  CHECK(story.chip(kFlash) == "cmd 00 wcycle 0 status 80 romd-on slot 2");
  CHECK(story.flash() == 0xff);
}

TEST_CASE("clear status goes back to the array, and takes the ready bit with it") {
  QemuStory story;
  story.fill(kFlash, 0, {0x5a});
  story.command(0x50);
  CHECK(story.flash() == 0x5a);
  CHECK(story.chip(kFlash) == "cmd 00 wcycle 0 status 00 romd-on slot 2");
}

TEST_CASE("clear status, read status: OVMF's sign that a flash chip is there") {
  QemuStory story;
  story.command(0x50);
  story.command(0x70);
  CHECK(story.flash() == 0x00);
}

TEST_CASE("read status after reset") {
  QemuStory story;
  story.command(0x70);
  CHECK(story.flash() == 0x80);
  CHECK(story.chip(kFlash) == "cmd 70 wcycle 0 status 80 romd-off slot none");
}

TEST_CASE("program a byte") {
  for (const std::uint64_t opcode : {0x10, 0x40}) {
    QemuStory story;
    story.command(opcode, 0x123);
    story.command(0xa5, 0x123);
    CHECK(story.flash(0x123) == 0x80);
    CHECK(story.byte(kFlash, 0x123) == 0xa5);
    story.command(0xff);
    CHECK(story.flash(0x123) == 0xa5);
    CHECK(story.flash(0x124) == 0xff);
  }
}

TEST_CASE("erase happens at once, confirmed or not") {
  for (const std::uint64_t second : {0xd0, 0xff, 0x41}) {
    QemuStory story;
    story.fill(kFlash, 0xfff, {1, 2, 3});
    story.fill(kFlash, 0x1fff, {4, 5});
    story.command(0x20, 0x1234);
    CHECK(story.flash() == 0x80);
    CHECK(story.byte(kFlash, 0xfff) == 1);
    CHECK(story.byte(kFlash, 0x1000) == 0xff);
    CHECK(story.byte(kFlash, 0x1fff) == 0xff);
    CHECK(story.byte(kFlash, 0x2000) == 5);
    story.command(second);
    CHECK(story.flash(0x2000) == (second == 0xd0 ? 0x80 : 5));
  }
}

TEST_CASE("a buffered write of one element can never succeed") {
  QemuStory story;
  story.command(0xe8);
  story.command(0x00);
  story.command(0x77);
  CHECK(story.chip(kFlash) == "cmd e8 wcycle 3 status 90 romd-off slot none");
  story.command(0xd0);
  CHECK(story.chip(kFlash) == "cmd 00 wcycle 0 status 90 romd-on slot 2");
  CHECK(story.byte(kFlash, 0) == 0xff);
}

TEST_CASE("a buffered write of two elements") {
  QemuStory story;
  story.command(0xe8, 0x345);
  story.command(0x01, 0x345);
  story.command(0x11, 0x345);
  CHECK(story.byte(kFlash, 0x345) == 0xff);  // still in the buffer
  story.command(0x22, 0x346);
  CHECK(story.chip(kFlash) == "cmd e8 wcycle 3 status 80 romd-off slot none");
  story.command(0xd0, 0x345);
  CHECK(story.chip(kFlash) == "cmd e8 wcycle 0 status 80 romd-off slot none");
  CHECK(story.flash(0x345) == 0x80);
  story.command(0xff);
  CHECK(story.flash(0x344, 4) == 0xff2211ff);
}

TEST_CASE("the window is the first data write's; outside of it is a program error") {
  QemuStory story;
  story.command(0xe8, 0x000);
  story.command(0x01, 0x000);
  story.command(0x11, 0x2ff);
  story.command(0x22, 0x300);
  CHECK(story.chip(kFlash) == "cmd e8 wcycle 3 status 90 romd-off slot none");
  story.command(0xd0);
  CHECK(story.byte(kFlash, 0x2ff) == 0xff);
  CHECK(story.chip(kFlash) == "cmd 00 wcycle 0 status 90 romd-on slot 2");
  // The error bit is sticky: the next buffered write aborts although nothing is wrong with it.
  story.command(0xe8);
  story.command(0x01);
  story.command(0x11, 0);
  story.command(0x22, 1);
  story.command(0xd0);
  CHECK(story.byte(kFlash, 0) == 0xff);
  // A single program does not look at it.
  story.command(0x40);
  story.command(0x33);
  CHECK(story.byte(kFlash, 0) == 0x33);
}

TEST_CASE("any other confirm drops the buffer") {
  QemuStory story;
  story.command(0xe8);
  story.command(0x01);
  story.command(0x11, 0);
  story.command(0x22, 1);
  story.command(0xff);
  CHECK(story.flash(0, 2) == 0xffff);
  CHECK(story.chip(kFlash) == "cmd 00 wcycle 0 status 80 romd-on slot 2");
}

TEST_CASE("a dropped buffer leaves nothing: equal machines again") {
  QemuStory story;
  story.command(0xe8);
  story.command(0x00);
  story.command(0x01);
  story.command(0xff);
  story.command(0x50);
  const StoreHash before = story.machine().hash();
  story.command(0xe8);
  story.command(0x01);
  story.command(0x11, 0x10);
  CHECK(story.machine().hash() != before);
  story.command(0x22, 0x11);
  story.command(0x00);
  story.command(0x50);
  // The requests that the kernel noted are all that differs.
  CHECK(story.at_rest());
}

TEST_CASE("CFI query swallows commands until 0xff") {
  QemuStory story;
  story.command(0x98);
  CHECK(story.flash(0x10) == 'Q');
  for (const std::uint64_t byte : {0x70, 0x10, 0x50, 0x00}) {
    story.command(byte);
    CHECK(story.chip(kFlash) == "cmd 98 wcycle 1 status 80 romd-off slot none");
  }
  CHECK(story.flash(0x10) == 'Q');
  CHECK(story.flash(0x11) == 'R');
  CHECK(story.flash(0x1012) == 'Y');  // only the low 8 bits of the offset count
  CHECK(story.flash(0x27) == 14);
  CHECK(story.flash(0x60) == 0);
  CHECK(story.flash(0x10, 4) == 'Q');  // one byte, whatever the width
  story.command(0xff);
  CHECK(story.flash(0x10) == 0xff);
}

TEST_CASE("programming overwrites: bits go from 0 to 1 freely") {
  QemuStory story;
  story.command(0x40);
  story.command(0x00);
  CHECK(story.byte(kFlash, 0) == 0x00);
  story.command(0x40);
  story.command(0xff);
  CHECK(story.byte(kFlash, 0) == 0xff);
}

TEST_CASE("a drive that cannot be written") {
  QemuStory story = read_only_drive();
  SUBCASE("program") {
    story.command(0x10);
    story.command(0x00);
    CHECK(story.flash() == 0x90);
    CHECK(story.byte(kFlash, 0) == 0xff);
  }
  SUBCASE("the error survives read array, not clear status") {
    story.command(0x10);
    story.command(0x00);
    story.command(0xff);
    story.command(0x70);
    CHECK(story.flash() == 0x90);
    story.command(0x50);
    story.command(0x70);
    CHECK(story.flash() == 0x00);
  }
  SUBCASE("erase") {
    story.fill(kFlash, 0, {7});
    story.command(0x20);
    CHECK(story.flash() == 0xa0);
    CHECK(story.byte(kFlash, 0) == 7);
  }
  SUBCASE("write buffer") {
    story.command(0xe8);
    story.command(0x01);
    story.command(0x00, 0);
    story.command(0x00, 1);
    CHECK(story.chip(kFlash) == "cmd e8 wcycle 3 status 90 romd-off slot none");
    story.command(0xd0);
    CHECK(story.byte(kFlash, 0) == 0xff);
  }
}

TEST_CASE("read array in array mode: two requests to the kernel") {
  QemuStory story;
  story.requests();
  story.command(0xff);
  CHECK(story.requests() == lines({"delete 2", "add 2 ffc00000+4000 ro"}));
  CHECK(story.at_rest());
}

TEST_CASE("only the first write of a command switches romd off, and only once") {
  QemuStory story;
  story.requests();
  story.command(0x40);
  CHECK(story.requests() == lines({"delete 2"}));
  story.command(0x12);
  story.command(0x70);
  story.flash();
  CHECK(story.requests() == "");
  story.command(0xf0);
  CHECK(story.requests() == lines({"add 2 ffc00000+4000 ro"}));
}

TEST_CASE("identifiers are all 0; lock and unlock are accepted and do nothing") {
  QemuStory story;
  story.command(0x90);
  CHECK(story.flash(0) == 0);
  CHECK(story.flash(1) == 0);
  for (const std::uint64_t confirm : {0xd0, 0x01}) {
    story.command(0x60);
    story.command(confirm);
    CHECK(story.chip(kFlash) == "cmd 60 wcycle 0 status 80 romd-off slot none");
    CHECK(story.flash() == 0x80);
  }
  story.command(0x60);
  story.command(0x2f);
  CHECK(story.chip(kFlash) == "cmd 00 wcycle 0 status 80 romd-on slot 2");
}

TEST_CASE("what is no command goes back to the array") {
  for (const std::uint64_t byte : {0x28, 0xb0, 0xd0, 0x01}) {
    QemuStory story;
    story.command(byte);
    CHECK(story.chip(kFlash) == "cmd 00 wcycle 0 status 80 romd-on slot 2");
  }
}

TEST_CASE("only the low byte of a wide write is the command") {
  QemuStory story;
  story.write(kFlashBase, 0x12345670, 4);
  CHECK(story.flash() == 0x80);
  CHECK(story.devices() == lines({"write flash+0 4 = 12345670", "read flash+0 1 = 80"}));
}

TEST_CASE("status in 4 bytes is there twice") {
  QemuStory story;
  story.command(0x70);
  CHECK(story.flash(0, 2) == 0x80);
  CHECK(story.flash(0, 4) == 0x00800080);
  CHECK(story.flash(0, 8) == 0x0080008000800080);
}

TEST_CASE("an 8-byte store is two callbacks, each a command") {
  QemuStory story;
  story.write(kFlashBase, 0x7070707070707070, 8);
  CHECK(story.devices() == lines({"write flash+0 4 = 70707070", "write flash+4 4 = 70707070"}));
  CHECK(story.chip(kFlash) == "cmd 70 wcycle 0 status 80 romd-off slot none");
}

TEST_CASE("an 8-byte store of a program command and its data") {
  QemuStory story;
  story.write(kFlashBase, 0x44332211'00000040, 8);
  CHECK(story.byte(kFlash, 4) == 0x11);
  CHECK(story.byte(kFlash, 7) == 0x44);
  CHECK(story.byte(kFlash, 0) == 0xff);
}

TEST_CASE("reads of the array through the device, when romd is off and nobody gave a command") {
  auto regions = qemu_test::usual_regions();
  regions[kFlash].romd = false;
  QemuStory story(regions);
  story.fill(kFlash, 0, {1, 2, 3, 4});
  CHECK(story.chip(kFlash) == "cmd 00 wcycle 0 status 80 romd-off slot none");
  CHECK(story.flash(0, 4) == 0x04030201);
  CHECK(story.devices() == lines({"read flash+0 4 = 4030201"}));
}

TEST_CASE("a script toggles the mode, and toggling twice changes nothing") {
  QemuStory story;
  story.requests();
  story.script(qemu::kScriptRomdOff, kFlash);
  CHECK(story.chip(kFlash) == "cmd 00 wcycle 0 status 80 romd-off slot none");
  story.script(qemu::kScriptRomdOff, kFlash);
  CHECK(story.requests() == lines({"delete 2"}));
  story.script(qemu::kScriptRomdOn, kFlash);
  CHECK(story.requests() == lines({"add 2 ffc00000+4000 ro"}));
  CHECK(story.at_rest());
}

TEST_CASE("what QEMU stores into an encrypted array is noise to the guest") {
  auto regions = qemu_test::usual_regions();
  regions[kFlash].launch_encrypted = true;
  Options options;
  options.guest = svm::GuestType::kSevEs;
  QemuStory story(regions, options);
  CHECK(story.byte(kFlash, 0, true) == 0xff);  // measured at launch
  CHECK(story.byte(kFlash, 0) != 0xff);        // ciphertext for QEMU
  story.command(0x40, 0x20);
  story.command(0x55, 0x20);
  CHECK(story.byte(kFlash, 0x20) == 0x55);
  CHECK(story.byte(kFlash, 0x20, true) != 0x55);
  CHECK(story.byte(kFlash, 0x30, true) == 0xff);  // another 16-byte block
}
