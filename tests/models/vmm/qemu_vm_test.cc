// The beginning and the ends of a VM: slots, refusals, and what QEMU makes of an exit it cannot
// handle.
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

std::string end_of(ExitReason reason, svm::GuestType guest = svm::GuestType::kPlain,
                   const Field* field = nullptr, std::uint64_t value = 0) {
  Options options;
  options.guest = guest;
  QemuStory story(usual_regions(), options);
  if (field != nullptr) story.run().set(*field, value);
  story.leave(reason);
  return story.outcome();
}

}  // namespace

TEST_CASE("slots of a machine whose VM has read-only memory") {
  QemuStory story;
  CHECK(story.requests() ==
        lines({"add 0 0+10000", "add 1 c0000+2000 ro", "add 2 ffc00000+4000 ro"}));
  CHECK(story.outcome() == "runs");
  CHECK(story.at_rest());
}

TEST_CASE("without read-only memory: a flash chip is refused") {
  Options options;
  options.readonly_mem = false;
  QemuStory story(usual_regions(), options);
  CHECK(story.requests() == "");
  CHECK(story.outcome() ==
        "refused qemu: pflash with kvm requires KVM readonly memory support (ended)");
}

TEST_CASE("without read-only memory and flash: a ROM is a slot that the guest can write") {
  auto regions = usual_regions();
  regions.pop_back();
  Options options;
  options.readonly_mem = false;
  QemuStory story(regions, options);
  CHECK(story.requests() == lines({"add 0 0+10000", "add 1 c0000+2000"}));
}

TEST_CASE("the kernel refuses a slot: two lines, and the flags with the newer ioctl only") {
  const std::string head = "kvm_set_user_memory_region: KVM_SET_USER_MEMORY_REGION";
  const std::string range = " failed, slot=0, start=0x0, size=0x10000";
  const std::string newer = ", flags=0x0, guest_memfd=-1, guest_memfd_offset=0x0";
  const std::string einval = ": Invalid argument";
  const std::pair<std::string, std::string> by_version[] = {
      {"qemu-7.2", head + range + einval},
      {"qemu-9.0", head + range + einval},
      {"qemu-9.1", head + "2" + range + newer + einval},
      {"qemu-10.2", head + range + einval},
  };
  for (const auto& [version, line] : by_version) {
    Options options;
    options.version = version;
    options.kernel = {{"slots", "EINVAL"}};
    QemuStory story(usual_regions(), options);
    CHECK(story.texts() == line);
    CHECK(story.outcome() ==
          "refused qemu: kvm_set_phys_mem: error registering slot: Invalid argument (ended)");
    options.kernel = {{"slots", "EEXIST"}};
    QemuStory other(usual_regions(), options);
    CHECK(other.outcome() ==
          "refused qemu: kvm_set_phys_mem: error registering slot: File exists (ended)");
  }
}

TEST_CASE("before 9.2 the capability is asked of /dev/kvm, which has it") {
  for (const char* version : {"qemu-7.2", "qemu-9.0", "qemu-9.1"}) {
    Options options;
    options.version = version;
    options.readonly_mem = false;
    QemuStory story(usual_regions(), options);
    CHECK(story.outcome() == "runs");  // this kernel takes the slot; a real one refuses it
    CHECK(story.requests() ==
          lines({"add 0 0+10000", "add 1 c0000+2000 ro", "add 2 ffc00000+4000 ro"}));
  }
}

TEST_CASE("before 9.1 nobody can ask for a VM type") {
  Options options;
  options.kernel_vm_type = "sev-es";
  options.guest = svm::GuestType::kSevEs;
  for (const char* version : {"qemu-7.2", "qemu-9.0"}) {
    options.version = version;
    CHECK(QemuStory(usual_regions(), options).outcome().starts_with("refused qemu: this version"));
  }
  options.version = "qemu-9.1";
  CHECK(QemuStory(usual_regions(), options).outcome() == "runs");
}

TEST_CASE("flash chips of more than 8 MiB below 4 GiB") {
  for (const std::uint64_t more : {0x0, 0x1000}) {
    auto regions = usual_regions();
    regions[3].gpa = GuestPhysAddr(0xff800000 - more);
    regions[3].size = 0x400000 + more;
    machine::Region code = regions[3];
    code.name = "code";
    code.gpa = GuestPhysAddr(0xffc00000);
    code.size = 0x400000;
    code.backing = 4;
    regions.push_back(code);
    QemuStory story(regions);
    CHECK(story.outcome() ==
          (more == 0 ? "runs"
                     : "refused qemu: combined size of system firmware exceeds 8388608 bytes "
                       "(ended)"));
  }
}

