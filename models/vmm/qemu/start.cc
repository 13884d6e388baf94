// Start-up: the first state of the process, and what is measured at launch.
#include <array>

#include "models/common/host.h"
#include "models/vmm/qemu/define.h"
#include "models/vmm/qemu/model.h"
#include "models/vmm/qemu/pflash.h"
#include "sim/machine/host.h"

namespace nptsim::qemu {

namespace {

// kvm_readonly_mem_allowed, set once in kvm_init. /dev/kvm answers 1 on every x86 kernel; the VM's
// own file descriptor knows its type (KVM, arch/x86/kvm/x86.c kvm_vm_ioctl_check_extension).
ActionResult check_readonly_mem(View& view, const Args& args) {
  enum Scope : unsigned { kSystem, kVm };
  const ConstRecord vm = kvm_uapi::kVm.at(std::as_const(view).store(), 0);
  const bool offered = args.word(0) == kSystem || vm.get(kvm_uapi::vm::kReadonlyMem) != 0;
  process_record(view).set(process::kReadonlyMem, offered);
  return ActionResult::done();
}

// The window below 1 MiB: another place of the firmware's region, or a ROM with a copy in it. What
// is copied is the image as it was loaded, before any launch encrypts it.
void copy_firmware(View& view, const machine::Region& window) {
  arch::PhysicalMemory memory = view.memory();
  const machine::Region& firmware = view.setup().regions[window.of];
  const std::uint64_t from = firmware.size - window.size;
  std::array<std::uint8_t, kPageSize> page;
  for (std::uint64_t offset = 0; offset < window.size; offset += kPageSize) {
    machine::read_backing(memory, firmware.backing, from + offset, page.data(), kPageSize);
    machine::write_backing(memory, window.backing, offset, page.data(), kPageSize);
  }
}

ActionResult make_isa_bios(View& view, const Args& args) {
  const bool of_flash = args.word(0) == 0;
  const bool alias = args.word(1) == 0;
  for (std::size_t i = 0; i < view.setup().regions.size(); ++i) {
    const machine::Region& window = view.setup().regions[i];
    if (window.kind != machine::RegionKind::kIsaBios) continue;
    const machine::Region& firmware = view.setup().regions[window.of];
    if ((firmware.kind == machine::RegionKind::kPflash) != of_flash) continue;
    if (alias) {
      kRegions.at(view.store(), i).set(region::kAlias, window.of + 1);
    } else {
      copy_firmware(view, window);
    }
  }
  return ActionResult::done();
}

ActionResult launch_update(View& view, const Args&) {
  host::encrypt_launch_regions(view);
  return ActionResult::done();
}

}  // namespace

void prepare(Store& store, const machine::Setup& setup) {
  NPTSIM_CHECK(setup.regions.size() <= kMaxRegions);
  for (std::size_t i = 0; i < setup.regions.size(); ++i) {
    const machine::Region& region = setup.regions[i];
    // memory_region_initfn; a ROM device that has no commands stays like this.
    if (region.kind == machine::RegionKind::kNvm) kRegions.at(store, i).set(region::kRomd, 1);
    if (region.kind != machine::RegionKind::kPflash) continue;
    // pflash_cfi01_system_reset; the rest of the chip's record is 0.
    const Record record = kRegions.at(store, i);
    record.set(region::kRomd, region.romd);
    record.set(region::kStatus, kFlashReady);
    record.set(region::kReadOnly, region.read_only_drive);
  }
}

void add_start_actions(rules::Vocabulary& v) {
  v.add(action<check_readonly_mem>("check_readonly_mem", {word_arg("scope", {"system", "vm"})},
                                   "kvm_readonly_mem_allowed",
                                   "KVM_CHECK_EXTENSION(KVM_CAP_READONLY_MEM), of /dev/kvm or of "
                                   "the VM"));
  v.add(action<make_isa_bios>(
      "make_isa_bios", {word_arg("of", {"flash", "bios"}), word_arg("as", {"alias", "copy"})},
      "the window below 1 MiB", "if the firmware is of that kind: an alias of it, or a copy"));
  v.add(action<launch_update>("launch_update", {}, "the regions that are measured",
                              "encrypts them in place with the guest's key"));
}

const rules::Vocabulary& vocabulary() {
  static const rules::Vocabulary kVocabulary = [] {
    rules::Vocabulary v;
    add_facts(v);
    add_access_actions(v);
    add_memory_actions(v);
    add_pflash_actions(v);
    add_pflash_answer_actions(v);
    add_pflash_buffer_actions(v);
    add_nvm_actions(v);
    add_private_memory(v);
    add_snp_launch(v);
    add_run_actions(v);
    add_start_actions(v);
    add_launch_protection(v);
    add_mmio_fault_flag(v);
    return v;
  }();
  return kVocabulary;
}

}  // namespace nptsim::qemu
