// QEMU's own rules, run whole in a machine whose kernel only takes notes: each access is one return
// from KVM_RUN with KVM_EXIT_MMIO, and each memslot request becomes a line of text.
#ifndef NPTSIM_TESTS_MODELS_VMM_QEMU_STORY_H_
#define NPTSIM_TESTS_MODELS_VMM_QEMU_STORY_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "models/common/kvm_uapi.h"
#include "models/vmm/qemu/model.h"
#include "models/vmm/qemu/state.h"
#include "sim/machine/machine.h"
#include "sim/rules/check.h"

namespace nptsim::qemu_test {

// One text of several lines, as the stories compare them.
std::string lines(const std::vector<std::string>& lines);

// Every diagnostic, a line each; empty if there is none.
std::string tell(const Diagnostics& diagnostics);

// The rules of a version of QEMU against the kernel that only takes notes.
Result<rules::Checked, Diagnostics> checked_qemu(const std::string& version);

struct Options {
  std::string version = "qemu-10.2";
  std::map<std::string, std::string> params = {};  // of QEMU
  svm::GuestType guest = svm::GuestType::kPlain;
  std::string kernel_vm_type = "default";
  bool readonly_mem = true;                        // KVM_CAP_READONLY_MEM of this VM
  std::map<std::string, std::string> kernel = {};  // creates: no; slots: EINVAL or EEXIST; ...
  bool start = true;
};

// Addresses of the regions that most stories use.
inline constexpr std::uint64_t kRamBase = 0, kRomBase = 0xc0000, kIoBase = 0xfed00000,
                               kFlashBase = 0xffc00000;
inline constexpr std::uint64_t kFlashSize = 0x4000;

// 64 KiB of RAM, 8 KiB of ROM, a register device and a flash chip of 16 KiB, all bytes 0xff.
inline constexpr std::uint64_t kRam = 0, kRom = 1, kFlash = 3;  // numbers of these
std::vector<machine::Region> usual_regions();

class QemuStory : public machine::EventSink {
 public:
  QemuStory() : QemuStory(usual_regions(), Options{}) {}
  explicit QemuStory(std::vector<machine::Region> regions, const Options& options = {});

  // One KVM_EXIT_MMIO. False if QEMU did not go back to KVM_RUN.
  bool access(std::uint64_t gpa, unsigned size, bool write, std::uint64_t& data);
  void write(std::uint64_t gpa, std::uint64_t value, unsigned size = 1);
  std::uint64_t read(std::uint64_t gpa, unsigned size = 1);
  // The same at the beginning of the flash chip.
  void command(std::uint64_t value, std::uint64_t offset = 0) { write(kFlashBase + offset, value); }
  std::uint64_t flash(std::uint64_t offset = 0, unsigned size = 1) {
    return read(kFlashBase + offset, size);
  }
  // Any other return from KVM_RUN; what is in kvm_run was put there by the caller.
  void leave(kvm_uapi::ExitReason reason);
  Record run() { return kvm_uapi::kRuns.at(machine_->store(), 0); }
  void script(std::string_view procedure, std::uint64_t region);

  // What the host finds in a region without any key, or with the guest's.
  std::uint8_t byte(std::uint64_t region, std::uint64_t offset, bool guest_key = false);
  void fill(std::uint64_t region, std::uint64_t offset, std::vector<std::uint8_t> bytes);

  // "cmd 70 wcycle 0 status 80 romd-off slot none", of the region with this number.
  std::string chip(std::uint64_t region);
  // What the kernel was asked for since the last call: "add 2 ffc00000+4000 ro", "delete 2",
  // "private 3000+1000", "discard 0 3000+1000", "punch 1000 3000+1000", "pre-fault 3000+1000".
  std::string requests();
  // How many there have been since the beginning.
  std::uint64_t request_count() const;
  // The `device` events since the last call: "write flash+0 1 = 70".
  std::string devices();
  std::string texts() const { return lines(texts_); }
  std::string outcome();
  machine::Machine& machine() { return *machine_; }
  // All words of Space::kVmm that are QEMU's between two accesses.
  bool at_rest();

  void take(machine::Event event) override;

 private:
  void run_vmm(unsigned actor, std::string_view procedure,
               std::initializer_list<std::uint64_t> locals = {});

  std::shared_ptr<machine::Setup> setup_;
  std::unique_ptr<machine::Machine> machine_;
  machine::Narrator narrator_{this};
  std::uint64_t requests_seen_ = 0;
  std::vector<std::string> devices_;
  std::vector<std::string> texts_;
};

}  // namespace nptsim::qemu_test

#endif  // NPTSIM_TESTS_MODELS_VMM_QEMU_STORY_H_