TEST_CASE("the kernel refuses the VM") {
  Options options;
  options.kernel = {{"creates", "off"}};
  options.kernel_vm_type = "sev-es";
  CHECK(QemuStory(usual_regions(), options).outcome() ==
        "refused qemu: vm-type SEV-ES not supported by KVM (ended)");
  options.kernel_vm_type = "default";
  CHECK(QemuStory(usual_regions(), options).outcome() ==
        "refused qemu: sev_common_kvm_init: failed to initialize ret=-22 fw_error=0 '' (ended)");
}

TEST_CASE("launch encrypts what is measured, all of it, and nothing else") {
  auto regions = usual_regions();
  regions[3].launch_encrypted = true;
  Options options;
  options.guest = svm::GuestType::kSev;
  QemuStory story(regions, options);
  for (const std::uint64_t offset : {0x0, 0xfff, 0x1000, 0x3fff}) {
    CHECK(story.byte(3, offset, true) == 0xff);
  }
  CHECK(story.byte(0, 0) == 0);
  QemuStory plain;
  CHECK(plain.byte(3, 0x3fff) == 0xff);
}

TEST_CASE("KVM_RUN fails: the VM stops, the process lives") {
  CHECK(end_of(ExitReason::kErrno, svm::GuestType::kSevEs, &run::kErrno, 14) ==
        "vm-killed qemu: error: kvm run failed Bad address (alive)");
  CHECK(end_of(ExitReason::kErrno, svm::GuestType::kPlain, &run::kErrno, 22) ==
        "vm-killed qemu: error: kvm run failed Invalid argument (alive)");
}

TEST_CASE("internal errors") {
  CHECK(end_of(ExitReason::kInternalError, svm::GuestType::kPlain, &run::kSuberror, 1) ==
        "vm-killed qemu: KVM internal error. Suberror: 1\nemulation failure (alive)");
  CHECK(end_of(ExitReason::kInternalError, svm::GuestType::kPlain, &run::kSuberror, 3) ==
        "vm-killed qemu: KVM internal error. Suberror: 3 (alive)");
}

TEST_CASE("a triple fault resets a plain machine and ends a sealed one") {
  CHECK(end_of(ExitReason::kShutdown) == "shutdown qemu: the machine is reset (alive)");
  CHECK(end_of(ExitReason::kShutdown, svm::GuestType::kSevEs) ==
        "shutdown qemu: cpus are not resettable, terminating (ended)");
}

TEST_CASE("the guest asks for its end") {
  CHECK(end_of(ExitReason::kSevTerm, svm::GuestType::kSevEs, &run::kEventData, 0x00121100) ==
        "guest-terminated qemu: SEV termination (reason set: 1 code: 18) (ended) 1:18");
  CHECK(end_of(ExitReason::kSevTerm, svm::GuestType::kSevEs, &run::kEventData, 0x100) ==
        "guest-terminated qemu: SEV termination (reason set: 0 code: 0) (ended) 0:0");
  CHECK(end_of(ExitReason::kSevTerm, svm::GuestType::kSevEs, &run::kEventData, 0x8000) ==
        "guest-terminated qemu: Guest crashed (ended)");
}

TEST_CASE("an entry that failed, and an exit that nobody knows") {
  CHECK(end_of(ExitReason::kFailEntry) ==
        "vm-killed qemu: KVM: entry failed, hardware error 0xffffffffffffffff (alive)");
  CHECK(end_of(ExitReason::kNone) ==
        "vm-killed qemu: KVM: unknown exit, hardware reason 0 (alive)");
}

TEST_CASE("AP reset hold is the kernel's: QEMU does not know the exit") {
  CHECK(end_of(ExitReason::kApResetHold) == "vm-killed qemu: KVM: unknown exit reason 32 (alive)");
}

TEST_CASE("a vCPU that halts outside the kernel waits") {
  QemuStory story;
  story.leave(ExitReason::kHlt);
  CHECK(story.outcome() == "runs");
  CHECK_FALSE(story.machine().enabled(0));
}

TEST_CASE("the slot of a flash chip cannot be made again: QEMU aborts") {
  auto regions = usual_regions();
  regions.erase(regions.begin(), regions.end() - 1);
  regions[0].romd = false;
  Options options;
  options.kernel = {{"slots", "EINVAL"}};
  QemuStory story(regions, options);
  CHECK(story.outcome() == "runs");
  story.script(qemu::kScriptRomdOn, 0);
  CHECK(story.outcome() ==
        "vm-killed qemu: kvm_set_phys_mem: error registering slot: Invalid argument (ended)");
}
