#include "models/kernel/kvm/guest_memory.h"

#include "models/kernel/kvm/state.h"
#include "sim/machine/rmp_host.h"

namespace nptsim::kvm {
namespace {

bool host_allows(machine::HostProtection protection, bool write) {
  switch (protection) {
    case machine::HostProtection::kReadWrite:
      return true;
    case machine::HostProtection::kRead:
    case machine::HostProtection::kPfnmapRead:
      return !write;
    default:
      return false;
  }
}

// Calls move(backing, offset, done, length) for each page of the range; false at the first that may
// not be touched.
template <class Move>
bool for_pages(machine::View& view, GuestPhysAddr gpa, unsigned size, bool write, Move&& move) {
  for (unsigned done = 0; done < size;) {
    const GuestPhysAddr at = gpa + done;
    const auto length = static_cast<unsigned>(bytes_in_page(at.value, size - done));
    const auto found = slot_of(view.store(), at.page_number());
    if (!found || found->invalid || (write && found->readonly)) return false;
    const auto page = machine::backing_page(view.store(), found->backing, found->page);
    if (!host_allows(page.protection, write)) return false;
    move(found->backing, (found->page << kPageShift) + at.page_offset(), done, length);
    done += length;
  }
  return true;
}

}  // namespace

bool read_guest(machine::View& view, GuestPhysAddr gpa, void* data, unsigned size) {
  arch::PhysicalMemory memory = view.memory();
  return for_pages(view, gpa, size, false, [&](auto backing, auto offset, auto done, auto length) {
    machine::read_backing(memory, backing, offset, static_cast<char*>(data) + done, length);
  });
}

bool write_guest(machine::View& view, GuestPhysAddr gpa, const void* data, unsigned size) {
  arch::PhysicalMemory memory = view.memory();
  return for_pages(view, gpa, size, true, [&](auto backing, auto offset, auto done, auto length) {
    const HostPhysAddr frame = machine::populate(view.store(), backing, offset >> kPageShift);
    if (!machine::host_may_write(view, frame, "kernel")) return;
    machine::write_backing(memory, backing, offset, static_cast<const char*>(data) + done, length);
    mark_page_dirty(view.store(), (gpa + done).page_number());
  });
}

}  // namespace nptsim::kvm
