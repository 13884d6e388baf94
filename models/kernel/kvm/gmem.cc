#include "models/kernel/kvm/gmem.h"

#include "models/kernel/kvm/state.h"
#include "sim/base/bits.h"

namespace nptsim::kvm {
namespace {

constexpr std::uint64_t kAttributes = 1ull << 50;  // Space::kKernel: a bit a gfn

}  // namespace

bool is_private_gfn(const Store& store, std::uint64_t gfn) {
  return has_bit(store.read(Space::kKernel, kAttributes + gfn / 64), gfn % 64);
}

bool are_alike(const Store& store, std::uint64_t first, std::uint64_t count) {
  NPTSIM_CHECK(first % 64 == 0 && count % 64 == 0);
  const std::uint64_t all = is_private_gfn(store, first) ? ~0ull : 0;
  for (std::uint64_t word = first / 64; word < (first + count) / 64; ++word) {
    if (store.read(Space::kKernel, kAttributes + word) != all) return false;
  }
  return true;
}

void set_private_gfns(Store& store, std::uint64_t first, std::uint64_t count, bool is_private) {
  for (std::uint64_t gfn = first; gfn < first + count;) {
    const std::uint64_t index = kAttributes + gfn / 64;
    const std::uint64_t end = std::min(first + count, (gfn / 64 + 1) * 64);
    const std::uint64_t bits = bit_range((end - 1) % 64, gfn % 64);
    const std::uint64_t word = store.read(Space::kKernel, index);
    store.write(Space::kKernel, index, is_private ? word | bits : word & ~bits);
    gfn = end;
  }
}

std::optional<GmemPage> gmem_of(const Store& store, std::uint64_t gfn) {
  const SlotRecord record = slot_record_of(store, gfn);
  if (!record) return std::nullopt;
  const std::uint64_t backing = record.get(slot::kGmem);
  if (backing == 0) return std::nullopt;
  return GmemPage{static_cast<machine::BackingId>(backing - 1),
                  (record.get(slot::kGmemOffset) >> kPageShift) + gfn - record.get(slot::kBaseGfn)};
}

std::optional<HostPhysAddr> large_folio(const Store& store, const GmemPage& place) {
  const std::uint64_t first = place.page / svm::kPagesIn2M * svm::kPagesIn2M;
  return machine::run_of_2m(store, place.backing, first);
}

void allocate_large_folio(machine::View& view, const GmemPage& place) {
  const std::uint64_t first = place.page / svm::kPagesIn2M * svm::kPagesIn2M;
  for (const machine::Region& region : view.setup().regions) {
    if (region.gmem == place.backing && first + svm::kPagesIn2M > region.size >> kPageShift) return;
  }
  if (!machine::is_untouched_2m(view.store(), place.backing, first)) return;
  machine::populate_2m(view.store(), place.backing, first);
}

void set_registered_ghcb(Store& store, unsigned vcpu, std::uint64_t gpa) {
  kVcpus.at(store, vcpu).set(vcpu::kRegisteredGhcb, gpa);
}

}  // namespace nptsim::kvm
