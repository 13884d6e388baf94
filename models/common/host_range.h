// A range of pages that a VMM names in a system call on the memory behind its slots: madvise,
// mprotect, fallocate of a guest_memfd.
#ifndef NPTSIM_MODELS_COMMON_HOST_RANGE_H_
#define NPTSIM_MODELS_COMMON_HOST_RANGE_H_

#include <cstdint>

#include "models/common/kvm_uapi.h"
#include "sim/machine/host.h"

namespace nptsim::kvm_uapi {

inline void name_host_range(Store& store, machine::BackingId backing, std::uint64_t first_page,
                            std::uint64_t pages) {
  const Record record = kNotifierRange.at(store, 0);
  record.set(host_range::kBacking, backing);
  record.set(host_range::kFirstPage, first_page);
  record.set(host_range::kPages, pages);
}

struct HostRange {
  machine::BackingId backing = machine::kNoBacking;
  std::uint64_t first_page = 0, pages = 0;
};
inline HostRange host_range_of(const Store& store) {
  const ConstRecord record = kNotifierRange.at(store, 0);
  return {static_cast<machine::BackingId>(record.get(host_range::kBacking)),
          record.get(host_range::kFirstPage), record.get(host_range::kPages)};
}

// Calls change(backing, page) for each page of the range.
template <class Change>
void for_host_range(const Store& store, Change&& change) {
  const HostRange range = host_range_of(store);
  for (std::uint64_t i = 0; i < range.pages; ++i) change(range.backing, range.first_page + i);
}

}  // namespace nptsim::kvm_uapi

#endif  // NPTSIM_MODELS_COMMON_HOST_RANGE_H_
