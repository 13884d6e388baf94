// address_space_rw: where a KVM_EXIT_MMIO goes, and into which pieces it is cut.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/models/vmm/qemu_story.h"

using namespace nptsim;
using qemu_test::kFlash;
using qemu_test::kFlashBase;
using qemu_test::kIoBase;
using qemu_test::kRam;
using qemu_test::kRom;
using qemu_test::kRomBase;
using qemu_test::lines;
using qemu_test::QemuStory;

namespace {

std::uint64_t pattern(std::uint64_t address, unsigned size) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < size; ++i) {
    const std::uint64_t a = address + i;
    value |= ((0xc0 ^ a ^ (a >> 8) * 3) & 0xff) << (8 * i);
  }
  return value;
}

}  // namespace

TEST_CASE("RAM is copied whole, whatever the alignment") {
  QemuStory story;
  story.write(0x123, 0x8877665544332211, 8);
  CHECK(story.read(0x123, 8) == 0x8877665544332211);
  CHECK(story.read(0x124, 3) == 0x443322);
  CHECK(story.byte(kRam, 0x12a) == 0x88);
  CHECK(story.devices() == "");
  CHECK(story.at_rest());
}

TEST_CASE("RAM that the guest encrypted: QEMU writes beside its key") {
  auto regions = qemu_test::usual_regions();
  regions[kRam].launch_encrypted = true;
  qemu_test::Options options;
  options.guest = svm::GuestType::kSevEs;
  QemuStory story(regions, options);
  CHECK(story.byte(kRam, 0x100, true) == 0);
  story.write(0x100, 0x42);
  CHECK(story.read(0x100) == 0x42);
  CHECK(story.byte(kRam, 0x100, true) != 0x42);
}

TEST_CASE("ROM answers reads and drops writes") {
  QemuStory story;
  story.fill(kRom, 4, {0xaa, 0xbb});
  CHECK(story.read(kRomBase + 4, 2) == 0xbbaa);
  CHECK(story.machine().harm().empty());
  story.write(kRomBase + 4, 0x1111, 2);
  CHECK(story.read(kRomBase + 4, 2) == 0xbbaa);
  CHECK(story.machine().harm() == std::set<std::string>{"write-lost"});
  CHECK(story.outcome() == "runs");
}

TEST_CASE("a flash chip in romd mode is read directly") {
  QemuStory story;
  story.fill(kFlash, 1, {1, 2, 3, 4, 5, 6, 7, 8});
  CHECK(story.read(kFlashBase + 1, 8) == 0x0807060504030201);
  CHECK(story.devices() == "");
}

TEST_CASE("nothing there: reads give 0, writes change nothing and harm nobody") {
  QemuStory story;
  story.write(0xd0000000, ~0ull, 8);
  CHECK(story.read(0xd0000000, 8) == 0);
  CHECK(story.machine().harm().empty());
  CHECK(story.at_rest());
}

TEST_CASE("a register device gets naturally aligned pieces of at most 4 bytes, lowest first") {
  QemuStory story;
  CHECK(story.read(kIoBase, 8) == pattern(kIoBase, 8));
  story.devices();
  CHECK(story.read(kIoBase + 0x301, 7) == pattern(kIoBase + 0x301, 7));
  CHECK(story.devices() ==
        lines({"read apic+301 1 = " + fmt::format("{:x}", pattern(kIoBase + 0x301, 1)),
               "read apic+302 2 = " + fmt::format("{:x}", pattern(kIoBase + 0x302, 2)),
               "read apic+304 4 = " + fmt::format("{:x}", pattern(kIoBase + 0x304, 4))}));
  story.write(kIoBase + 6, 0x11223344, 4);
  CHECK(story.devices() == lines({"write apic+6 2 = 3344", "write apic+8 2 = 1122"}));
  story.write(kIoBase + 0x10, 0x332211, 3);
  CHECK(story.devices() == lines({"write apic+10 2 = 2211", "write apic+12 1 = 33"}));
  CHECK(story.machine().harm().empty());
}

TEST_CASE("an access across the end of a region is two accesses") {
  QemuStory story;
  story.fill(kRam, 0xfffe, {0x11, 0x22});
  CHECK(story.read(0xfffe, 4) == 0x2211);  // RAM, then nothing
  story.fill(kRom, 0, {0x33, 0x44});
  CHECK(story.read(kRomBase - 2, 4) == 0x44330000);  // nothing, then ROM
  CHECK(story.read(kIoBase - 1, 2) == pattern(kIoBase, 1) << 8);
}

TEST_CASE("a misaligned store to the flash is split: each piece is a cycle") {
  QemuStory story;
  story.write(kFlashBase + 0x101, 0x33224011, 4);  // 0x11; 0x2240 as a command is 0x40; 0x33
  CHECK(story.devices() ==
        lines({"write flash+101 1 = 11", "write flash+102 2 = 2240", "write flash+104 1 = 33"}));
  CHECK(story.byte(kFlash, 0x104) == 0x33);
  CHECK(story.chip(kFlash) == "cmd 40 wcycle 0 status 80 romd-off slot none");
}

TEST_CASE("a mapping that does not allow the access kills the process") {
  QemuStory story;
  machine::set_protection(story.machine().store(), 0, 1, machine::HostProtection::kRead);
  CHECK(story.read(0x1000) == 0);
  CHECK(story.outcome() == "runs");
  story.write(0x1000, 1);
  CHECK(story.outcome() == "vm-killed qemu: Segmentation fault (ended)");
}

TEST_CASE("unassigned ports read all ones") {
  QemuStory story;
  namespace run = kvm_uapi::run;
  story.run().set(run::kIoSize, 2);
  story.run().set(run::kIoPort, 0x510);
  story.leave(kvm_uapi::ExitReason::kIo);
  CHECK(story.run().get(run::kIoData) == 0xffff);
  story.run().set(run::kIoOut, 1);
  story.run().set(run::kIoData, 0x12);
  story.leave(kvm_uapi::ExitReason::kIo);
  CHECK(story.run().get(run::kIoData) == 0x12);
  CHECK(story.outcome() == "runs");
}

TEST_CASE(
    "no vCPU goes back to KVM_RUN while ioctls are inhibited, nor into a device under the lock") {
  QemuStory story;
  const Record process = qemu::kProcess.at(story.machine().store(), 0);
  std::uint64_t data = 0;
  process.set(qemu::process::kInhibit, 1);
  story.access(0x100, 1, false, data);
  CHECK_FALSE(story.machine().enabled(0));
  process.set(qemu::process::kInhibit, 0);
  CHECK(story.machine().enabled(0));

  QemuStory other;
  const Record busy = qemu::kProcess.at(other.machine().store(), 0);
  busy.set(qemu::process::kBql, machine::kVmmActor + 1);
  other.access(kIoBase, 1, false, data);
  CHECK_FALSE(other.machine().enabled(0));
  busy.set(qemu::process::kBql, 0);
  CHECK(other.machine().enabled(0));
}
