// QEMU's own view of guest memory: the host mapping behind a region.
#include "models/vmm/qemu/define.h"
#include "sim/machine/host.h"
#include "sim/machine/rmp_host.h"

namespace nptsim::qemu {
namespace {

using machine::HostProtection;
using machine::Outcome;
using machine::OutcomeKind;

bool allows(HostProtection protection, bool write) {
  switch (protection) {
    case HostProtection::kReadWrite:
      return true;
    case HostProtection::kRead:
    case HostProtection::kPfnmapRead:
      return !write;
    case HostProtection::kNone:
    case HostProtection::kUnmapped:
    case HostProtection::kPoisoned:
      return false;
  }
  NPTSIM_BUG("a host protection that does not exist");
}

// The process gets a signal that it cannot survive.
void die(View& view, HostProtection protection) {
  if (protection == HostProtection::kPoisoned) {
    view.end_vm(Outcome(OutcomeKind::kUnspecified,
                        "what QEMU does when it touches a poisoned page of the guest itself"));
    return;
  }
  Outcome outcome(OutcomeKind::kVmKilled, "Segmentation fault");
  outcome.who = "qemu";
  outcome.process_alive = false;
  view.end_vm(std::move(outcome));
}

bool may_touch(View& view, machine::BackingId backing, std::uint64_t offset, std::uint64_t size,
               bool write) {
  NPTSIM_CHECK(size != 0);
  const std::uint64_t last = (offset + size - 1) >> kPageShift;
  for (std::uint64_t page = offset >> kPageShift; page <= last; ++page) {
    const HostProtection protection = machine::backing_page(view.store(), backing, page).protection;
    if (allows(protection, write)) continue;
    die(view, protection);
    return false;
  }
  return true;
}

// A page of the mapping that somebody gave to a guest all the same.
bool rmp_allows(View& view, machine::BackingId backing, std::uint64_t offset, std::uint64_t size) {
  if (!view.setup().cpu.checks_rmp()) return true;
  const std::uint64_t last = (offset + size - 1) >> kPageShift;
  for (std::uint64_t page = offset >> kPageShift; page <= last; ++page) {
    const HostPhysAddr frame = machine::populate(view.store(), backing, page);
    if (!machine::host_may_write(view, frame, "qemu")) return false;
  }
  return true;
}

}  // namespace

bool load_mapping(View& view, const machine::Region& region, std::uint64_t offset, void* data,
                  std::uint64_t size) {
  if (!may_touch(view, region.backing, offset, size, false)) return false;
  arch::PhysicalMemory memory = view.memory();
  machine::read_backing(memory, region.backing, offset, data, size);
  return true;
}

bool store_mapping(View& view, const machine::Region& region, std::uint64_t offset,
                   const void* data, std::uint64_t size) {
  if (!may_touch(view, region.backing, offset, size, true)) return false;
  if (!rmp_allows(view, region.backing, offset, size)) return false;
  arch::PhysicalMemory memory = view.memory();
  machine::write_backing(memory, region.backing, offset, data, size);
  return true;
}

}  // namespace nptsim::qemu
