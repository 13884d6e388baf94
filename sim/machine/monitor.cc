#include "sim/machine/monitor.h"

namespace nptsim::machine {
namespace {

const Region* region_of_backing(const Setup& setup, BackingId backing) {
  for (const Region& region : setup.regions) {
    if (region.backing == backing || region.gmem == backing) return &region;
  }
  return nullptr;
}

bool is_rom(const Region& region) {
  switch (region.kind) {
    case RegionKind::kRom:
    case RegionKind::kPflash:
    case RegionKind::kNvm:
    case RegionKind::kIsaBios:
      return true;
    case RegionKind::kRam:
    case RegionKind::kIo:
    case RegionKind::kNvmc:
      return false;
  }
  return false;
}

}  // namespace

void AccessMonitor::on_translated(const svm::Translated& t, svm::RuleId) {
  if (t.access.kind == svm::AccessKind::kFetch) return;
  const auto owner = owner_of(machine_->store(), t.spa.page_base());
  if (!owner) {
    machine_->raise_harm("host-memory-exposed");
    return;
  }
  const Region* region = region_of_backing(machine_->setup(), owner->backing);
  if (t.access.kind == svm::AccessKind::kWrite) {
    if (region != nullptr && is_rom(*region)) machine_->raise_harm("rom-modified");
    return;
  }
  if (!machine_->setup().keyed()) return;
  const arch::PhysicalMemory memory = machine_->memory();
  if (memory.key_of(t.spa) != t.key && !never_written(memory, t.spa)) {
    machine_->raise_harm("ciphertext-read");
  }
}

// Memory that nobody wrote is zeros without a key: a private read of it is noise, but nobody's
// data.
bool AccessMonitor::never_written(const arch::PhysicalMemory& memory, HostPhysAddr address) {
  const arch::Block block = memory.raw_block(address.align_down(arch::kBlockSize));
  return memory.key_of(address) == arch::kNoKey && block == arch::Block{};
}

}  // namespace nptsim::machine
