// Private and shared: what QEMU makes of a memory fault and of a page-state change, for every kind
// of region.
#include <doctest/doctest.h>

#include "tests/models/vmm/qemu_story.h"

using namespace nptsim;
using kvm_uapi::ExitReason;
using qemu_test::lines;
using qemu_test::Options;
using qemu_test::QemuStory;
using qemu_test::usual_regions;

namespace {

namespace run = kvm_uapi::run;

constexpr machine::BackingId kGmem = 0x1000;
constexpr std::uint64_t kFlashInCommand = 0xe0000000, kHole = 0x50000000;
constexpr const char kNoMessage[] =
    "vm-killed qemu: no message, only a dump of the registers (alive)";

// The usual machine, with a guest_memfd behind its RAM, and a second flash chip in command mode.
std::vector<machine::Region> private_regions() {
  auto regions = usual_regions();
  regions[0].gmem = kGmem;
  machine::Region flash = regions[3];
  flash.gpa = GuestPhysAddr(kFlashInCommand);
  flash.romd = false;
  flash.backing = 3;
  regions.insert(regions.begin() + 2, flash);
  return regions;
}

Options snp(const std::string& version = "qemu-10.2") {
  Options options;
  options.version = version;
  options.guest = svm::GuestType::kSnp;
  options.kernel_vm_type = "snp";
  return options;
}

void fault(QemuStory& story, std::uint64_t gpa, bool to_private) {
  story.run().set(run::kFaultGpa, gpa);
  story.run().set(run::kFaultPrivate, to_private);
  story.leave(ExitReason::kMemoryFault);
}

void ask(QemuStory& story, std::uint64_t gpa, std::uint64_t pages, bool to_private) {
  story.run().set(run::kHypercallGpa, gpa);
  story.run().set(run::kHypercallPages, pages);
  story.run().set(run::kHypercallPrivate, to_private);
  story.leave(ExitReason::kHypercall);
}

std::string refused(std::uint64_t gpa, const char* to) {
  char text[128];
  std::snprintf(text, sizeof text, "(0x%llx ,+ 0x1000) to %s (alive)",
                static_cast<unsigned long long>(gpa), to);
  return std::string("vm-killed qemu: Convert non guest_memfd backed memory region ") + text;
}

}  // namespace

TEST_CASE("what has a guest_memfd begins as private memory") {
  QemuStory story(private_regions(), snp());
  CHECK(story.requests() == lines({"add 0 0+10000 memfd", "private 0+10000", "add 1 c0000+2000 ro",
                                   "add 2 ffc00000+4000 ro"}));
  CHECK(story.at_rest());
}

TEST_CASE("a ROM with a guest_memfd is RAM") {
  auto regions = private_regions();
  regions[1].gmem = kGmem + 1;
  QemuStory story(regions, snp());
  CHECK(story.requests() ==
        lines({"add 0 0+10000 memfd", "private 0+10000", "add 1 c0000+2000 memfd",
               "private c0000+2000", "add 2 ffc00000+4000 ro"}));
  story.write(qemu_test::kRomBase, 0x5a);
  CHECK(story.byte(1, 0) == 0x5a);
}

TEST_CASE("a conversion: every kind of region, both ways") {
  const struct {
    std::uint64_t gpa;
    bool to_private;
    std::string requests, outcome;
  } cases[] = {
      {0x3000, true, lines({"private 3000+1000", "discard 0 3000+1000"}), "runs"},
      {0x3000, false, lines({"shared 3000+1000", "punch 4096 3000+1000"}), "runs"},
      {qemu_test::kRomBase, true, "", refused(qemu_test::kRomBase, "private")},
      {qemu_test::kRomBase, false, "", refused(qemu_test::kRomBase, "shared")},
      {qemu_test::kIoBase, true, "", refused(qemu_test::kIoBase, "private")},
      {qemu_test::kIoBase, false, "", "runs"},
      {qemu_test::kFlashBase, true, "", refused(qemu_test::kFlashBase, "private")},
      {qemu_test::kFlashBase, false, "", refused(qemu_test::kFlashBase, "shared")},
      {kFlashInCommand, true, "", refused(kFlashInCommand, "private")},
      {kFlashInCommand, false, "", "runs"},
      {kHole, true, "", kNoMessage},
      {kHole, false, "", "runs"},
  };
  for (const char* version : {"qemu-9.1", "qemu-9.2", "qemu-10.2"}) {
    for (const auto& one : cases) {
      QemuStory story(private_regions(), snp(version));
      story.requests();
      fault(story, one.gpa, one.to_private);
      CAPTURE(one.gpa);
      CHECK(story.requests() == one.requests);
      CHECK(story.outcome() == one.outcome);
      if (one.outcome == "runs") CHECK(story.at_rest());
    }
  }
}

TEST_CASE("a page-state change is the same, and is faulted in since 10.1") {
  QemuStory old(private_regions(), snp("qemu-9.2"));
  old.requests();
  ask(old, 0x3000, 2, true);
  CHECK(old.requests() == lines({"private 3000+2000", "discard 0 3000+2000"}));
  QemuStory story(private_regions(), snp());
  story.requests();
  ask(story, 0x3000, 2, true);
  CHECK(story.requests() ==
        lines({"private 3000+2000", "discard 0 3000+2000", "pre-fault 3000+2000"}));
  CHECK(story.run().get(run::kHypercallRet) == 0);
  ask(story, kHole, 1, true);
  CHECK(story.outcome() == kNoMessage);
}

TEST_CASE("no pages, and pages that wrap into nothing: -EINVAL without a word") {
  QemuStory none(private_regions(), snp());
  ask(none, 0x3000, 0, true);
  CHECK(none.outcome() == kNoMessage);
  QemuStory odd(private_regions(), snp());
  ask(odd, 0x3800, 1, true);
  CHECK(odd.outcome() == kNoMessage);
}

TEST_CASE("a range that leaves its region: the attributes change, then the discard fails") {
  QemuStory story(private_regions(), snp());
  story.requests();
  ask(story, 0xf000, 2, true);
  CHECK(story.requests() == "private f000+2000");
  CHECK(story.outcome() ==
        "vm-killed qemu: ram_block_discard_range: Overrun block 'ram' (61440/2000/10000) (alive)");
}

TEST_CASE("a range that begins before its region is the region's") {
  QemuStory story(private_regions(), snp("qemu-9.2"));
  story.requests();
  ask(story, qemu_test::kIoBase - 0x1000, 2, false);
  CHECK(story.requests() == "");
  CHECK(story.outcome() == "runs");
}

TEST_CASE("a kernel that refuses attributes") {
  Options options = snp();
  options.kernel = {{"attributes", "EINVAL"}};
  QemuStory start(private_regions(), options);
  CHECK(start.texts() ==
        "failed to set memory (0x0+0x10000) with attr 0x8 error 'Invalid argument'");
  CHECK(start.outcome() ==
        "refused qemu: kvm_set_phys_mem: failed to set memory attribute private: Invalid argument "
        "(ended)");
  options.start = false;
  QemuStory story(private_regions(), options);
  fault(story, 0x3000, false);
  CHECK(story.outcome() ==
        "vm-killed qemu: failed to set memory (0x3000+0x1000) with attr 0x0 error 'Invalid "
        "argument' (alive)");
}
