// Start-up: the first state of the process, and what is measured at launch.
#include <array>

#include "models/vmm/qemu/define.h"
#include "models/vmm/qemu/model.h"
#include "models/vmm/qemu/pflash.h"
#include "sim/machine/host.h"

namespace nptsim::qemu {
namespace {

// KVM_SEV_LAUNCH_UPDATE_DATA in place, page by page: plaintext in, the guest's ciphertext out.
void encrypt_in_place(View& view, const machine::Region& region) {
  arch::PhysicalMemory memory = view.memory();
  std::array<std::uint8_t, kPageSize> page;
  for (std::uint64_t offset = 0; offset < region.size; offset += kPageSize) {
    machine::read_backing(memory, region.backing, offset, page.data(), kPageSize);
    machine::write_backing(memory, region.backing, offset, page.data(), kPageSize,
                           view.setup().guest_key());
  }
}

ActionResult launch_update(View& view, const Args&) {
  if (!view.setup().keyed()) return ActionResult::done();
  for (const machine::Region& region : view.setup().regions) {
    if (region.launch_encrypted && region.backing != machine::kNoBacking) {
      encrypt_in_place(view, region);
    }
  }
  return ActionResult::done();
}

}  // namespace

void prepare(Store& store, const machine::Setup& setup) {
  NPTSIM_CHECK(setup.regions.size() <= kMaxRegions);
  for (std::size_t i = 0; i < setup.regions.size(); ++i) {
    const machine::Region& region = setup.regions[i];
    if (region.kind != machine::RegionKind::kPflash) continue;
    // pflash_cfi01_system_reset; the rest of the chip's record is 0.
    const Record record = kRegions.at(store, i);
    record.set(region::kRomd, region.romd);
    record.set(region::kStatus, kFlashReady);
    record.set(region::kReadOnly, region.read_only_drive);
  }
}

void add_start_actions(rules::Vocabulary& v) {
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
    add_run_actions(v);
    add_start_actions(v);
    return v;
  }();
  return kVocabulary;
}

}  // namespace nptsim::qemu
