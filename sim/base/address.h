// The three address spaces of a guest under nested paging, as types that never mix.
//
// A guest virtual (linear) address becomes a guest physical one by the guest's own tables, and a
// guest physical address becomes a host physical one by the nested tables. No conversion is
// implicit: each is a walk, and forgetting one (or forgetting to take the C-bit off) is the classic
// mistake of this field.
#ifndef NPTSIM_SIM_BASE_ADDRESS_H_
#define NPTSIM_SIM_BASE_ADDRESS_H_

#include <compare>
#include <cstdint>

namespace nptsim {

inline constexpr unsigned kPageShift = 12;
inline constexpr std::uint64_t kPageSize = 1ull << kPageShift;
inline constexpr std::uint64_t kPageMask = kPageSize - 1;
inline constexpr std::uint64_t kSize2M = 1ull << 21;
inline constexpr std::uint64_t kSize1G = 1ull << 30;

// An address in the space that Tag names. In bytes; all 64 bits are kept, widths are checked where
// an address is used.
template <class Tag>
struct Address {
  std::uint64_t value = 0;

  constexpr Address() = default;
  constexpr explicit Address(std::uint64_t v) : value(v) {}

  constexpr auto operator<=>(const Address&) const = default;
  constexpr Address operator+(std::uint64_t bytes) const { return Address(value + bytes); }
  constexpr Address operator-(std::uint64_t bytes) const { return Address(value - bytes); }
  constexpr std::uint64_t operator-(Address other) const { return value - other.value; }

  constexpr std::uint64_t page_number() const { return value >> kPageShift; }
  constexpr std::uint64_t page_offset() const { return value & kPageMask; }
  constexpr Address page_base() const { return Address(value & ~kPageMask); }
  // `size` is a power of two.
  constexpr Address align_down(std::uint64_t size) const { return Address(value & ~(size - 1)); }
  constexpr bool aligned_to(std::uint64_t size) const { return (value & (size - 1)) == 0; }
};

using GuestVirtAddr = Address<struct GuestVirtTag>;  // GVA: linear, after segmentation
using GuestPhysAddr = Address<struct GuestPhysTag>;  // GPA
using HostPhysAddr = Address<struct HostPhysTag>;    // SPA, "system physical" in the APM

// How many bytes of [address, address + size) lie in the page of `address`.
constexpr std::uint64_t bytes_in_page(std::uint64_t address, std::uint64_t size) {
  const std::uint64_t room = kPageSize - (address & kPageMask);
  return size < room ? size : room;
}

}  // namespace nptsim

#endif  // NPTSIM_SIM_BASE_ADDRESS_H_
